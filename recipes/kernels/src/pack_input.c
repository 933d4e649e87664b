/* Gathers the input of each output pixel (im2col, a few pixels at a time) in the order in which the kernels read it. */
#include "internal.h"

#include <string.h>


/* The `depth` codes under one output pixel, tap by tap. Padding reads the code of zero. */
static void gather_row(const edge_geometry *g, int32_t group, int64_t pixel, const uint8_t *input, uint8_t *row) {
  const edge_conv *c = &g->conv;
  const int32_t width = g->plan.out_width, height = g->plan.out_height;
  const int32_t x0 = (int32_t)(pixel % width) * c->stride_width - c->pad_left;
  const int32_t y0 = (int32_t)(pixel / width % height) * c->stride_height - c->pad_top;
  const size_t take = (size_t)g->group_in, line = (size_t)c->in_width * (size_t)c->in_channels;
  const int32_t pad = c->scheme == EDGE_W1A1 ? c->pad_code : c->input_zero;
  const uint8_t *picture = input + (size_t)(pixel / ((int64_t)width * height)) * (size_t)c->in_height * line +
                           (size_t)group * take;
  for (int32_t ky = 0; ky < c->kernel_height; ky++) {
    const int64_t y = y0 + (int64_t)ky * c->dilation_height;
    for (int32_t kx = 0; kx < c->kernel_width; kx++, row += take) {
      const int64_t x = x0 + (int64_t)kx * c->dilation_width;
      if (y < 0 || y >= c->in_height || x < 0 || x >= c->in_width)
        memset(row, pad, take);
      else
        memcpy(row, picture + (size_t)y * line + (size_t)x * (size_t)c->in_channels, take);
    }
  }
}

/* 8 codes -> 8 bits of one plane: the multiplication moves bit 0 of byte i to bit 56 + i. */
static uint8_t plane_bits(uint64_t codes, int plane) {
  return (uint8_t)(((codes >> plane & 0x0101010101010101u) * 0x0102040810204080u) >> 56);
}

/* Little-endian, which all supported targets are. */
static uint64_t plane_word(const uint8_t *codes, int plane) {
  uint64_t word = 0;
  for (int i = 0; i < 8; i++) {
    uint64_t eight;
    memcpy(&eight, codes + i * 8, 8);
    word |= (uint64_t)plane_bits(eight, plane) << (8 * i);
  }
  return word;
}

static void scatter_bits(const edge_kernel *k, const uint8_t *row, int32_t steps, size_t stride, uint8_t *to) {
  const int copies = k->doubled ? 2 : 1;
  for (int32_t s = 0; s < steps; s++, row += 64, to += stride) {
    uint8_t *at = to;
    for (int plane = 0; plane < k->input_planes; plane++) {
      const uint64_t word = plane_word(row, plane);
      for (int copy = 0; copy < copies; copy++, at += 8) memcpy(at, &word, 8);
    }
  }
}

/* `flip` is 0x80 to turn uint8 codes into int8 ones, else 0. */
static void scatter_bytes(const edge_kernel *k, const uint8_t *row, int32_t steps, size_t stride, uint8_t flip, uint8_t *to) {
  const uint64_t flips = flip * 0x0101010101010101u;
  uint64_t a, b;
  uint32_t c;
  switch (k->depth) {
    case 16:
      for (int32_t s = 0; s < steps; s++, row += 16, to += stride) {
        memcpy(&a, row, 8), memcpy(&b, row + 8, 8);
        a ^= flips, b ^= flips;
        memcpy(to, &a, 8), memcpy(to + 8, &b, 8);
      }
      break;
    case 8:
      for (int32_t s = 0; s < steps; s++, row += 8, to += stride) {
        memcpy(&a, row, 8);
        a ^= flips;
        memcpy(to, &a, 8);
        if (k->doubled) memcpy(to + 8, &a, 8);
      }
      break;
    default: /* 4 */
      for (int32_t s = 0; s < steps; s++, row += 4, to += stride) {
        memcpy(&c, row, 4);
        c ^= (uint32_t)flips;
        memcpy(to, &c, 4);
      }
  }
}

static int32_t sum_codes(const uint8_t *row, int32_t depth) {
  uint32_t sum = 0;
  for (int32_t i = 0; i < depth; i++) sum += row[i];
  return (int32_t)sum;
}

static int is_plain(const edge_geometry *g) {
  const edge_conv *c = &g->conv;
  return c->kernel_height == 1 && c->kernel_width == 1 && c->stride_height == 1 && c->stride_width == 1 && c->pad_top == 0 &&
         c->pad_left == 0 && c->pad_bottom == 0 && c->pad_right == 0 && c->groups == 1 && g->depth % g->kernel->depth == 0;
}

void edge_pack_pixels(const edge_geometry *g, int32_t group, int64_t pixel, int32_t count, const uint8_t *input,
                      int32_t beta, uint8_t *row, uint8_t *panels, int32_t *corrections) {
  const edge_kernel *k = g->kernel;
  const size_t unit = edge_input_step_bytes(k);
  const size_t block_bytes = (size_t)g->tiles_per_pass * k->pixels * (size_t)g->block_steps * unit;
  const int plain = is_plain(g);
  const uint8_t flip = g->conv.scheme == EDGE_W8A8 && !g->conv.input_signed ? 0x80 : 0;

  memset(row + g->depth, 0, (size_t)g->steps * k->depth - (size_t)g->depth);
  for (int32_t i = 0; i < count; i++) {
    const int32_t tile = i / k->pixels, column = i % k->pixels;
    const int32_t left = count - tile * k->pixels;
    const int32_t wide = left >= k->pixels ? k->pixels : edge_divide_up(left, k->pixel_step) * k->pixel_step;
    const uint8_t *codes = row;
    if (plain)
      codes = input + (size_t)(pixel + i) * (size_t)g->depth;
    else
      gather_row(g, group, pixel + i, input, row);
    if (beta != 0) corrections[i] = beta * sum_codes(codes, g->depth);
    for (int32_t block = 0; block < g->depth_blocks; block++) {
      const int32_t first = block * g->block_steps;
      const int32_t steps = g->steps - first < g->block_steps ? g->steps - first : g->block_steps;
      uint8_t *to = panels + (size_t)block * block_bytes + (size_t)tile * k->pixels * (size_t)steps * unit + (size_t)column * unit;
      if (k->order == EDGE_ORDER_BITS)
        scatter_bits(k, codes + (size_t)first * k->depth, steps, (size_t)wide * unit, to);
      else
        scatter_bytes(k, codes + (size_t)first * k->depth, steps, (size_t)wide * unit, flip, to);
    }
  }
}
