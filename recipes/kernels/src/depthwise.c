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

#if defined(__ARM_NEON)
#include <arm_neon.h>
static void add_tap(int32_t *sums, const uint8_t *codes, const int8_t *weights, uint8_t flip) {
  const int16x8_t product = vmull_s8(vreinterpret_s8_u8(veor_u8(vld1_u8(codes), vdup_n_u8(flip))), vld1_s8(weights));
  vst1q_s32(sums, vaddw_s16(vld1q_s32(sums), vget_low_s16(product)));
  vst1q_s32(sums + 4, vaddw_s16(vld1q_s32(sums + 4), vget_high_s16(product)));
}
#else
static void add_tap(int32_t *sums, const uint8_t *codes, const int8_t *weights, uint8_t flip) {
  for (int i = 0; i < 8; i++) sums[i] += (int8_t)(codes[i] ^ flip) * weights[i];
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

void edge_depthwise_run(const edge_geometry *g, const edge_header *header, const uint8_t *packed, const uint8_t *input,
                        uint8_t *output, const edge_part *part) {
  const edge_conv *c = &g->conv;
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
      for (int32_t x = 0; x < g->plan.out_width; x += 8) {
        int32_t sums[8][8];
        const int32_t pixels = g->plan.out_width - x < 8 ? g->plan.out_width - x : 8;
        for (int32_t i = 0; i < pixels; i++)
          sum_pixel(g, picture, y0, (x + i) * c->stride_width - c->pad_left, weights, count, sums[i]);
        f.pixels = (size_t)pixels;
        edge_finish_rows(&f, sums, to + (size_t)x * f.output_stride);
      }
    }
  }
}
