/*
 * 3x3 convolution, stride 1, by Winograd's algorithm (Lavin and Gray, arXiv 1509.09308), exact. All three transforms are
 * multiplied up to integers, so the last one gives each sum times a known number. Everything is computed modulo 2^32 or 2^16,
 * so it does not matter what overflows on the way: that number's inverse gives the sum, if the sum fits what is left of the bits.
 *  - Wide, F(4x4,3x3): 36 instead of 144 products for 16 outputs. Sums come times 9 * 2^6 modulo 2^32, so must stay within
 *    2^25. Input codes have at most 128: 128 * (sum of |w|) < 2^25. 224 channels are never too many.
 *    Transformed input is at most 10 * 10 * 128, transformed weights 7 * 7 * 127: both fit 16 bits.
 *  - Narrow, F(2x4,3x3), for 2-bit input: 24 instead of 72 products for 8 outputs, twice as many an instruction. Sums come
 *    times 3 * 2^4 modulo 2^16, so have 12 bits: with the least possible sum added to them, 3 * (sum of |w|) < 2^12.
 * Input channels are cut in blocks for which that holds for each output channel; `prepare` finds the widest.
 */
#include "winograd.h"

#include <string.h>

/* Points 0, 1, -1, 2, -2 and infinity: 6 G g. */
static void transform_six(const int32_t g[3], int32_t u[6]) {
  u[0] = 6 * g[0];
  u[1] = -(g[0] + g[1] + g[2]);
  u[2] = g[1] - g[0] - g[2];
  u[3] = g[0] + 2 * g[1] + 4 * g[2];
  u[4] = g[0] - 2 * g[1] + 4 * g[2];
  u[5] = 6 * g[2];
}

/* Points 0, 1, -1 and infinity: 2 G g. */
static void transform_four(const int32_t g[3], int32_t u[4]) {
  u[0] = 2 * g[0], u[1] = g[0] + g[1] + g[2], u[2] = g[0] - g[1] + g[2], u[3] = 2 * g[2];
}

/* u = G g G^T of one pair of channels; `g` is 3x3 by rows. */
static void transform_weights(const edge_winograd *k, const int32_t g[9], int32_t u[36]) {
  int32_t half[6][3], column[6];
  for (int x = 0; x < 3; x++) {
    const int32_t line[3] = {g[x], g[3 + x], g[6 + x]};
    if (k->rows == 4)
      transform_six(line, column);
    else
      transform_four(line, column);
    for (int i = 0; i < k->rows + 2; i++) half[i][x] = column[i];
  }
  for (int i = 0; i < k->rows + 2; i++) transform_six(half[i], u + i * 6);
}

int32_t edge_winograd_weight(const edge_conv *c, const void *weights, size_t index) {
  const int32_t code = edge_weight_code(c, weights, index);
  switch (c->scheme) {
    case EDGE_W2A2: return c->weight_zero2 & 1 ? 2 * code - c->weight_zero2 : code - c->weight_zero2 / 2;
    case EDGE_W1A2: return 2 * code - 1;
    default: return code;
  }
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
          const int32_t w = edge_winograd_weight(c, weights, (o * 9 + tap) * (size_t)c->in_channels + (size_t)i);
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
  const int32_t channels = g->conv.in_channels, limit = g->winograd->limit;
  int64_t most = largest_sum(&g->conv, data->weights, channels);
  int32_t blocks = (int32_t)(most / limit) + 1, width = channels;
  while (most >= limit) {
    width = edge_divide_up(channels, blocks++ * 8) * 8;
    most = largest_sum(&g->conv, data->weights, width);
  }
  return width;
}

/*
 * What narrow kernels add to the sum of these weights with codes -2..1 so that it is never negative: their largest negative
 * sum, 2 for each positive and 1 for each negative unit.
 */
int32_t edge_winograd_offset(int32_t weight) {
  return weight > 0 ? 2 * weight : -weight;
}

/* Packed as [block of input channels][k->outputs output channels][position][input channel][k->outputs]. */
void edge_winograd_prepare(const edge_geometry *g, const edge_conv_data *data, int32_t width, uint8_t *packed) {
  const edge_conv *c = &g->conv;
  const edge_winograd *k = g->winograd;
  const size_t outputs = (size_t)k->outputs, positions = (size_t)(k->rows + 2) * 6;
  int16_t *to = (int16_t *)(void *)(packed + g->at_weights), *offsets = (int16_t *)(void *)(packed + g->at_offsets);
  for (int32_t first = 0; first < c->in_channels; first += width) {
    const size_t channels = (size_t)(first + width < c->in_channels ? width : c->in_channels - first);
    for (size_t o = 0; o < (size_t)c->out_channels; o++) {
      int32_t offset = 0;
      for (size_t i = 0; i < channels; i++) {
        int32_t taps[9], u[36];
        for (size_t tap = 0; tap < 9; tap++) {
          taps[tap] = edge_winograd_weight(c, data->weights, (o * 9 + tap) * (size_t)c->in_channels + (size_t)first + i);
          offset += edge_winograd_offset(taps[tap]);
        }
        transform_weights(k, taps, u);
        for (size_t p = 0; p < positions; p++) to[((o / outputs * positions + p) * channels + i) * outputs + o % outputs] = (int16_t)u[p];
      }
      /* Modulo 2^16, as the sums are. */
      if (k->rows == 2) *offsets++ = (int16_t)(uint16_t)(uint32_t)(12 * offset);
    }
    to += (size_t)c->out_channels * positions * channels;
  }
}

#if defined(__aarch64__)

/* Where the cells of a tile are; those outside of the picture are in `outside`. */
static void winograd_cells(const edge_conv *c, int32_t lines, const uint8_t *picture, int32_t top, int32_t left, const uint8_t *outside,
                           const uint8_t *cells[36]) {
  for (int32_t i = 0; i < lines * 6; i++) {
    const int32_t y = top + i / 6, x = left + i % 6;
    const int inside = y >= 0 && y < c->in_height && x >= 0 && x < c->in_width;
    cells[i] = inside ? picture + ((size_t)y * (size_t)c->in_width + (size_t)x) * (size_t)c->in_channels : outside;
  }
}

/* Where a tile is, counted over all pictures, row by row. */
typedef struct place {
  int32_t picture, top, left;
} place;

static place winograd_place(const edge_geometry *g, int64_t tile) {
  const int32_t line = (int32_t)(tile / g->tile_columns);
  const place at = {line / g->tile_rows, line % g->tile_rows * g->winograd->rows, (int32_t)(tile % g->tile_columns) * 4};
  return at;
}

/* Up to eight tiles from `tile` on, all input channels: [block of channels][position][channels / 8][tiles][8]. */
static void winograd_panel(const edge_geometry *g, int32_t width, int64_t tile, size_t tiles, const uint8_t *input, const uint8_t *outside,
                           int16_t *to) {
  const edge_conv *c = &g->conv;
  const int32_t lines = g->winograd->rows + 2;
  const size_t channels = (size_t)c->in_channels, picture_bytes = (size_t)c->in_height * (size_t)c->in_width * channels;
  for (size_t t = 0; t < tiles; t++) {
    const uint8_t *cells[36];
    const place at = winograd_place(g, tile + (int64_t)t);
    int16_t *block = to + t * 8;
    winograd_cells(c, lines, input + (size_t)at.picture * picture_bytes, at.top - c->pad_top, at.left - c->pad_left, outside, cells);
    for (size_t first = 0; first < channels; first += (size_t)width) {
      const size_t some = first + (size_t)width < channels ? (size_t)width : channels - first;
      edge_winograd_input(g->winograd, cells, first, some, tiles, c->input_signed, edge_winograd_zero(c), block);
      block += (size_t)lines * 6 * some * tiles;
    }
  }
}

/* Writes the outputs of `tiles` tiles of eight channels: what lies side by side in a row of the picture goes together. */
static void winograd_finish(const edge_geometry *g, int64_t tile, int32_t tiles, const uint8_t *sums, int32_t channel,
                            edge_finish *finish, uint8_t *output) {
  const edge_conv *c = &g->conv;
  const int32_t width = g->plan.out_width, height = g->plan.out_height, rows = g->winograd->rows, pixel_bytes = finish->narrow ? 16 : 32;
  for (int32_t t = 0; t < tiles;) {
    const place at = winograd_place(g, tile + t);
    const int32_t side = g->tile_columns - at.left / 4, run = side < tiles - t ? side : tiles - t;
    finish->pixels = (size_t)(width - at.left < run * 4 ? width - at.left : run * 4);
    for (int32_t row = 0; row < rows && at.top + row < height; row++) {
      const size_t pixel = ((size_t)at.picture * (size_t)height + (size_t)(at.top + row)) * (size_t)width + (size_t)at.left;
      edge_finish_rows(finish, sums + (size_t)((row * EDGE_WINOGRAD_PIXELS + t * 4) * pixel_bytes),
                       output + (pixel * (size_t)c->out_channels + (size_t)channel) * (size_t)g->output_size);
    }
    t += run;
  }
}

void edge_winograd_run(const edge_geometry *g, int32_t width, const uint8_t *packed, const uint8_t *input, uint8_t *output,
                       uint8_t *workspace, const edge_part *part, const edge_finish *start) {
  const edge_conv *c = &g->conv;
  const edge_winograd *k = g->winograd;
  const int32_t channels = c->in_channels, outputs = k->outputs;
  const size_t positions = (size_t)(k->rows + 2) * 6;
  const int64_t total = (int64_t)c->batch * g->tile_rows * g->tile_columns;
  const int64_t all_groups = (total + EDGE_WINOGRAD_TILES - 1) / EDGE_WINOGRAD_TILES;
  uint8_t *outside = workspace + g->at_row, *sums = workspace + g->at_sums;
  int16_t *panels = (int16_t *)(void *)(workspace + g->at_panels);
  memset(outside, c->input_zero, (size_t)channels);
  for (int32_t unit = part->pixel_begin; unit < part->pixel_end; unit++) {
    const int64_t tile = all_groups * unit / g->plan.pixel_units * EDGE_WINOGRAD_TILES;
    const int64_t end = all_groups * (unit + 1) / g->plan.pixel_units * EDGE_WINOGRAD_TILES;
    const int32_t count = (int32_t)((end < total ? end : total) - tile);
    for (int32_t first = 0; first < count && part->channel_begin < part->channel_end; first += EDGE_WINOGRAD_TILES) {
      const int32_t tiles = count - first < EDGE_WINOGRAD_TILES ? count - first : EDGE_WINOGRAD_TILES;
      winograd_panel(g, width, tile + first, (size_t)tiles, input, outside, panels + (size_t)first * positions * (size_t)channels);
    }
    for (int32_t block = part->channel_begin; block < part->channel_end; block++) {
      for (int32_t first = 0; first < count; first += EDGE_WINOGRAD_TILES) {
        const int32_t tiles = count - first < EDGE_WINOGRAD_TILES ? count - first : EDGE_WINOGRAD_TILES;
        const int16_t *from = panels + (size_t)first * positions * (size_t)channels;
        const int16_t *weights = (const int16_t *)(const void *)(packed + g->at_weights);
        const int16_t *offsets = (const int16_t *)(const void *)(packed + g->at_offsets) + block * outputs;
        for (int32_t channel = 0; channel < channels; channel += width, offsets += c->out_channels) {
          const size_t some = (size_t)(channel + width < channels ? width : channels - channel);
          k->run[tiles - 1](weights + (size_t)(block * outputs) * positions * some, from, some / 8, workspace + g->at_wide, positions);
          edge_winograd_output(k, workspace + g->at_wide, (size_t)tiles, offsets, sums, channel > 0);
          weights += (size_t)c->out_channels * positions * some;
          from += (size_t)tiles * positions * some;
        }
        for (int32_t channel = block * outputs, half = 0; half < outputs / 8; half++, channel += 8) {
          edge_finish finish = *start;
          finish.narrow = k->rows == 2;
          edge_finish_seek(g, &finish, channel);
          winograd_finish(g, tile + first, tiles, sums + half * 2 * EDGE_WINOGRAD_PIXELS * 16, channel, &finish, output);
        }
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
