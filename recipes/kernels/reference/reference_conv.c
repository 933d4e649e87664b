#include "reference.h"

#include <math.h>
#include <string.h>

static int32_t signed_nibble(int32_t nibble) {
  return nibble >= 8 ? nibble - 16 : nibble;
}

/* The stored weight as an integer, as edge_weight_format describes it. */
static int32_t stored_weight(const edge_conv *c, const uint8_t *w, size_t i) {
  switch (c->weight_format) {
    case EDGE_WEIGHTS_INT4: return signed_nibble(i % 2 == 0 ? w[i / 2] & 15 : w[i / 2] >> 4);
    case EDGE_WEIGHTS_UINT2: return w[i / 4] >> (2 * (i % 4)) & 3;
    case EDGE_WEIGHTS_BITS: return w[i / 8] >> (i % 8) & 1;
    case EDGE_WEIGHTS_LOG4: {
      int32_t code = i % 2 == 0 ? w[i / 2] & 15 : w[i / 2] >> 4;
      int32_t value = (code & 7) == 0 ? 0 : 1 << ((code & 7) - 1);
      return code >= 8 ? -value : value;
    }
    default: return (int8_t)w[i];
  }
}

/* Values of a weight and of an input code; for an odd weight_zero2 the weight's value is doubled. */
static int32_t weight_value(const edge_conv *c, int32_t code) {
  switch (c->scheme) {
    case EDGE_W2A2: return c->weight_zero2 % 2 != 0 ? 2 * code - c->weight_zero2 : code - c->weight_zero2 / 2;
    case EDGE_W1A2:
    case EDGE_W1A1: return code != 0 ? 1 : -1;
    default: return code;
  }
}

static int32_t input_value(const edge_conv *c, uint8_t byte) {
  if (c->scheme == EDGE_W1A1) return byte & 1 ? 1 : -1;
  return (c->input_signed ? (int8_t)byte : byte) - c->input_zero;
}

int64_t reference_sum(const edge_conv *c, const void *weights, const uint8_t *input, int32_t n, int32_t y, int32_t x,
                      int32_t channel) {
  const int32_t group_in = c->in_channels / c->groups, group_out = c->out_channels / c->groups;
  const int32_t group = channel / group_out;
  int64_t sum = 0;
  for (int32_t ky = 0; ky < c->kernel_height; ky++) {
    for (int32_t kx = 0; kx < c->kernel_width; kx++) {
      const int64_t iy = (int64_t)y * c->stride_height - c->pad_top + (int64_t)ky * c->dilation_height;
      const int64_t ix = (int64_t)x * c->stride_width - c->pad_left + (int64_t)kx * c->dilation_width;
      const int inside = iy >= 0 && iy < c->in_height && ix >= 0 && ix < c->in_width;
      for (int32_t i = 0; i < group_in; i++) {
        const size_t w = (((size_t)channel * (size_t)c->kernel_height + (size_t)ky) * (size_t)c->kernel_width + (size_t)kx) *
                             (size_t)group_in + (size_t)i;
        int32_t a = c->scheme == EDGE_W1A1 ? (c->pad_code ? 1 : -1) : 0;
        if (inside)
          a = input_value(c, input[(((size_t)n * (size_t)c->in_height + (size_t)iy) * (size_t)c->in_width + (size_t)ix) *
                                       (size_t)c->in_channels + (size_t)(group * group_in + i)]);
        sum += (int64_t)weight_value(c, stored_weight(c, weights, w)) * a;
      }
    }
  }
  return sum;
}

static int64_t limit(int64_t x, int64_t low, int64_t high) {
  return x < low ? low : x > high ? high : x;
}

/* (x + 2^(bits-1)) >> bits, floor; nothing for 0 bits. */
static int64_t round_shift(int64_t x, int32_t bits) {
  return bits == 0 ? x : (x + ((int64_t)1 << (bits - 1))) >> bits;
}

static int32_t finish(const edge_conv *c, const edge_conv_data *d, int32_t acc, int32_t channel) {
  int64_t y = 0;
  switch (c->requant) {
    case EDGE_REQUANT_NONE: return acc;
    case EDGE_REQUANT_FIXED: {
      const int32_t left = d->shift[channel] < 0 ? -d->shift[channel] : 0;
      const int32_t right = d->shift[channel] > 0 ? d->shift[channel] : 0;
      y = limit((int64_t)acc * ((int64_t)1 << left), INT32_MIN, INT32_MAX);
      y = round_shift(2 * y * (int64_t)d->multiplier[channel], 32);
      y = round_shift(y, right);
      break;
    }
    case EDGE_REQUANT_FLOAT: y = (int64_t)rint(fmin(fmax((double)((float)acc * d->scale[channel]), -1e9), 1e9)); break;
    case EDGE_REQUANT_SHIFT: y = round_shift(acc, d->shift[channel]); break;
    case EDGE_REQUANT_THRESHOLD:
      for (int32_t t = 0; t < c->levels - 1; t++)
        if (acc >= d->threshold[channel * (c->levels - 1) + t]) y++;
      return (int32_t)y;
  }
  return (int32_t)limit(y + c->output_zero, c->clamp_low, c->clamp_high);
}

void reference_conv(const edge_conv *c, const edge_plan *plan, const edge_conv_data *d, const uint8_t *input, void *output) {
  size_t at = 0;
  for (int32_t n = 0; n < c->batch; n++)
    for (int32_t y = 0; y < plan->out_height; y++)
      for (int32_t x = 0; x < plan->out_width; x++)
        for (int32_t channel = 0; channel < c->out_channels; channel++, at++) {
          const int64_t sum = reference_sum(c, d->weights, input, n, y, x, channel);
          const uint32_t biased = (uint32_t)(uint64_t)sum + (d->bias == NULL ? 0u : (uint32_t)d->bias[channel]);
          const int32_t code = finish(c, d, (int32_t)biased, channel);
          if (c->requant == EDGE_REQUANT_NONE)
            memcpy((uint8_t *)output + at * 4, &code, 4);
          else
            ((uint8_t *)output)[at] = (uint8_t)code;
        }
}
