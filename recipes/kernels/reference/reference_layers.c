#include "reference.h"

#include <math.h>

static int32_t value(uint8_t code, int32_t is_signed) {
  return is_signed ? (int8_t)code : code;
}
static int64_t limit(int64_t x, int64_t low, int64_t high) {
  return x < low ? low : x > high ? high : x;
}
/* floor(x / 2^bits + 1/2) */
static int64_t round_half_up(int64_t x, int32_t bits) {
  return (int64_t)floorl((long double)x / (long double)((int64_t)1 << bits) + 0.5L);
}
static int64_t high(int64_t x, int64_t multiplier) {
  return round_half_up(x * multiplier, 31);
}

void reference_pool(const edge_pool *p, const edge_plan *plan, const uint8_t *input, uint8_t *output) {
  for (int32_t n = 0; n < p->batch; n++)
    for (int32_t y = 0; y < plan->out_height; y++)
      for (int32_t x = 0; x < plan->out_width; x++)
        for (int32_t c = 0; c < p->channels; c++) {
          int32_t largest = -1000, sum = 0, cells = 0;
          for (int32_t ky = 0; ky < p->kernel_height; ky++)
            for (int32_t kx = 0; kx < p->kernel_width; kx++) {
              const int32_t iy = y * p->stride_height + ky - p->pad_top, ix = x * p->stride_width + kx - p->pad_left;
              if (iy < 0 || iy >= p->in_height || ix < 0 || ix >= p->in_width) continue;
              const int32_t v = value(input[((n * p->in_height + iy) * p->in_width + ix) * p->channels + c], p->is_signed);
              largest = v > largest ? v : largest, sum += v, cells++;
            }
          /* lround: halves away from zero. */
          const int32_t result = p->average ? (int32_t)lround((double)sum / cells) : largest;
          output[((n * plan->out_height + y) * plan->out_width + x) * p->channels + c] = (uint8_t)result;
        }
}

void reference_add(const edge_add *d, const uint8_t *a, const uint8_t *b, uint8_t *output, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const int64_t x = high((int64_t)(value(a[i], d->is_signed) - d->a_zero) * 65536, d->a_multiplier);
    const int64_t y = high((int64_t)(value(b[i], d->is_signed) - d->b_zero) * 65536, d->b_multiplier);
    output[i] = (uint8_t)limit(d->output_zero + round_half_up(x + y, d->shift), d->clamp_low, d->clamp_high);
  }
}

uint8_t reference_rescale(const edge_concat_input *input, uint8_t code, int32_t is_signed, int32_t output_zero) {
  if (input->multiplier == 0) return code;
  const int64_t x = high((int64_t)(value(code, is_signed) - input->zero) * 65536, input->multiplier);
  return (uint8_t)limit(output_zero + round_half_up(x, input->shift), is_signed ? -128 : 0, is_signed ? 127 : 255);
}

/* Where output `at` reads, in 1/2048 of an input cell, half-pixel centres, clamped to the picture. */
static int32_t source(int32_t at, int32_t in, int32_t out) {
  const long double exact = ((at + 0.5L) * in / out - 0.5L) * 2048;
  return (int32_t)limit((int64_t)floorl(exact + 1e-9L), 0, (int64_t)(in - 1) * 2048);
}

void reference_resize(const edge_resize *r, const uint8_t *input, uint8_t *output) {
  size_t at = 0;
  for (int32_t n = 0; n < r->batch; n++)
    for (int32_t y = 0; y < r->out_height; y++)
      for (int32_t x = 0; x < r->out_width; x++)
        for (int32_t c = 0; c < r->channels; c++, at++) {
          int64_t sum = 0;
          int32_t sy = source(y, r->in_height, r->out_height), sx = source(x, r->in_width, r->out_width);
          if (!r->bilinear) sy = y * r->in_height / r->out_height * 2048, sx = x * r->in_width / r->out_width * 2048;
          for (int32_t dy = 0; dy <= 1; dy++)
            for (int32_t dx = 0; dx <= 1; dx++) {
              const int32_t wy = dy ? sy % 2048 : 2048 - sy % 2048, wx = dx ? sx % 2048 : 2048 - sx % 2048;
              /* A neighbour outside of the picture has weight 0. */
              if (wy == 0 || wx == 0) continue;
              const int32_t iy = sy / 2048 + dy, ix = sx / 2048 + dx;
              sum += (int64_t)wy * wx * value(input[((n * r->in_height + iy) * r->in_width + ix) * r->channels + c], r->is_signed);
            }
          output[at] = (uint8_t)round_half_up(sum, 22);
        }
}
