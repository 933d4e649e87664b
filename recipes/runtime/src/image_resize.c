/* Bilinear resize with 11-bit weights. */
#include <stdlib.h>

#include "image.h"

#define ONE 2048

/* Where an output coordinate falls: between `low` and `high`, `weight` of 2048 towards high. */
typedef struct {
  int32_t low, high, weight;
} tap;

static tap make_tap(int32_t at, int32_t from, int32_t to) {
  /* (at + 1/2) * from / to - 1/2 as a fraction over 2 * to, exactly. */
  int64_t scale = 2 * (int64_t)to;
  int64_t position = (2 * (int64_t)at + 1) * from - to;
  if (position < 0) position = 0;
  tap result;
  result.low = (int32_t)(position / scale);
  result.weight = (int32_t)((position % scale * ONE + to) / scale);
  if (result.low >= from - 1) {
    result.low = from - 1;
    result.weight = 0;
  }
  result.high = result.low < from - 1 ? result.low + 1 : result.low;
  return result;
}

static void resize_row(const edge_image *in, int32_t row, const tap *taps, int32_t width, int32_t *out) {
  const uint8_t *source = in->data + (size_t)row * (size_t)in->width * 3;
  for (int32_t x = 0; x < width; x++) {
    const uint8_t *low = source + (size_t)taps[x].low * 3;
    const uint8_t *high = source + (size_t)taps[x].high * 3;
    int32_t weight = taps[x].weight;
    for (int c = 0; c < 3; c++) out[x * 3 + c] = low[c] * (ONE - weight) + high[c] * weight;
  }
}

bool edge_image_resize(const edge_image *in, edge_image *out) {
  size_t row_values = (size_t)out->width * 3;
  tap *taps = malloc((size_t)out->width * sizeof *taps);
  int32_t *rows = malloc(2 * row_values * sizeof *rows);
  if (!taps || !rows) {
    free(taps);
    free(rows);
    return false;
  }
  for (int32_t x = 0; x < out->width; x++) taps[x] = make_tap(x, in->width, out->width);
  int32_t *low = rows, *high = rows + row_values;
  int32_t low_row = -1, high_row = -1;
  for (int32_t y = 0; y < out->height; y++) {
    tap line = make_tap(y, in->height, out->height);
    if (line.low == high_row) {
      int32_t *swap = low;
      low = high;
      high = swap;
      low_row = high_row;
      high_row = -1;
    }
    if (line.low != low_row) resize_row(in, line.low, taps, out->width, low);
    if (line.high != high_row) resize_row(in, line.high, taps, out->width, high);
    low_row = line.low;
    high_row = line.high;
    uint8_t *target = out->data + (size_t)y * row_values;
    for (size_t i = 0; i < row_values; i++)
      target[i] = (uint8_t)((low[i] * (ONE - line.weight) + high[i] * line.weight + ONE * ONE / 2) / (ONE * ONE));
  }
  free(taps);
  free(rows);
  return true;
}
