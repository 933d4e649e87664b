/*
 * 3x3 convolution, stride 1, by Winograd's F(4x4,3x3) (Lavin and Gray, arXiv 1509.09308): 36 instead of 144 multiplications
 * for 16 outputs, and exact. All three transforms are multiplied up to integers, so the last one gives each sum times a
 * known 9 * 2^s. Everything is computed modulo 2^32, so it does not matter what overflows on the way: multiplying by the
 * inverse of 9 and shifting right by s gives the sum, as long as that fits 32 - s bits.
 *  - Input codes as signed bytes: transformed at most 10 * 10 * 128, which fits 16 bits.
 *  - Weights: transformed at most 7 * 7 * 127.
 *  - s is at most 6, so sums must stay within 2^25: 128 * (sum of |w|) < 2^25. Input channels are cut in blocks for which
 *    that holds for each output channel; `prepare` finds the widest. 224 channels are never too many.
 */
#include "internal.h"

#include <string.h>

/* Points 0, 1, -1, 2, -2 and infinity. Factors 4, 2, 1, 1 of the four outputs (besides 2 * 3) are in OUTPUT_SHIFT. */
static void transform_three(const int32_t g[3], int32_t u[6]) {
  u[0] = 6 * g[0];
  u[1] = -(g[0] + g[1] + g[2]);
  u[2] = g[1] - g[0] - g[2];
  u[3] = g[0] + 2 * g[1] + 4 * g[2];
  u[4] = g[0] - 2 * g[1] + 4 * g[2];
  u[5] = 6 * g[2];
}

/* u = G g G^T of one pair of channels; `g` is 3x3 by rows. */
static void transform_weights(const int32_t g[9], int32_t u[36]) {
  int32_t half[6][3], column[6];
  for (int x = 0; x < 3; x++) {
    const int32_t line[3] = {g[x], g[3 + x], g[6 + x]};
    transform_three(line, column);
    for (int i = 0; i < 6; i++) half[i][x] = column[i];
  }
  for (int i = 0; i < 6; i++) transform_three(half[i], u + i * 6);
}

/* The largest sum of |w| over `width` input channels from a multiple of `width` on, over all output channels. */
static int64_t largest_sum(const edge_conv *c, const void *weights, int32_t width) {
  int64_t most = 0;
  for (size_t o = 0; o < (size_t)c->out_channels; o++) {
    for (int32_t first = 0; first < c->in_channels; first += width) {
      const int32_t end = first + width < c->in_channels ? first + width : c->in_channels;
      int64_t sum = 0;
      for (size_t tap = 0; tap < 9; tap++) {
        for (int32_t i = first; i < end; i++) {
          const int32_t w = edge_weight_code(c, weights, (o * 9 + tap) * (size_t)c->in_channels + (size_t)i);
          sum += w < 0 ? -w : w;
        }
      }
      if (sum > most) most = sum;
    }
  }
  return most;
}

/* The widest block of input channels whose sums fit: all of them, or parts as equal as steps of eight allow. */
int32_t edge_winograd_block(const edge_geometry *g, const edge_conv_data *data) {
  const int32_t channels = g->conv.in_channels;
  int64_t most = largest_sum(&g->conv, data->weights, channels);
  int32_t blocks = (int32_t)(most / EDGE_WINOGRAD_SUM) + 1, width = channels;
  while (most >= EDGE_WINOGRAD_SUM) {
    width = edge_divide_up(channels, blocks++ * 8) * 8;
    most = largest_sum(&g->conv, data->weights, width);
  }
  return width;
}

/* Packed as [block of input channels][8 outputs][36 positions][input channel][8]. */
void edge_winograd_prepare(const edge_geometry *g, const edge_conv_data *data, int32_t width, uint8_t *packed) {
  const edge_conv *c = &g->conv;
  int16_t *to = (int16_t *)(void *)(packed + g->at_weights);
  for (int32_t first = 0; first < c->in_channels; first += width) {
    const size_t channels = (size_t)(first + width < c->in_channels ? width : c->in_channels - first);
    for (size_t o = 0; o < (size_t)c->out_channels; o++) {
      for (size_t i = 0; i < channels; i++) {
        int32_t taps[9], u[36];
        for (size_t tap = 0; tap < 9; tap++)
          taps[tap] = edge_weight_code(c, data->weights, (o * 9 + tap) * (size_t)c->in_channels + (size_t)first + i);
        transform_weights(taps, u);
        for (size_t p = 0; p < 36; p++) to[((o / 8 * 36 + p) * channels + i) * 8 + o % 8] = (int16_t)u[p];
      }
    }
    to += (size_t)c->out_channels * 36 * channels;
  }
}

#if defined(__aarch64__)
#include <arm_neon.h>

/* B^T d of six values, eight lanes each. */
static inline __attribute__((always_inline)) void winograd_input_six(const int16x8_t d[6], int16x8_t v[6]) {
  const int16x8_t a = vsubq_s16(d[4], d[2]), b = vsubq_s16(d[3], d[1]);
  const int16x8_t even = vmlsq_n_s16(d[4], d[2], 4), odd = vmlsq_n_s16(d[3], d[1], 4), twice = vaddq_s16(b, b);
  v[0] = vmlaq_n_s16(vsubq_s16(even, d[2]), d[0], 4);
  v[1] = vaddq_s16(even, odd), v[2] = vsubq_s16(even, odd);
  v[3] = vaddq_s16(a, twice), v[4] = vsubq_s16(a, twice);
  v[5] = vmlsq_n_s16(vsubq_s16(d[5], d[3]), b, 4);
}

/*
 * v = B^T d B of one tile, `channels` of them. `cells` are its 36 cells, of which channels from `first` on are read;
 * `to` is [36][channels / 8][tiles][8], and points to the tile.
 */
static void winograd_input(const uint8_t *const cells[36], size_t first, size_t channels, size_t tiles, uint8_t flip, int16_t *to) {
  const uint8x8_t flips = vdup_n_u8(flip);
  const size_t position = channels * tiles;
  for (size_t channel = first; channel < first + channels; channel += 8, to += tiles * 8) {
    int16x8_t h[6][6];
#pragma GCC unroll 6
    for (int y = 0; y < 6; y++) {
      int16x8_t d[6];
#pragma GCC unroll 6
      for (int x = 0; x < 6; x++) d[x] = vmovl_s8(vreinterpret_s8_u8(veor_u8(vld1_u8(cells[y * 6 + x] + channel), flips)));
      winograd_input_six(d, h[y]);
    }
#pragma GCC unroll 6
    for (int x = 0; x < 6; x++) {
      const int16x8_t d[6] = {h[0][x], h[1][x], h[2][x], h[3][x], h[4][x], h[5][x]};
      int16x8_t v[6];
      winograd_input_six(d, v);
#pragma GCC unroll 6
      for (int y = 0; y < 6; y++) vst1q_s16(to + (size_t)(y * 6 + x) * position, v[y]);
    }
  }
}

/* Where the cells of a tile are; those outside of the picture are in `outside`. */
static void winograd_cells(const edge_conv *c, const uint8_t *picture, int32_t top, int32_t left, const uint8_t *outside,
                           const uint8_t *cells[36]) {
  for (int32_t i = 0; i < 36; i++) {
    const int32_t y = top + i / 6, x = left + i % 6;
    const int inside = y >= 0 && y < c->in_height && x >= 0 && x < c->in_width;
    cells[i] = inside ? picture + ((size_t)y * (size_t)c->in_width + (size_t)x) * (size_t)c->in_channels : outside;
  }
}

static inline __attribute__((always_inline)) uint32x4_t winograd_load(const int32_t *m) {
  return vld1q_u32((const uint32_t *)(const void *)m);
}

/* A^T m of six values. */
static inline __attribute__((always_inline)) void winograd_output_six(const uint32x4_t m[6], uint32x4_t y[4]) {
  const uint32x4_t s = vaddq_u32(m[1], m[2]), d = vsubq_u32(m[1], m[2]), s2 = vaddq_u32(m[3], m[4]), d2 = vsubq_u32(m[3], m[4]);
  const uint32x4_t both = vaddq_u32(d, d2);
  y[0] = vaddq_u32(vaddq_u32(m[0], s2), vshlq_n_u32(s, 2));
  y[1] = vaddq_u32(both, d);
  y[2] = vaddq_u32(s, s2);
  y[3] = vaddq_u32(vaddq_u32(both, d2), m[5]);
}

/* log2 of the factor, besides 3, of an output in its row or column. */
#define OUTPUT_SHIFT(i) ((i) == 0 ? 3 : (i) == 1 ? 2 : 1)
/* 9 * 954437177 = 1 modulo 2^32. */
#define INVERSE_OF_9 954437177u

/* Sums lie in four rows of EDGE_WINOGRAD_TILES * 4 pixels of 8 channels. */
#define SUMS_ROW (EDGE_WINOGRAD_TILES * 32)

/* One sum of four channels, added to what is there when `more` is set. */
#define EDGE_TAKE(i, x)                                                                                                       \
  do {                                                                                                                        \
    int32_t *at = sums + (i) * SUMS_ROW + (x) * 8;                                                                            \
    const int32x4_t scaled = vreinterpretq_s32_u32(vmulq_n_u32(y[x], INVERSE_OF_9));                                          \
    const uint32x4_t sum = vreinterpretq_u32_s32(vshrq_n_s32(scaled, OUTPUT_SHIFT(i) + OUTPUT_SHIFT(x)));                     \
    vst1q_s32(at, vreinterpretq_s32_u32(more ? vaddq_u32(sum, winograd_load(at)) : sum));                                     \
  } while (0)
#define EDGE_TAKE_ROW(i)                                                                                                      \
  do {                                                                                                                        \
    uint32x4_t y[4];                                                                                                          \
    winograd_output_six(h[i], y);                                                                                             \
    EDGE_TAKE(i, 0);                                                                                                          \
    EDGE_TAKE(i, 1);                                                                                                          \
    EDGE_TAKE(i, 2);                                                                                                          \
    EDGE_TAKE(i, 3);                                                                                                          \
  } while (0)

/* The 16 sums of one tile, four channels. `m` is [36][tiles][8]. */
static inline __attribute__((always_inline)) void winograd_output(const int32_t *m, size_t tiles, int32_t *sums, int more) {
  uint32x4_t h[4][6];
#pragma GCC unroll 6
  for (int x = 0; x < 6; x++) {
    uint32x4_t column[6], y[4];
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) column[i] = winograd_load(m + (size_t)(i * 6 + x) * tiles * 8);
    winograd_output_six(column, y);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) h[i][x] = y[i];
  }
  EDGE_TAKE_ROW(0);
  EDGE_TAKE_ROW(1);
  EDGE_TAKE_ROW(2);
  EDGE_TAKE_ROW(3);
}

static void winograd_outputs(const int32_t *products, size_t tiles, int32_t *sums, int more) {
  for (size_t t = 0; t < tiles; t++) {
    for (size_t half = 0; half < 8; half += 4) {
      if (more)
        winograd_output(products + t * 8 + half, tiles, sums + t * 32 + half, 1);
      else
        winograd_output(products + t * 8 + half, tiles, sums + t * 32 + half, 0);
    }
  }
}

/* Where a tile is, counted over all pictures, row by row. */
typedef struct place {
  int32_t picture, top, left;
} place;

static place winograd_place(const edge_geometry *g, int64_t tile) {
  const int32_t line = (int32_t)(tile / g->tile_columns);
  const place at = {line / g->tile_rows, line % g->tile_rows * 4, (int32_t)(tile % g->tile_columns) * 4};
  return at;
}

/* Up to eight tiles from `tile` on, all input channels: [block of channels][36][channels / 8][tiles][8]. */
static void winograd_panel(const edge_geometry *g, int32_t width, int64_t tile, size_t tiles, const uint8_t *input, const uint8_t *outside,
                           int16_t *to) {
  const edge_conv *c = &g->conv;
  const size_t channels = (size_t)c->in_channels, picture_bytes = (size_t)c->in_height * (size_t)c->in_width * channels;
  const uint8_t flip = c->scheme == EDGE_W8A8 && !c->input_signed ? 0x80 : 0;
  for (size_t t = 0; t < tiles; t++) {
    const place at = winograd_place(g, tile + (int64_t)t);
    const uint8_t *cells[36];
    int16_t *block = to + t * 8;
    winograd_cells(c, input + (size_t)at.picture * picture_bytes, at.top - c->pad_top, at.left - c->pad_left, outside, cells);
    for (size_t first = 0; first < channels; first += (size_t)width) {
      const size_t some = first + (size_t)width < channels ? (size_t)width : channels - first;
      winograd_input(cells, first, some, tiles, flip, block);
      block += 36 * some * tiles;
    }
  }
}

/* Writes the outputs of `tiles` tiles of one block of channels: what lies side by side in a row of the picture goes together. */
static void winograd_finish(const edge_geometry *g, int64_t tile, int32_t tiles, const int32_t *sums, int32_t channel, edge_finish *finish,
                            uint8_t *output) {
  const edge_conv *c = &g->conv;
  const int32_t width = g->plan.out_width, height = g->plan.out_height;
  for (int32_t t = 0; t < tiles;) {
    const place at = winograd_place(g, tile + t);
    const int32_t side = g->tile_columns - at.left / 4, run = side < tiles - t ? side : tiles - t;
    finish->pixels = (size_t)(width - at.left < run * 4 ? width - at.left : run * 4);
    for (int32_t row = 0; row < 4 && at.top + row < height; row++) {
      const size_t pixel = ((size_t)at.picture * (size_t)height + (size_t)(at.top + row)) * (size_t)width + (size_t)at.left;
      edge_finish_rows(finish, sums + row * SUMS_ROW + t * 32,
                       output + (pixel * (size_t)c->out_channels + (size_t)channel) * (size_t)g->output_size);
    }
    t += run;
  }
}

void edge_winograd_run(const edge_geometry *g, int32_t width, const uint8_t *packed, const uint8_t *input, uint8_t *output,
                       uint8_t *workspace, const edge_part *part, const edge_finish *start) {
  const edge_conv *c = &g->conv;
  const int32_t channels = c->in_channels;
  const int64_t total = (int64_t)c->batch * g->tile_rows * g->tile_columns;
  uint8_t *outside = workspace + g->at_row;
  int16_t *panels = (int16_t *)(void *)(workspace + g->at_panels);
  int32_t *products = (int32_t *)(void *)(workspace + g->at_wide), *sums = (int32_t *)(void *)(workspace + g->at_sums);
  memset(outside, c->input_zero, (size_t)channels);
  for (int32_t unit = part->pixel_begin; unit < part->pixel_end; unit++) {
    const int64_t tile = total * unit / g->plan.pixel_units;
    const int32_t count = (int32_t)(total * (unit + 1) / g->plan.pixel_units - tile);
    const int32_t groups = edge_divide_up(count, EDGE_WINOGRAD_TILES);
    for (int32_t i = 0; i < groups && part->channel_begin < part->channel_end; i++) {
      const int32_t first = count * i / groups, tiles = count * (i + 1) / groups - first;
      winograd_panel(g, width, tile + first, (size_t)tiles, input, outside, panels + (size_t)first * 36 * (size_t)channels);
    }
    for (int32_t block = part->channel_begin; block < part->channel_end; block++) {
      edge_finish finish = *start;
      edge_finish_seek(g, &finish, block * 8);
      for (int32_t i = 0; i < groups; i++) {
        const int32_t first = count * i / groups, tiles = count * (i + 1) / groups - first;
        const int16_t *from = panels + (size_t)first * 36 * (size_t)channels;
        const int16_t *weights = (const int16_t *)(const void *)(packed + g->at_weights);
        for (int32_t channel = 0; channel < channels; channel += width) {
          const int32_t some = channel + width < channels ? width : channels - channel;
          g->winograd->run[tiles - 1](weights + (size_t)block * 36 * (size_t)some * 8, from, (size_t)some / 8, products, 36);
          winograd_outputs(products, (size_t)tiles, sums, channel > 0);
          weights += (size_t)c->out_channels * 36 * (size_t)some;
          from += (size_t)tiles * 36 * (size_t)some;
        }
        winograd_finish(g, tile + first, tiles, sums, block * 8, &finish, output);
      }
    }
  }
}

#else
void edge_winograd_run(const edge_geometry *g, int32_t width, const uint8_t *packed, const uint8_t *input, uint8_t *output,
                       uint8_t *workspace, const edge_part *part, const edge_finish *start) {
  (void)g, (void)width, (void)packed, (void)input, (void)output, (void)workspace, (void)part, (void)start;
}
#endif
