/* Depthwise int8 convolution: eight channels side by side, no packing of the input. */
#include "internal.h"

#include <string.h>

/* Weights as [block of 8 channels][tap][8]. */
edge_status edge_depthwise_prepare(const edge_geometry *g, const edge_conv_data *data, uint8_t *packed) {
  for (int32_t channel = 0; channel < g->conv.in_channels; channel++)
    for (int32_t tap = 0; tap < g->depth; tap++)
      packed[g->at_weights + ((size_t)(channel / 8) * (size_t)g->depth + (size_t)tap) * 8 + (size_t)(channel % 8)] =
          (uint8_t)edge_weight_code(&g->conv, data->weights, (size_t)channel * (size_t)g->depth + (size_t)tap);
  return EDGE_OK;
}

static void add_tap(int32_t *sums, const uint8_t *codes, const int8_t *weights, uint8_t flip) {
  for (int i = 0; i < 8; i++) sums[i] += (int8_t)(codes[i] ^ flip) * weights[i];
}

#if defined(__aarch64__)
#include <arm_neon.h>

/*
 * Four neighbouring output pixels, eight channels each, all taps inside of the line: weights are loaded once for the four,
 * and two neighbouring taps share a 16-bit sum, which holds two products as weights stay within [-127,127].
 * `step` is the bytes between the pixels' windows, `across` between two taps. A line outside of the picture is `pad`.
 */
static void sum_four(const edge_geometry *g, const uint8_t *picture, int32_t y0, int32_t x0, const int8_t *weights, const uint8_t *pad,
                     int32_t (*sums)[8]) {
  const edge_conv *c = &g->conv;
  const uint8x8_t flip = vdup_n_u8(c->input_signed ? 0 : 0x80);
  const size_t inside_step = (size_t)c->stride_width * (size_t)c->in_channels, inside_across = (size_t)c->dilation_width * (size_t)c->in_channels;
  int32x4_t low[4], high[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) low[j] = high[j] = vdupq_n_s32(0);
  for (int32_t ky = 0; ky < c->kernel_height; ky++) {
    const int64_t y = y0 + (int64_t)ky * c->dilation_height;
    const int inside = y >= 0 && y < c->in_height;
    const size_t step = inside ? inside_step : 0, across = inside ? inside_across : 0;
    const uint8_t *at = inside ? picture + ((size_t)y * (size_t)c->in_width + (size_t)x0) * (size_t)c->in_channels : pad;
    int32_t kx = 0;
    for (; kx + 2 <= c->kernel_width; kx += 2, at += 2 * across, weights += 16) {
      const int8x8_t w0 = vld1_s8(weights), w1 = vld1_s8(weights + 8);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const int8x8_t a0 = vreinterpret_s8_u8(veor_u8(vld1_u8(at + (size_t)j * step), flip));
        const int8x8_t a1 = vreinterpret_s8_u8(veor_u8(vld1_u8(at + (size_t)j * step + across), flip));
        const int16x8_t two = vmlal_s8(vmull_s8(a0, w0), a1, w1);
        low[j] = vaddw_s16(low[j], vget_low_s16(two)), high[j] = vaddw_high_s16(high[j], two);
      }
    }
    if (kx < c->kernel_width) {
      const int8x8_t w = vld1_s8(weights);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const int16x8_t one = vmull_s8(vreinterpret_s8_u8(veor_u8(vld1_u8(at + (size_t)j * step), flip)), w);
        low[j] = vaddw_s16(low[j], vget_low_s16(one)), high[j] = vaddw_high_s16(high[j], one);
      }
      weights += 8;
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) vst1q_s32(sums[j], low[j]), vst1q_s32(sums[j] + 4, high[j]);
}

/* One output pixel at an edge: each tap is looked up by itself. */
static void sum_edge(const edge_geometry *g, const uint8_t *picture, int32_t y0, int32_t x0, const int8_t *weights, const uint8_t *pad,
                     int32_t *sums) {
  const edge_conv *c = &g->conv;
  const uint8x8_t flip = vdup_n_u8(c->input_signed ? 0 : 0x80);
  int32x4_t low = vdupq_n_s32(0), high = low;
  for (int32_t ky = 0; ky < c->kernel_height; ky++) {
    const int64_t y = y0 + (int64_t)ky * c->dilation_height;
    for (int32_t kx = 0; kx < c->kernel_width; kx++, weights += 8) {
      const int64_t x = x0 + (int64_t)kx * c->dilation_width;
      const int inside = y >= 0 && y < c->in_height && x >= 0 && x < c->in_width;
      const uint8_t *at = inside ? picture + ((size_t)y * (size_t)c->in_width + (size_t)x) * (size_t)c->in_channels : pad;
      const int16x8_t one = vmull_s8(vreinterpret_s8_u8(veor_u8(vld1_u8(at), flip)), vld1_s8(weights));
      low = vaddw_s16(low, vget_low_s16(one)), high = vaddw_high_s16(high, one);
    }
  }
  vst1q_s32(sums, low), vst1q_s32(sums + 4, high);
}
#endif

/* The sums of one output pixel's eight (or `count`) channels. */
static void sum_pixel(const edge_geometry *g, const uint8_t *picture, int32_t y0, int32_t x0, const int8_t *weights,
                      int32_t count, int32_t *sums) {
  const edge_conv *c = &g->conv;
  const uint8_t flip = c->input_signed ? 0 : 0x80;
  uint8_t eight[8];
  memset(sums, 0, 8 * sizeof *sums);
  for (int32_t ky = 0; ky < c->kernel_height; ky++) {
    const int64_t y = y0 + (int64_t)ky * c->dilation_height;
    for (int32_t kx = 0; kx < c->kernel_width; kx++, weights += 8) {
      const int64_t x = x0 + (int64_t)kx * c->dilation_width;
      const uint8_t *codes = eight;
      if (y < 0 || y >= c->in_height || x < 0 || x >= c->in_width) {
        memset(eight, c->input_zero, 8);
      } else {
        codes = picture + ((size_t)y * (size_t)c->in_width + (size_t)x) * (size_t)c->in_channels;
        if (count < 8) {
          memset(eight, 0, 8);
          memcpy(eight, codes, (size_t)count);
          codes = eight;
        }
      }
      add_tap(sums, codes, weights, flip);
    }
  }
}

/* As many sums as are cheap to have at once, from output column x on: 4 or 1. Returns how many. */
static int32_t sum_some(const edge_geometry *g, const uint8_t *picture, int32_t y0, int32_t x, const int8_t *weights, const uint8_t *pad,
                        int32_t count, int32_t (*sums)[8]) {
  const edge_conv *c = &g->conv;
  const int32_t x0 = x * c->stride_width - c->pad_left;
#if defined(__aarch64__)
  const int64_t end = x0 + (int64_t)3 * c->stride_width + (int64_t)(c->kernel_width - 1) * c->dilation_width;
  if (count == 8 && x + 4 <= g->plan.out_width && x0 >= 0 && end < c->in_width) {
    sum_four(g, picture, y0, x0, weights, pad, sums);
    return 4;
  }
  if (count == 8) {
    sum_edge(g, picture, y0, x0, weights, pad, sums[0]);
    return 1;
  }
#endif
  (void)pad;
  sum_pixel(g, picture, y0, x0, weights, count, sums[0]);
  return 1;
}

void edge_depthwise_run(const edge_geometry *g, const edge_header *header, const uint8_t *packed, const uint8_t *input,
                        uint8_t *output, const edge_part *part) {
  const edge_conv *c = &g->conv;
  uint8_t pad[8];
  memset(pad, c->input_zero, sizeof pad);
  const size_t picture_bytes = (size_t)c->in_height * (size_t)c->in_width * (size_t)c->in_channels;
  for (int32_t unit = part->channel_begin; unit < part->channel_end; unit++) {
    const int32_t first = unit * 8, count = c->in_channels - first < 8 ? c->in_channels - first : 8;
    const int8_t *weights = (const int8_t *)packed + g->at_weights + (size_t)unit * (size_t)g->depth * 8;
    edge_finish f;
    memset(&f, 0, sizeof f);
    f.base = (const int32_t *)(packed + g->at_base) + first;
    if (c->requant == EDGE_REQUANT_FIXED) f.multiplier = (const int32_t *)(packed + g->at_multiplier) + first;
    if (c->requant == EDGE_REQUANT_FIXED || c->requant == EDGE_REQUANT_SHIFT)
      f.shift = (const int32_t *)(packed + g->at_shift) + first;
    if (c->requant == EDGE_REQUANT_FLOAT) f.scale = (const float *)(packed + g->at_scale) + first;
    if (g->thresholds != 0) f.threshold = (const int32_t *)(packed + g->at_threshold) + (size_t)first * (size_t)g->thresholds;
    f.alpha = 1, f.left_shifts = header->left_shifts, f.row_channels = 8, f.channels = count, f.conv = c;
    f.output_stride = (size_t)c->out_channels * (size_t)g->output_size;
    for (int32_t line = part->pixel_begin; line < part->pixel_end; line++) {
      const uint8_t *picture = input + (size_t)(line / g->plan.out_height) * picture_bytes + first;
      const int32_t y0 = line % g->plan.out_height * c->stride_height - c->pad_top;
      uint8_t *to = output + ((size_t)line * (size_t)g->plan.out_width * (size_t)c->out_channels + (size_t)first) * (size_t)g->output_size;
      for (int32_t x = 0; x < g->plan.out_width;) {
        int32_t sums[16][8];
        int32_t pixels = 0;
        while (pixels <= 12 && x + pixels < g->plan.out_width)
          pixels += sum_some(g, picture, y0, x + pixels, weights, pad, count, &sums[pixels]);
        f.pixels = (size_t)pixels;
        edge_finish_rows(&f, sums, to + (size_t)x * f.output_stride);
        x += pixels;
      }
    }
  }
}
