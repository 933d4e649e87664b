#include "cases.h"

static int32_t input_low(const edge_conv *c) {
  switch (c->scheme) {
    case EDGE_W8A8: return c->input_signed ? -128 : 0;
    case EDGE_W7A7: return -64;
    case EDGE_W4A4: return c->input_signed ? -8 : 0;
    default: return 0;
  }
}

static int32_t input_high(const edge_conv *c) {
  switch (c->scheme) {
    case EDGE_W8A8: return c->input_signed ? 127 : 255;
    case EDGE_W7A7: return 63;
    case EDGE_W4A4: return c->input_signed ? 7 : 15;
    case EDGE_W1A1: return 1;
    default: return 3;
  }
}

static int32_t weight_high(const edge_conv *c) {
  switch (c->scheme) {
    case EDGE_W8A8: return 127;
    case EDGE_W7A7: return 63;
    case EDGE_W4A4: return 7;
    case EDGE_W2A2: return 3;
    default: return 1;
  }
}

void case_shape(rng *r, edge_conv *c) {
  memset(c, 0, sizeof *c);
  c->groups = rng_between(r, 0, 4) == 0 ? rng_between(r, 2, 4) : 1;
  c->batch = rng_between(r, 1, 2);
  c->in_height = rng_between(r, 1, 9), c->in_width = rng_between(r, 1, 9);
  c->in_channels = c->groups * rng_between(r, 1, rng_between(r, 0, 3) == 0 ? 70 : 20);
  /* Whole words of bits take another way. */
  if (rng_between(r, 0, 5) == 0) c->groups = 1, c->in_channels = 64 * rng_between(r, 1, 3);
  c->out_channels = c->groups * rng_between(r, 1, 19);
  c->kernel_height = rng_between(r, 1, 4), c->kernel_width = rng_between(r, 1, 4);
  if (rng_between(r, 0, 3) == 0) c->kernel_height = c->kernel_width = 1;
  if (rng_between(r, 0, 3) == 0) c->kernel_height = c->kernel_width = 3;
  c->stride_height = rng_between(r, 1, 2), c->stride_width = rng_between(r, 1, 2);
  c->dilation_height = rng_between(r, 0, 3) == 0 ? 2 : 1, c->dilation_width = rng_between(r, 0, 3) == 0 ? 2 : 1;
  c->pad_top = rng_between(r, 0, 2), c->pad_left = rng_between(r, 0, 2);
  c->pad_bottom = rng_between(r, 0, 2), c->pad_right = rng_between(r, 0, 2);
  /* Room for at least one output. */
  while (c->in_height + c->pad_top + c->pad_bottom < (c->kernel_height - 1) * c->dilation_height + 1) c->in_height++;
  while (c->in_width + c->pad_left + c->pad_right < (c->kernel_width - 1) * c->dilation_width + 1) c->in_width++;
  if (rng_between(r, 0, 5) == 0) c->groups = c->out_channels = c->in_channels;
}

void case_winograd_shape(rng *r, edge_conv *c, int32_t most_channels) {
  case_shape(r, c);
  c->groups = 1, c->kernel_height = c->kernel_width = 3;
  c->stride_height = c->stride_width = c->dilation_height = c->dilation_width = 1;
  c->in_channels = 8 * rng_between(r, 2, most_channels / 8), c->out_channels = 8 * rng_between(r, 2, 4);
  c->in_height = rng_between(r, 4, 9), c->in_width = rng_between(r, 6, 40);
}

void case_arithmetic(rng *r, edge_conv *c, int32_t scheme, int32_t requant) {
  c->scheme = scheme, c->requant = requant;
  c->input_signed = scheme == EDGE_W8A8 || scheme == EDGE_W4A4 ? rng_between(r, 0, 1) : scheme == EDGE_W7A7;
  c->input_zero = scheme == EDGE_W1A1 ? 0 : rng_between(r, input_low(c), input_high(c));
  c->pad_code = scheme == EDGE_W1A1 ? rng_between(r, 0, 1) : 0;
  c->weight_zero2 = scheme == EDGE_W2A2 ? rng_between(r, 0, 6) : 0;
  c->weight_format = EDGE_WEIGHTS_BYTES;
  if (rng_between(r, 0, 2) == 0) {
    if (scheme <= EDGE_W4A4)
      c->weight_format = scheme == EDGE_W8A8 && rng_between(r, 0, 1) ? EDGE_WEIGHTS_LOG4 : EDGE_WEIGHTS_INT4;
    else
      c->weight_format = scheme == EDGE_W2A2 ? EDGE_WEIGHTS_UINT2 : EDGE_WEIGHTS_BITS;
  }
  c->output_signed = rng_between(r, 0, 1);
  const int32_t low = c->output_signed ? -128 : 0, high = c->output_signed ? 127 : 255;
  c->output_zero = rng_between(r, low, high);
  c->clamp_low = low, c->clamp_high = high;
  if (rng_between(r, 0, 2) == 0) c->clamp_low = c->output_zero;
  if (rng_between(r, 0, 2) == 0) c->clamp_high = rng_between(r, c->clamp_low, high);
  c->levels = requant == EDGE_REQUANT_THRESHOLD ? (rng_between(r, 0, 1) ? 4 : 2) : 0;
}

static void fill_weights(rng *r, conv_case *c, const edge_plan *plan, int extreme) {
  const int32_t high = weight_high(&c->conv), low = high >= 7 ? (high == 7 ? -8 : -high) : 0;
  for (size_t i = 0; i < plan->weight_bytes; i++) {
    if (c->conv.weight_format == EDGE_WEIGHTS_BYTES)
      c->weights[i] = (uint8_t)(extreme ? (rng_next(r) & 1 ? high : low) : rng_between(r, low, high));
    else
      c->weights[i] = (uint8_t)rng_next(r);
  }
}

void case_fill(rng *r, conv_case *c, const edge_plan *plan, int extreme) {
  const edge_conv *conv = &c->conv;
  const size_t channels = (size_t)conv->out_channels;
  const int32_t levels = conv->requant == EDGE_REQUANT_THRESHOLD ? conv->levels : 0;
  /* About how wide the sums are, so that requantized codes spread over their range. */
  const int64_t deep = (int64_t)conv->kernel_height * conv->kernel_width * (conv->in_channels / conv->groups);
  const int64_t span = deep * (weight_high(conv) + 1) * (input_high(conv) + 1) / 4 + 1;
  const int32_t wide = span > (1 << 28) ? 1 << 28 : (int32_t)span;
  int32_t bits = 0;
  while (bits < 24 && (wide >> bits) > 200) bits++;
  c->weights = take(plan->weight_bytes), c->input = take(plan->input_bytes);
  c->bias = take(channels * 4), c->multiplier = take(channels * 4), c->shift = take(channels * 4);
  c->scale = take(channels * sizeof(float)), c->threshold = take(channels * 12);
  fill_weights(r, c, plan, extreme);
  for (size_t i = 0; i < plan->input_bytes; i++) {
    int32_t low = input_low(conv), high = input_high(conv);
    c->input[i] = (uint8_t)(extreme ? (rng_next(r) & 1 ? high : low) : rng_between(r, low, high));
  }
  for (size_t i = 0; i < channels; i++) {
    c->bias[i] = rng_between(r, -wide / 2, wide / 2);
    c->multiplier[i] = rng_between(r, 1 << 29, INT32_MAX);
    c->shift[i] = rng_between(r, bits > 2 ? bits - 3 : 0, bits);
    if (conv->requant == EDGE_REQUANT_FIXED && rng_next(r) % 16 == 0) c->shift[i] = -rng_between(r, 1, 3);
    c->scale[i] = (float)rng_between(r, 1, 1000) / 250.0f / (float)((int64_t)1 << bits);
    const int32_t first = rng_between(r, -wide / 4, wide / 4);
    for (int t = 0; t < 3; t++) c->threshold[i * 3 + (size_t)t] = 0;
    for (int t = 0; t < levels - 1; t++)
      c->threshold[i * (size_t)(levels - 1) + (size_t)t] = first + t * rng_between(r, 0, wide / 8 + 1);
    if (levels == 4 && c->threshold[i * 3 + 2] < c->threshold[i * 3 + 1]) c->threshold[i * 3 + 2] = c->threshold[i * 3 + 1];
  }
  c->data.weights = c->weights, c->data.weight_bytes = plan->weight_bytes;
  c->data.bias = rng_next(r) % 8 == 0 ? NULL : c->bias;
  c->data.multiplier = c->multiplier, c->data.shift = c->shift, c->data.scale = c->scale, c->data.threshold = c->threshold;
}

void case_free(conv_case *c) {
  free(c->weights), free(c->input), free(c->bias), free(c->multiplier), free(c->shift), free(c->scale), free(c->threshold);
}
