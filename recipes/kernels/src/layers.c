/* Layers without weights, on integers: pooling, addition, concatenation, resizing. */
#include "internal.h"

#include <string.h>

static int in_range(int32_t x, int32_t low, int32_t high) {
  return x >= low && x <= high;
}

static int32_t code_low(int32_t is_signed) {
  return is_signed ? -128 : 0;
}
static int32_t code_high(int32_t is_signed) {
  return is_signed ? 127 : 255;
}
static int32_t read_code(uint8_t byte, int32_t is_signed) {
  return is_signed ? (int8_t)byte : byte;
}

/* Bytes of n x h x w x c, or -1 when they are too many. Each is at most 2^16, so no product passes 2^63. */
static int64_t tensor_bytes(int32_t n, int32_t h, int32_t w, int32_t c) {
  int64_t bytes = (int64_t)n * h;
  if (bytes > INT32_MAX || (bytes *= w) > INT32_MAX || (bytes *= c) > INT32_MAX) return -1;
  return bytes;
}

/* ---- pooling ---- */

edge_status edge_pool_plan(const edge_pool *p, edge_plan *plan) {
  int64_t height, width, in, out;
  if (p == NULL || plan == NULL || !in_range(p->average, 0, 1) || !in_range(p->is_signed, 0, 1)) return EDGE_E_ARGUMENT;
  {
    const int32_t sides[] = {p->batch, p->in_height, p->in_width, p->channels, p->kernel_height, p->kernel_width, p->stride_height, p->stride_width};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
      if (!in_range(sides[i], 1, EDGE_MAX_SIDE)) return EDGE_E_RANGE;
  }
  /* Padding below the kernel's size: every window then holds at least one cell, once its output exists. */
  if (!in_range(p->pad_top, 0, p->kernel_height - 1) || !in_range(p->pad_bottom, 0, p->kernel_height - 1) ||
      !in_range(p->pad_left, 0, p->kernel_width - 1) || !in_range(p->pad_right, 0, p->kernel_width - 1))
    return EDGE_E_RANGE;
  /* The sum of a window fits 31 bits. */
  if ((int64_t)p->kernel_height * p->kernel_width > 1 << 22) return EDGE_E_RANGE;
  height = (int64_t)p->in_height + p->pad_top + p->pad_bottom - p->kernel_height;
  width = (int64_t)p->in_width + p->pad_left + p->pad_right - p->kernel_width;
  if (height < 0 || width < 0) return EDGE_E_RANGE;
  height = height / p->stride_height + 1, width = width / p->stride_width + 1;
  if (height > EDGE_MAX_SIDE || width > EDGE_MAX_SIDE) return EDGE_E_RANGE;
  in = tensor_bytes(p->batch, p->in_height, p->in_width, p->channels);
  out = tensor_bytes(p->batch, (int32_t)height, (int32_t)width, p->channels);
  if (in < 0 || out < 0) return EDGE_E_RANGE;
  memset(plan, 0, sizeof *plan);
  plan->out_height = (int32_t)height, plan->out_width = (int32_t)width;
  plan->input_bytes = (size_t)in, plan->output_bytes = (size_t)out;
  plan->pixel_units = plan->channel_units = 1;
  plan->kernel = p->average ? "average" : "maximum";
  return EDGE_OK;
}

typedef struct window {
  int32_t y0, y1, x0, x1;
} window;

static window cut(const edge_pool *p, int32_t y, int32_t x) {
  window w;
  w.y0 = y * p->stride_height - p->pad_top, w.x0 = x * p->stride_width - p->pad_left;
  w.y1 = w.y0 + p->kernel_height, w.x1 = w.x0 + p->kernel_width;
  if (w.y0 < 0) w.y0 = 0;
  if (w.x0 < 0) w.x0 = 0;
  if (w.y1 > p->in_height) w.y1 = p->in_height;
  if (w.x1 > p->in_width) w.x1 = p->in_width;
  return w;
}

/* Signed codes become unsigned ones of the same order by `flip`. The inner loop over channels is what compilers vectorize. */
static void pool_maximum(const edge_pool *p, const uint8_t *picture, const window *w, uint8_t flip, uint8_t *restrict to) {
  memset(to, 0, (size_t)p->channels);
  for (int32_t y = w->y0; y < w->y1; y++)
    for (int32_t x = w->x0; x < w->x1; x++) {
      const uint8_t *from = picture + ((size_t)y * (size_t)p->in_width + (size_t)x) * (size_t)p->channels;
      for (int32_t i = 0; i < p->channels; i++) {
        const uint8_t code = from[i] ^ flip;
        to[i] = code > to[i] ? code : to[i];
      }
    }
  for (int32_t i = 0; i < p->channels; i++) to[i] ^= flip;
}

static void pool_average(const edge_pool *p, const uint8_t *picture, const window *w, uint8_t *to) {
  const int32_t cells = (w->y1 - w->y0) * (w->x1 - w->x0);
  for (int32_t first = 0; first < p->channels; first += 64) {
    const int32_t count = p->channels - first < 64 ? p->channels - first : 64;
    int32_t sums[64] = {0};
    for (int32_t y = w->y0; y < w->y1; y++)
      for (int32_t x = w->x0; x < w->x1; x++) {
        const uint8_t *from = picture + ((size_t)y * (size_t)p->in_width + (size_t)x) * (size_t)p->channels + first;
        if (p->is_signed)
          for (int32_t i = 0; i < count; i++) sums[i] += (int8_t)from[i];
        else
          for (int32_t i = 0; i < count; i++) sums[i] += from[i];
      }
    for (int32_t i = 0; i < count; i++)
      to[first + i] = (uint8_t)((sums[i] >= 0 ? sums[i] + cells / 2 : sums[i] - cells / 2) / cells);
  }
}

edge_status edge_pool_run(const edge_pool *p, const void *input, size_t input_bytes, void *output, size_t output_bytes) {
  edge_plan plan;
  const uint8_t *picture = input;
  uint8_t *to = output;
  const edge_status status = edge_pool_plan(p, &plan);
  if (status != EDGE_OK) return status;
  if (input == NULL || output == NULL) return EDGE_E_ARGUMENT;
  if (input_bytes < plan.input_bytes || output_bytes < plan.output_bytes) return EDGE_E_SIZE;
  for (int32_t n = 0; n < p->batch; n++, picture += plan.input_bytes / (size_t)p->batch)
    for (int32_t y = 0; y < plan.out_height; y++)
      for (int32_t x = 0; x < plan.out_width; x++, to += p->channels) {
        const window w = cut(p, y, x);
        if (p->average)
          pool_average(p, picture, &w, to);
        else
          pool_maximum(p, picture, &w, p->is_signed ? 0x80 : 0, to);
      }
  return EDGE_OK;
}

/* ---- addition ---- */

static int codes_fit(int32_t zero, int32_t is_signed) {
  return in_range(zero, code_low(is_signed), code_high(is_signed));
}

edge_status edge_add_run(const edge_add *add, const void *a, const void *b, void *output, size_t count) {
  const uint8_t *from_a = a, *from_b = b;
  uint8_t *to = output;
  if (add == NULL || a == NULL || b == NULL || output == NULL || !in_range(add->is_signed, 0, 1)) return EDGE_E_ARGUMENT;
  if (!codes_fit(add->a_zero, add->is_signed) || !codes_fit(add->b_zero, add->is_signed) ||
      !codes_fit(add->output_zero, add->is_signed) || !codes_fit(add->clamp_low, add->is_signed) ||
      !codes_fit(add->clamp_high, add->is_signed) || add->clamp_low > add->clamp_high || add->a_multiplier < 0 ||
      add->b_multiplier < 0 || !in_range(add->shift, 0, 31))
    return EDGE_E_RANGE;
  for (size_t i = 0; i < count; i++) {
    const int32_t x = edge_high((read_code(from_a[i], add->is_signed) - add->a_zero) * 65536, add->a_multiplier);
    const int32_t y = edge_high((read_code(from_b[i], add->is_signed) - add->b_zero) * 65536, add->b_multiplier);
    to[i] = (uint8_t)edge_clamp((int64_t)edge_round_right(x + y, add->shift) + add->output_zero, add->clamp_low, add->clamp_high);
  }
  return EDGE_OK;
}

/* ---- concatenation ---- */

edge_status edge_concat_run(const edge_concat_input *inputs, int32_t count, size_t pixels, int32_t is_signed, int32_t output_zero,
                            void *output, size_t output_bytes) {
  int64_t channels = 0;
  size_t first = 0;
  if (inputs == NULL || output == NULL || !in_range(is_signed, 0, 1)) return EDGE_E_ARGUMENT;
  if (!in_range(count, 1, 256) || pixels > INT32_MAX || !codes_fit(output_zero, is_signed)) return EDGE_E_RANGE;
  for (int32_t k = 0; k < count; k++) {
    if (inputs[k].data == NULL) return EDGE_E_ARGUMENT;
    if (!in_range(inputs[k].channels, 1, EDGE_MAX_SIDE) || !codes_fit(inputs[k].zero, is_signed) || inputs[k].multiplier < 0 ||
        !in_range(inputs[k].shift, 0, 31))
      return EDGE_E_RANGE;
    channels += inputs[k].channels;
  }
  if (channels * (int64_t)pixels > INT32_MAX) return EDGE_E_RANGE;
  if (output_bytes < (size_t)channels * pixels) return EDGE_E_SIZE;
  for (int32_t k = 0; k < count; first += (size_t)inputs[k].channels, k++) {
    const edge_concat_input *input = &inputs[k];
    const size_t wide = (size_t)input->channels;
    for (size_t p = 0; p < pixels; p++) {
      const uint8_t *from = (const uint8_t *)input->data + p * wide;
      uint8_t *to = (uint8_t *)output + p * (size_t)channels + first;
      if (input->multiplier == 0) {
        memcpy(to, from, wide);
        continue;
      }
      for (size_t i = 0; i < wide; i++) {
        const int32_t x = edge_high((read_code(from[i], is_signed) - input->zero) * 65536, input->multiplier);
        to[i] = (uint8_t)edge_clamp((int64_t)edge_round_right(x, input->shift) + output_zero, code_low(is_signed), code_high(is_signed));
      }
    }
  }
  return EDGE_OK;
}

/* ---- resizing ---- */

/* Two neighbours and the weight, in 1/2048, of the second. */
typedef struct blend {
  int32_t first, second, weight;
} blend;

/* Source position of output `at`, half-pixel centres: (at + 1/2) * in / out - 1/2, in 1/2048, rounded down. */
static blend place(int32_t at, int32_t in, int32_t out) {
  blend b;
  const int64_t numerator = ((2 * (int64_t)at + 1) * in - out) * 1024;
  int64_t position = numerator >= 0 ? numerator / out : 0;
  if (position > (int64_t)(in - 1) * 2048) position = (int64_t)(in - 1) * 2048;
  b.first = (int32_t)(position >> 11), b.weight = (int32_t)(position & 2047);
  b.second = b.first + 1 < in ? b.first + 1 : b.first;
  return b;
}

static void resize_pixel(const edge_resize *r, const uint8_t *picture, int32_t y, int32_t x, uint8_t *to) {
  const size_t line = (size_t)r->in_width * (size_t)r->channels;
  if (!r->bilinear) {
    const int32_t from_y = (int32_t)((int64_t)y * r->in_height / r->out_height), from_x = (int32_t)((int64_t)x * r->in_width / r->out_width);
    memcpy(to, picture + (size_t)from_y * line + (size_t)from_x * (size_t)r->channels, (size_t)r->channels);
    return;
  }
  const blend v = place(y, r->in_height, r->out_height), h = place(x, r->in_width, r->out_width);
  const uint8_t *top = picture + (size_t)v.first * line, *bottom = picture + (size_t)v.second * line;
  const size_t left = (size_t)h.first * (size_t)r->channels, right = (size_t)h.second * (size_t)r->channels;
  for (int32_t i = 0; i < r->channels; i++) {
    const int32_t a = read_code(top[left + (size_t)i], r->is_signed), b = read_code(top[right + (size_t)i], r->is_signed);
    const int32_t c = read_code(bottom[left + (size_t)i], r->is_signed), d = read_code(bottom[right + (size_t)i], r->is_signed);
    /* At most 255 * 2^22: 30 bits. */
    const int32_t above = a * (2048 - h.weight) + b * h.weight, below = c * (2048 - h.weight) + d * h.weight;
    to[i] = (uint8_t)edge_round_right(above * (2048 - v.weight) + below * v.weight, 22);
  }
}

edge_status edge_resize_run(const edge_resize *r, const void *input, size_t input_bytes, void *output, size_t output_bytes) {
  int64_t in, out;
  const uint8_t *picture = input;
  uint8_t *to = output;
  if (r == NULL || input == NULL || output == NULL || !in_range(r->bilinear, 0, 1) || !in_range(r->is_signed, 0, 1)) return EDGE_E_ARGUMENT;
  {
    const int32_t sides[] = {r->batch, r->in_height, r->in_width, r->channels, r->out_height, r->out_width};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
      if (!in_range(sides[i], 1, EDGE_MAX_SIDE)) return EDGE_E_RANGE;
  }
  in = tensor_bytes(r->batch, r->in_height, r->in_width, r->channels);
  out = tensor_bytes(r->batch, r->out_height, r->out_width, r->channels);
  if (in < 0 || out < 0) return EDGE_E_RANGE;
  if (input_bytes < (size_t)in || output_bytes < (size_t)out) return EDGE_E_SIZE;
  for (int32_t n = 0; n < r->batch; n++, picture += in / r->batch)
    for (int32_t y = 0; y < r->out_height; y++)
      for (int32_t x = 0; x < r->out_width; x++, to += r->channels) resize_pixel(r, picture, y, x, to);
  return EDGE_OK;
}
