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

#if defined(__aarch64__)
#include <arm_neon.h>

/* 64 codes -> 64 bits: a mask of one bit per lane where the plane's bit is set, then three additions of neighbours. */
static inline uint64_t plane_word(const uint8_t *codes, int plane) {
  static const uint8_t lanes[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t lane = vld1q_u8(lanes), bit = vdupq_n_u8((uint8_t)(1 << plane));
  const uint8x16_t a = vandq_u8(vtstq_u8(vld1q_u8(codes), bit), lane), b = vandq_u8(vtstq_u8(vld1q_u8(codes + 16), bit), lane);
  const uint8x16_t c = vandq_u8(vtstq_u8(vld1q_u8(codes + 32), bit), lane), d = vandq_u8(vtstq_u8(vld1q_u8(codes + 48), bit), lane);
  const uint8x16_t sums = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
  return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}

static int32_t sum_codes(const uint8_t *row, int32_t depth) {
  uint32x4_t wide = vdupq_n_u32(0);
  int32_t i = 0;
  uint32_t sum;
  while (i + 16 <= depth) {
    /* A 16-bit lane holds 128 pairs of codes. */
    const int32_t end = depth - i > 2048 ? i + 2048 : depth;
    uint16x8_t some = vdupq_n_u16(0);
    for (; i + 16 <= end; i += 16) some = vpadalq_u8(some, vld1q_u8(row + i));
    wide = vpadalq_u16(wide, some);
  }
  sum = vaddvq_u32(wide);
  for (; i < depth; i++) sum += row[i];
  return (int32_t)sum;
}
#else
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

static int32_t sum_codes(const uint8_t *row, int32_t depth) {
  uint32_t sum = 0;
  for (int32_t i = 0; i < depth; i++) sum += row[i];
  return (int32_t)sum;
}
#endif

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

#if defined(__aarch64__)
/* Four pixels at once for kernels whose step is four codes deep: 4x4 words are transposed in registers. */
static void scatter_quad(const uint8_t *const rows[4], int32_t steps, size_t stride, uint8_t flip, uint8_t *to) {
  const uint8x16_t flips = vdupq_n_u8(flip);
  int32_t s = 0;
  for (; s + 4 <= steps; s += 4, to += 4 * stride) {
    const uint32x4_t a = vreinterpretq_u32_u8(veorq_u8(vld1q_u8(rows[0] + s * 4), flips));
    const uint32x4_t b = vreinterpretq_u32_u8(veorq_u8(vld1q_u8(rows[1] + s * 4), flips));
    const uint32x4_t c = vreinterpretq_u32_u8(veorq_u8(vld1q_u8(rows[2] + s * 4), flips));
    const uint32x4_t d = vreinterpretq_u32_u8(veorq_u8(vld1q_u8(rows[3] + s * 4), flips));
    const uint64x2_t ab = vreinterpretq_u64_u32(vzip1q_u32(a, b)), cd = vreinterpretq_u64_u32(vzip1q_u32(c, d));
    const uint64x2_t ab2 = vreinterpretq_u64_u32(vzip2q_u32(a, b)), cd2 = vreinterpretq_u64_u32(vzip2q_u32(c, d));
    vst1q_u8(to, vreinterpretq_u8_u64(vzip1q_u64(ab, cd)));
    vst1q_u8(to + stride, vreinterpretq_u8_u64(vzip2q_u64(ab, cd)));
    vst1q_u8(to + 2 * stride, vreinterpretq_u8_u64(vzip1q_u64(ab2, cd2)));
    vst1q_u8(to + 3 * stride, vreinterpretq_u8_u64(vzip2q_u64(ab2, cd2)));
  }
  for (; s < steps; s++, to += stride)
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 4; j++) to[i * 4 + j] = rows[i][s * 4 + j] ^ flip;
}
#endif

static int is_plain(const edge_geometry *g) {
  const edge_conv *c = &g->conv;
  return c->kernel_height == 1 && c->kernel_width == 1 && c->stride_height == 1 && c->stride_width == 1 && c->pad_top == 0 &&
         c->pad_left == 0 && c->pad_bottom == 0 && c->pad_right == 0 && c->groups == 1 && g->depth % g->kernel->depth == 0;
}

/* Pixels of one tile: `wide` of them are stored, more than there are when the kernel takes its pixels in fours. */
typedef struct slot {
  int32_t tile, column, wide;
} slot;

static slot slot_of(const edge_kernel *k, int32_t index, int32_t count) {
  slot s;
  s.tile = index / k->pixels, s.column = index % k->pixels;
  const int32_t left = count - s.tile * k->pixels;
  s.wide = left >= k->pixels ? k->pixels : edge_divide_up(left, k->pixel_step) * k->pixel_step;
  return s;
}

/* Where a pixel's codes go in the panel of one block of depth, which starts with step `first`. */
static uint8_t *place(const edge_geometry *g, uint8_t *panels, const slot *s, int32_t block, int32_t *first, int32_t *steps) {
  const edge_kernel *k = g->kernel;
  const size_t unit = edge_input_step_bytes(k);
  *first = block * g->block_steps;
  *steps = g->steps - *first < g->block_steps ? g->steps - *first : g->block_steps;
  return panels + (size_t)block * g->tiles_per_pass * k->pixels * (size_t)g->block_steps * unit +
         ((size_t)s->tile * k->pixels * (size_t)*steps + (size_t)s->column) * unit;
}

/* The codes of one pixel: in the input itself when nothing needs gathering, else in `row`. */
static const uint8_t *codes_of(const edge_geometry *g, int plain, int32_t group, int64_t pixel, const uint8_t *input, uint8_t *row) {
  if (plain) return input + (size_t)pixel * (size_t)g->depth;
  gather_row(g, group, pixel, input, row);
  return row;
}

#if defined(__aarch64__)
static void pack_quads(const edge_geometry *g, int32_t group, int64_t pixel, int32_t count, const uint8_t *input, int32_t beta,
                       uint8_t *row, uint8_t *panels, int32_t *corrections) {
  const edge_kernel *k = g->kernel;
  const int plain = is_plain(g);
  const uint8_t flip = g->conv.scheme == EDGE_W8A8 && !g->conv.input_signed ? 0x80 : 0;
  for (int32_t i = 0; i < count; i += 4) {
    const slot at = slot_of(k, i, count);
    const uint8_t *rows[4];
    for (int32_t j = 0; j < 4; j++) {
      /* Missing pixels repeat the first; nobody reads their sums. */
      rows[j] = i + j < count ? codes_of(g, plain, group, pixel + i + j, input, row + (size_t)j * g->row_bytes) : rows[0];
      if (beta != 0 && i + j < count) corrections[i + j] = beta * sum_codes(rows[j], g->depth);
    }
    for (int32_t block = 0; block < g->depth_blocks; block++) {
      int32_t first, steps;
      uint8_t *to = place(g, panels, &at, block, &first, &steps);
      const uint8_t *const from[4] = {rows[0] + first * 4, rows[1] + first * 4, rows[2] + first * 4, rows[3] + first * 4};
      scatter_quad(from, steps, (size_t)at.wide * 4, flip, to);
    }
  }
}
#endif

/* ---- bit planes of a whole picture, so that overlapping windows need not be turned into planes again and again ---- */

void edge_plane_rows(const edge_geometry *g, int64_t from, int64_t to, const uint8_t *input, uint8_t *workspace) {
  const edge_conv *c = &g->conv;
  const int32_t words = c->in_channels / 64, planes = g->kernel->input_planes;
  /* The first and last line of the batch, counted over all pictures, that pixels [from, to) read. */
  const int64_t line = g->plan.out_width, first = from / line, last = (to - 1) / line;
  int64_t begin = first % g->plan.out_height * c->stride_height - c->pad_top;
  int64_t end = last % g->plan.out_height * c->stride_height - c->pad_top + (int64_t)(c->kernel_height - 1) * c->dilation_height + 1;
  begin = first / g->plan.out_height * c->in_height + (begin < 0 ? 0 : begin > c->in_height ? c->in_height : begin);
  end = last / g->plan.out_height * c->in_height + (end < 0 ? 0 : end > c->in_height ? c->in_height : end);
  begin *= c->in_width, end *= c->in_width;
  uint64_t *word = (uint64_t *)(void *)(workspace + g->at_planes) + begin * words * planes;
  int32_t *sums = (int32_t *)(void *)(workspace + g->at_plane_sums);
  const uint8_t *codes = input + begin * c->in_channels;
  for (int64_t cell = begin; cell < end; cell++) {
    sums[cell] = sum_codes(codes, c->in_channels);
    for (int32_t i = 0; i < words; i++, codes += 64)
      for (int32_t plane = 0; plane < planes; plane++) *word++ = plane_word(codes, plane);
  }
}

/* Copies one cell's words of all planes into a panel, each once or twice. Planes and copies are constants where this is used. */
static inline __attribute__((always_inline)) uint8_t *copy_words(const uint64_t *from, int32_t count, int planes, int doubled,
                                                               size_t stride, uint8_t *to) {
  do {
    uint64_t words[4];
    for (int plane = 0; plane < planes; plane++) {
      if (doubled)
        words[2 * plane] = words[2 * plane + 1] = from[plane];
      else
        words[plane] = from[plane];
    }
    memcpy(to, words, (size_t)planes * (doubled ? 16 : 8));
    from += planes, to += stride;
  } while (--count > 0);
  return to;
}

/* The words under one output pixel, tap by tap; returns the sum of its codes. */
static inline __attribute__((always_inline)) int32_t copy_windows(const edge_geometry *g, int64_t pixel, const uint64_t *cells,
                                                                const int32_t *sums, int planes, int doubled, size_t stride, uint8_t *to) {
  const edge_conv *c = &g->conv;
  const int32_t words = c->in_channels / 64, width = c->in_width, wide = c->kernel_width, across = c->dilation_width;
  const int32_t pad = c->scheme == EDGE_W1A1 ? c->pad_code : c->input_zero;
  const uint64_t fill[2] = {pad & 1 ? ~(uint64_t)0 : 0, pad & 2 ? ~(uint64_t)0 : 0};
  const int64_t line = pixel / g->plan.out_width;
  const int32_t x0 = (int32_t)(pixel % g->plan.out_width) * c->stride_width - c->pad_left;
  const int64_t y0 = line % g->plan.out_height * c->stride_height - c->pad_top, picture = line / g->plan.out_height * c->in_height;
  int32_t sum = 0;
  for (int32_t ky = 0; ky < c->kernel_height; ky++) {
    const int64_t y = y0 + (int64_t)ky * c->dilation_height;
    const int inside = y >= 0 && y < c->in_height;
    const int64_t start = (picture + y) * width;
    int64_t x = x0;
    for (int32_t kx = 0; kx < wide; kx++, x += across) {
      if (inside && x >= 0 && x < width) {
        to = copy_words(cells + (start + x) * words * planes, words, planes, doubled, stride, to);
        sum += sums[start + x];
      } else {
        for (int32_t word = 0; word < words; word++) to = copy_words(fill, 1, planes, doubled, stride, to);
        sum += pad * c->in_channels;
      }
    }
  }
  return sum;
}

static void pack_planes(const edge_geometry *g, int64_t pixel, int32_t count, int32_t beta, const uint8_t *workspace, uint8_t *panels,
                        int32_t *corrections) {
  const edge_kernel *k = g->kernel;
  const uint64_t *cells = (const uint64_t *)(const void *)(workspace + g->at_planes);
  const int32_t *sums = (const int32_t *)(const void *)(workspace + g->at_plane_sums);
  for (int32_t i = 0; i < count; i++) {
    const slot at = slot_of(k, i, count);
    const size_t stride = (size_t)at.wide * edge_input_step_bytes(k);
    int32_t sum, first, steps;
    uint8_t *to = place(g, panels, &at, 0, &first, &steps);
    if (k->input_planes == 1)
      sum = k->doubled ? copy_windows(g, pixel + i, cells, sums, 1, 1, stride, to) : copy_windows(g, pixel + i, cells, sums, 1, 0, stride, to);
    else
      sum = k->doubled ? copy_windows(g, pixel + i, cells, sums, 2, 1, stride, to) : copy_windows(g, pixel + i, cells, sums, 2, 0, stride, to);
    if (beta != 0) corrections[i] = beta * sum;
  }
}

void edge_pack_pixels(const edge_geometry *g, int32_t group, int64_t pixel, int32_t count, const uint8_t *input, int32_t beta,
                      uint8_t *workspace) {
  const edge_kernel *k = g->kernel;
  uint8_t *row = workspace + g->at_row, *panels = workspace + g->at_panels;
  int32_t *corrections = (int32_t *)(void *)(workspace + g->at_correction);
  const int plain = is_plain(g);
  const uint8_t flip = g->conv.scheme == EDGE_W8A8 && !g->conv.input_signed ? 0x80 : 0;

  if (g->whole_planes) {
    pack_planes(g, pixel, count, beta, workspace, panels, corrections);
    return;
  }
  for (int32_t i = 0; i < k->pixel_step; i++)
    memset(row + (size_t)i * g->row_bytes + g->depth, 0, (size_t)g->steps * k->depth - (size_t)g->depth);
#if defined(__aarch64__)
  if (k->depth == 4) {
    pack_quads(g, group, pixel, count, input, beta, row, panels, corrections);
    return;
  }
#endif
  for (int32_t i = 0; i < count; i++) {
    const slot at = slot_of(k, i, count);
    const size_t unit = edge_input_step_bytes(k), stride = (size_t)at.wide * unit;
    const uint8_t *codes = codes_of(g, plain, group, pixel + i, input, row);
    if (beta != 0) corrections[i] = beta * sum_codes(codes, g->depth);
    for (int32_t block = 0; block < g->depth_blocks; block++) {
      int32_t first, steps;
      uint8_t *to = place(g, panels, &at, block, &first, &steps);
      if (k->order == EDGE_ORDER_BITS)
        scatter_bits(k, codes + (size_t)first * k->depth, steps, stride, to);
      else
        scatter_bytes(k, codes + (size_t)first * k->depth, steps, stride, flip, to);
    }
  }
}
