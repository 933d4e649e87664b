/*
 * int8 3x3 stride 1 by Winograd's F(2x2,3x3) (Lavin and Gray, arXiv 1509.09308): 16 instead of 36 multiplications for four
 * outputs. Exact: G is doubled, so transformed weights are integers (|u| <= 9*127) and results four times the sums, which
 * always divide. Transformed input is at most 4*255. Both fit 16 bits; products are summed in 32.
 * Only on in-order Armv8.0, where SMLAL of 16 bits is as fast as the 8-bit kernels' instructions.
 */
#include "internal.h"

#include <string.h>

#if defined(__aarch64__)
#include <arm_neon.h>

/* u = G g G^T for one channel pair; g is 3x3, u is 4x4. */
static void transform_weights(int32_t g[3][3], int16_t u[16]) {
  int32_t half[4][3];
  for (int i = 0; i < 3; i++) {
    half[0][i] = 2 * g[0][i];
    half[1][i] = g[0][i] + g[1][i] + g[2][i];
    half[2][i] = g[0][i] - g[1][i] + g[2][i];
    half[3][i] = 2 * g[2][i];
  }
  for (int i = 0; i < 4; i++) {
    u[i * 4] = (int16_t)(2 * half[i][0]);
    u[i * 4 + 1] = (int16_t)(half[i][0] + half[i][1] + half[i][2]);
    u[i * 4 + 2] = (int16_t)(half[i][0] - half[i][1] + half[i][2]);
    u[i * 4 + 3] = (int16_t)(2 * half[i][2]);
  }
}

/* Packed as [block of 8 outputs][16 positions][input channel][8]. */
void edge_winograd_prepare(const edge_geometry *geometry, const edge_conv_data *data, uint8_t *packed) {
  const edge_conv *c = &geometry->conv;
  int16_t *to = (int16_t *)(void *)(packed + geometry->at_weights);
  const size_t channels = (size_t)c->in_channels;
  for (size_t o = 0; o < (size_t)c->out_channels; o++) {
    for (size_t i = 0; i < channels; i++) {
      int32_t g[3][3];
      int16_t u[16];
      for (size_t tap = 0; tap < 9; tap++) g[tap / 3][tap % 3] = edge_weight_code(c, data->weights, (o * 9 + tap) * channels + i);
      transform_weights(g, u);
      for (size_t p = 0; p < 16; p++) to[((o / 8 * 16 + p) * channels + i) * 8 + o % 8] = u[p];
    }
  }
}

/* Eight channels of one cell, zero taken away; outside of the picture that is 0. */
static inline int16x8_t winograd_cell(const edge_conv *c, const uint8_t *picture, int32_t y, int32_t x, int32_t channel, int16x8_t zero) {
  if (y < 0 || y >= c->in_height || x < 0 || x >= c->in_width) return vdupq_n_s16(0);
  const uint8x8_t codes = vld1_u8(picture + ((size_t)y * (size_t)c->in_width + (size_t)x) * (size_t)c->in_channels + channel);
  return vsubq_s16(c->input_signed ? vmovl_s8(vreinterpret_s8_u8(codes)) : vreinterpretq_s16_u16(vmovl_u8(codes)), zero);
}

/* v = B^T d B of one tile, all channels: to [16 positions][tile][channel]. */
static void winograd_input(const edge_geometry *g, const uint8_t *picture, int32_t y, int32_t x, size_t position_stride, int16_t *to) {
  const edge_conv *c = &g->conv;
  const int16x8_t zero = vdupq_n_s16((int16_t)c->input_zero);
  for (int32_t channel = 0; channel < c->in_channels; channel += 8) {
    int16x8_t h[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      const int16x8_t a = winograd_cell(c, picture, y + i, x, channel, zero), b = winograd_cell(c, picture, y + i, x + 1, channel, zero);
      const int16x8_t d = winograd_cell(c, picture, y + i, x + 2, channel, zero), e = winograd_cell(c, picture, y + i, x + 3, channel, zero);
      h[i][0] = vsubq_s16(a, d), h[i][1] = vaddq_s16(b, d), h[i][2] = vsubq_s16(d, b), h[i][3] = vsubq_s16(b, e);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      vst1q_s16(to + (size_t)j * position_stride + channel, vsubq_s16(h[0][j], h[2][j]));
      vst1q_s16(to + (size_t)(4 + j) * position_stride + channel, vaddq_s16(h[1][j], h[2][j]));
      vst1q_s16(to + (size_t)(8 + j) * position_stride + channel, vsubq_s16(h[2][j], h[1][j]));
      vst1q_s16(to + (size_t)(12 + j) * position_stride + channel, vsubq_s16(h[1][j], h[3][j]));
    }
  }
}

/* One position: 8 output channels x `tiles` tiles; `tiles` is a constant where this is used. */
static inline __attribute__((always_inline)) void winograd_multiply(const int16_t *weights, const int16_t *input, size_t channels,
                                                                  int32_t *to, int tiles) {
  int32x4_t low[8], high[8];
#pragma GCC unroll 8
  for (int t = 0; t < tiles; t++) low[t] = high[t] = vdupq_n_s32(0);
  for (size_t i = 0; i < channels; i += 8, weights += 64) {
    int16x8_t a[8];
#pragma GCC unroll 8
    for (int t = 0; t < tiles; t++) a[t] = vld1q_s16(input + (size_t)t * channels + i);
#define EDGE_LANE(k)                                             \
  do {                                                           \
    const int16x8_t w = vld1q_s16(weights + (k) * 8);            \
    _Pragma("GCC unroll 8") for (int t = 0; t < tiles; t++) {    \
      low[t] = vmlal_laneq_s16(low[t], vget_low_s16(w), a[t], k); \
      high[t] = vmlal_high_laneq_s16(high[t], w, a[t], k);       \
    }                                                            \
  } while (0)
    EDGE_LANE(0);
    EDGE_LANE(1);
    EDGE_LANE(2);
    EDGE_LANE(3);
    EDGE_LANE(4);
    EDGE_LANE(5);
    EDGE_LANE(6);
    EDGE_LANE(7);
  }
#pragma GCC unroll 8
  for (int t = 0; t < tiles; t++) vst1q_s32(to + t * 8, low[t]), vst1q_s32(to + t * 8 + 4, high[t]);
}

#define EDGE_POSITIONS(n)                                                                                  \
  static void winograd_positions_##n(const int16_t *weights, const int16_t *input, size_t channels, int32_t *to) { \
    for (size_t p = 0; p < 16; p++, weights += channels * 8, input += channels * (n), to += 64)           \
      winograd_multiply(weights, input, channels, to, n);                                                  \
  }
EDGE_POSITIONS(1)
EDGE_POSITIONS(2)
EDGE_POSITIONS(3)
EDGE_POSITIONS(4)
EDGE_POSITIONS(5)
EDGE_POSITIONS(6)
EDGE_POSITIONS(7)
EDGE_POSITIONS(8)

typedef void positions(const int16_t *weights, const int16_t *input, size_t channels, int32_t *to);
static positions *const by_tiles[] = {winograd_positions_1, winograd_positions_2, winograd_positions_3, winograd_positions_4,
                                      winograd_positions_5, winograd_positions_6, winograd_positions_7, winograd_positions_8};

static inline int32x4_t plus(int32x4_t a, int32x4_t b) {
  return vreinterpretq_s32_u32(vaddq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
}
static inline int32x4_t minus(int32x4_t a, int32x4_t b) {
  return vreinterpretq_s32_u32(vsubq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
}

/* y = A^T m A / 4 of one tile, four channels; `m` is [16][8 tiles][8], rows of sums are [pixel][8]. */
static void winograd_output(const int32_t *m, int32_t *upper, int32_t *lower) {
  int32x4_t a[4], b[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    const int32x4_t p = vld1q_s32(m + j * 64), q = vld1q_s32(m + (4 + j) * 64), r = vld1q_s32(m + (8 + j) * 64), s = vld1q_s32(m + (12 + j) * 64);
    a[j] = plus(plus(p, q), r), b[j] = minus(minus(q, r), s);
  }
  vst1q_s32(upper, vshrq_n_s32(plus(plus(a[0], a[1]), a[2]), 2));
  vst1q_s32(upper + 8, vshrq_n_s32(minus(minus(a[1], a[2]), a[3]), 2));
  vst1q_s32(lower, vshrq_n_s32(plus(plus(b[0], b[1]), b[2]), 2));
  vst1q_s32(lower + 8, vshrq_n_s32(minus(minus(b[1], b[2]), b[3]), 2));
}

void edge_winograd_run(const edge_geometry *g, const uint8_t *packed, const uint8_t *input, uint8_t *output, uint8_t *workspace,
                       const edge_part *part, edge_finish *finish) {
  const edge_conv *c = &g->conv;
  const size_t channels = (size_t)c->in_channels, picture_bytes = (size_t)c->in_height * (size_t)c->in_width * channels;
  const int32_t width = g->plan.out_width, height = g->plan.out_height, segments = g->winograd_segments;
  const int32_t columns = edge_divide_up(width, 2), lines = edge_divide_up(height, 2);
  const edge_finish start = *finish;
  int16_t *transformed = (int16_t *)(void *)(workspace + g->at_panels);
  int32_t *products = (int32_t *)(void *)(workspace + g->at_wide), *sums = (int32_t *)(void *)(workspace + g->at_sums);
  for (int32_t unit = part->pixel_begin; unit < part->pixel_end; unit++) {
    const int32_t segment = unit % segments, line = unit / segments % lines, n = unit / segments / lines;
    const int32_t first = columns * segment / segments, tiles = columns * (segment + 1) / segments - first;
    const int32_t left = width - first * 2 < tiles * 2 ? width - first * 2 : tiles * 2;
    for (int32_t t = 0; t < tiles; t++)
      winograd_input(g, input + (size_t)n * picture_bytes, line * 2 - c->pad_top, (first + t) * 2 - c->pad_left,
                     (size_t)tiles * channels, transformed + (size_t)t * channels);
    for (int32_t block = part->channel_begin; block < part->channel_end; block++) {
      const int16_t *weights = (const int16_t *)(const void *)(packed + g->at_weights) + (size_t)block * 128 * channels;
      by_tiles[tiles - 1](weights, transformed, channels, products);
      for (int32_t t = 0; t < tiles; t++)
        for (int32_t half = 0; half < 8; half += 4)
          winograd_output(products + t * 8 + half, sums + t * 16 + half, sums + 128 + t * 16 + half);
      *finish = start;
      edge_finish_seek(g, finish, block * 8);
      finish->pixels = (size_t)left;
      for (int32_t row = 0; row < 2 && line * 2 + row < height; row++)
        edge_finish_rows(finish, sums + row * 128,
                         output + ((((size_t)n * (size_t)height + (size_t)(line * 2 + row)) * (size_t)width + (size_t)first * 2) *
                                       (size_t)c->out_channels +
                                   (size_t)block * 8) *
                                      (size_t)g->output_size);
    }
  }
}

#else
void edge_winograd_prepare(const edge_geometry *geometry, const edge_conv_data *data, uint8_t *packed) {
  (void)geometry, (void)data, (void)packed;
}
void edge_winograd_run(const edge_geometry *g, const uint8_t *packed, const uint8_t *input, uint8_t *output, uint8_t *workspace,
                       const edge_part *part, edge_finish *finish) {
  (void)g, (void)packed, (void)input, (void)output, (void)workspace, (void)part, (void)finish;
}
#endif
