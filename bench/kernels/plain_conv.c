/*
 * What a compiler makes of a plainly written int8 convolution, as the yardstick: NHWC, weights O x KH x KW x I, exact sums,
 * the same fixed-point requantization. Compiled with -O3 -mcpu=CORE.
 */
#include "plain_conv.h"

static int32_t dot_row(const int8_t *restrict a, const int8_t *restrict w, int32_t count) {
  int32_t sum = 0;
  for (int32_t i = 0; i < count; i++) sum += a[i] * w[i];
  return sum;
}

__attribute__((noinline)) void plain_conv(const edge_conv *c, int32_t out_height, int32_t out_width, const edge_conv_data *d,
                                          const int8_t *input, int8_t *output) {
  const int8_t *weights = d->weights;
  for (int32_t y = 0; y < out_height; y++) {
    for (int32_t x = 0; x < out_width; x++) {
      for (int32_t o = 0; o < c->out_channels; o++) {
        int32_t sum = d->bias[o];
        for (int32_t ky = 0; ky < c->kernel_height; ky++) {
          const int32_t iy = y * c->stride_height + ky - c->pad_top;
          if (iy < 0 || iy >= c->in_height) continue;
          /* The taps of one row lie side by side. */
          int32_t first = x * c->stride_width - c->pad_left, last = first + c->kernel_width;
          const int32_t skip = first < 0 ? -first : 0;
          if (last > c->in_width) last = c->in_width;
          sum += dot_row(input + ((size_t)iy * (size_t)c->in_width + (size_t)(first + skip)) * (size_t)c->in_channels,
                         weights + (((size_t)o * (size_t)c->kernel_height + (size_t)ky) * (size_t)c->kernel_width + (size_t)skip) *
                                       (size_t)c->in_channels,
                         (last - first - skip) * c->in_channels);
        }
        int64_t y64 = ((int64_t)sum * d->multiplier[o] + ((int64_t)1 << 30)) >> 31;
        if (d->shift[o] > 0) y64 = (y64 + ((int64_t)1 << (d->shift[o] - 1))) >> d->shift[o];
        y64 += c->output_zero;
        output[((size_t)y * (size_t)out_width + (size_t)x) * (size_t)c->out_channels + (size_t)o] =
            (int8_t)(y64 < c->clamp_low ? c->clamp_low : y64 > c->clamp_high ? c->clamp_high : y64);
      }
    }
  }
}
