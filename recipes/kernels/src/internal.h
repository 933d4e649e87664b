/* Shared by the files of libedge_kernels; not part of its interface. */
#ifndef EDGE_KERNELS_INTERNAL_H
#define EDGE_KERNELS_INTERNAL_H

#include "edge_kernels.h"

/*
 * Tiles of pixels that one call of a kernel does: at most the first when their packed input, kept for all channels, fits
 * the budget, up to the second when it is as small as `near`.
 */
#define EDGE_MANY_TILES 8
#define EDGE_MAX_TILES 32
#define EDGE_PANEL_BUDGET 98304
#define EDGE_PANEL_NEAR 24576
/* Bytes that the in-order kernels may read past the end of a panel. */
#define EDGE_SLACK 128

/* How the numbers of one step lie in the packed panels. */
typedef enum edge_order {
  /* weights [step][channel][depth bytes], input [step][pixel][depth bytes] */
  EDGE_ORDER_BYTES,
  /* 64 codes a step as bit planes: weights [step][channel pair][plane][2][8], input [step][pixel][plane][8] */
  EDGE_ORDER_BITS
} edge_order;

struct edge_kernel;

/*
 * One call multiplies `tiles` consecutive panels of `kernel->pixels` (or `pixels`, when only the last, narrower tile is done)
 * pixels with one block of weights. Sums go to `sums` as [tile][pixel][channel], uint16 or int32.
 * Kernels in assembly take the first five arguments and know the rest from their name.
 */
typedef void edge_multiply(const void *weights, const void *input, size_t steps, void *sums, size_t tiles,
                           const struct edge_kernel *kernel, size_t pixels);

typedef struct edge_kernel {
  const char *name;
  edge_order order;
  /* Output channels and pixels of a tile; narrower tiles are multiples of `pixel_step` pixels. */
  uint8_t channels, pixels, pixel_step;
  /* Depth of one step, in codes. */
  uint8_t depth;
  /* Bit planes of weights and input (order BITS). */
  uint8_t weight_planes, input_planes;
  /* 1: each 8-byte group of the packed input is stored twice, for 16-byte loads. */
  uint8_t doubled;
  /* 1: sums are uint16, 0: int32. */
  uint8_t narrow;
  /* Deepest sum that cannot overflow, in codes; deeper ones are cut in blocks and added in 32 bits. */
  int32_t max_depth;
  /* By pixels / pixel_step - 1. */
  edge_multiply *run[8];
} edge_kernel;

/* Tiles that one call of a Winograd kernel may do, and such calls of a unit of work. */
#define EDGE_WINOGRAD_TILES 8
#define EDGE_WINOGRAD_GROUPS 4
/* Bytes of transformed input that stay in a second-level cache of 512 kB for all output channels. */
#define EDGE_WINOGRAD_BUDGET 294912

/* Multiplies output channels with some tiles: see multiply_winograd.S. */
typedef void edge_winograd_multiply(const int16_t *weights, const int16_t *input, size_t steps, void *sums, size_t positions);

typedef struct edge_winograd {
  const char *name;
  /* Rows of a tile of outputs, which has four columns: 4 (wide, sums in 32 bits) or 2 (narrow, 16 bits). */
  int32_t rows;
  /* Output channels of a call. */
  int32_t outputs;
  /* Sums of |w| below this come back right: see winograd.c. */
  int32_t limit;
  /* Real outputs of a tile, on average, from which on it pays. */
  int32_t least;
  /* By tiles - 1. */
  edge_winograd_multiply *run[EDGE_WINOGRAD_TILES];
} edge_winograd;

/* The kernels of one variant, by edge_scheme. */
typedef struct edge_variant_row {
  const char *name;
  const edge_kernel *scheme[6];
  /* For 3x3 with stride 1; null where the others are faster. */
  const edge_winograd *winograd[6];
} edge_variant_row;

const edge_variant_row *edge_variant_find(edge_variant variant);

/* Everything derived from a convolution's description. */
typedef struct edge_geometry {
  edge_conv conv;
  edge_plan plan;
  const edge_kernel *kernel;
  /* 0: by panels (run.c), 1: depthwise.c, 2: winograd.c */
  int32_t path;
  int32_t group_in, group_out, group_blocks;
  int32_t depth, steps, block_steps, depth_blocks;
  int32_t output_size, thresholds;
  int64_t pixels;
  int32_t tiles_per_pass;
  size_t weight_block_bytes;
  /* Offsets into the packed buffer. */
  size_t at_base, at_multiplier, at_shift, at_scale, at_threshold, at_offsets, at_weights;
  /* Offsets into the workspace. */
  size_t at_row, at_correction, at_sums, at_wide, at_panels;
  size_t panel_bytes, row_bytes;
  /* 1: order BITS, and the whole input is kept as bit planes because windows overlap. */
  int32_t whole_planes;
  size_t at_planes, at_plane_sums;
  /* Winograd: tiles of a picture. */
  const edge_winograd *winograd;
  int32_t tile_rows, tile_columns;
} edge_geometry;

edge_status edge_geometry_make(const edge_conv *conv, edge_variant variant, edge_geometry *geometry);

/* The start of a packed buffer. */
typedef struct edge_header {
  uint32_t magic, version;
  edge_conv conv;
  int32_t variant;
  /* The sum is alpha * (kernel's sum) + base[channel] + correction[pixel]; correction = beta * (sum of input codes). */
  int32_t alpha, beta;
  /* Some shift[c] < 0 (REQUANT_FIXED). */
  int32_t left_shifts;
  /* Winograd: input channels whose sums fit. A multiple of 8. */
  int32_t winograd_block;
  uint32_t check;
} edge_header;

#define EDGE_MAGIC 0x4e4b4445u /* "EDKN" */

uint32_t edge_header_check(const edge_header *header);

static inline size_t edge_align(size_t bytes) {
  return (bytes + (EDGE_ALIGNMENT - 1)) & ~(size_t)(EDGE_ALIGNMENT - 1);
}

static inline int32_t edge_divide_up(int32_t a, int32_t b) {
  return (a + b - 1) / b;
}

/* Channels of all groups as the per-channel arrays hold them: each group padded to whole blocks. */
static inline int32_t edge_padded_channels(const edge_geometry *g) {
  return g->conv.groups * g->group_blocks * g->kernel->channels;
}

/* Bytes of one step of one block of weights, and of one step of one pixel. */
static inline size_t edge_weight_step_bytes(const edge_kernel *k) {
  return k->order == EDGE_ORDER_BITS ? (size_t)k->channels * k->weight_planes * 8 : (size_t)k->channels * k->depth;
}
static inline size_t edge_input_step_bytes(const edge_kernel *k) {
  const size_t once = k->order == EDGE_ORDER_BITS ? (size_t)k->input_planes * 8 : k->depth;
  return k->doubled ? 2 * once : once;
}

/* Reads weight number `index` of the caller's weights as the value that is packed (a code for W2A2, W1A2 and W1A1). */
int32_t edge_weight_code(const edge_conv *conv, const void *weights, size_t index);
/* 1 when the code is one that the scheme knows. */
int edge_weight_valid(const edge_conv *conv, int32_t code);

/*
 * Packs output pixels [pixel, pixel + count) of one group into the workspace, and their corrections when `beta` is not 0.
 * With whole_planes the lines that they read must have gone through edge_plane_rows.
 */
void edge_pack_pixels(const edge_geometry *g, int32_t group, int64_t pixel, int32_t count, const uint8_t *input, int32_t beta,
                      uint8_t *workspace);
/* Turns the lines of input that output pixels [from, to) read into bit planes in the workspace. */
void edge_plane_rows(const edge_geometry *g, int64_t from, int64_t to, const uint8_t *input, uint8_t *workspace);

/* What the last stage needs for one block of channels. Arrays start at the block's first channel. */
typedef struct edge_finish {
  const int32_t *base, *multiplier, *shift;
  const float *scale;
  const int32_t *threshold;
  const int32_t *correction; /* one per pixel, null when beta is 0 */
  int32_t alpha, left_shifts, narrow;
  int32_t row_channels; /* channels of a row of sums */
  int32_t channels;     /* of them, how many are real */
  size_t pixels, output_stride;
  const edge_conv *conv;
} edge_finish;

/* Turns sums [pixel][channel] into output codes. */
void edge_finish_rows(const edge_finish *finish, const void *sums, uint8_t *output);
/* One value, for the paths that are not by panels. `index` counts from the arrays' start. */
int32_t edge_finish_value(const edge_finish *finish, int32_t sum, int32_t index);

/* Moves the arrays of a finish that starts at channel 0 on to `channel`. */
void edge_finish_seek(const edge_geometry *g, edge_finish *finish, int32_t channel);

/* What a weight is worth to Winograd's kernels, in halves when weight_zero2 is odd. */
int32_t edge_winograd_weight(const edge_conv *conv, const void *weights, size_t index);
int32_t edge_winograd_offset(int32_t weight);
/* What they subtract from the input's codes. */
static inline int32_t edge_winograd_zero(const edge_conv *c) {
  return c->scheme >= EDGE_W2A2 ? 2 : c->scheme == EDGE_W8A8 && !c->input_signed ? 128 : 0;
}
int32_t edge_winograd_block(const edge_geometry *g, const edge_conv_data *data);
void edge_winograd_prepare(const edge_geometry *g, const edge_conv_data *data, int32_t width, uint8_t *packed);
/* `width` is the header's winograd_block, `start` a finish at channel 0. */
void edge_winograd_run(const edge_geometry *g, int32_t width, const uint8_t *packed, const uint8_t *input, uint8_t *output,
                       uint8_t *workspace, const edge_part *part, const edge_finish *start);

edge_status edge_depthwise_prepare(const edge_geometry *g, const edge_conv_data *data, uint8_t *packed);
void edge_depthwise_run(const edge_geometry *g, const edge_header *header, const uint8_t *packed, const uint8_t *input,
                        uint8_t *output, const edge_part *part);

edge_multiply edge_scalar_bytes, edge_scalar_bits;

/* Fixed-point arithmetic as the header defines it. */
static inline int32_t edge_wrap_add(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}
static inline int32_t edge_wrap_multiply(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a * (uint32_t)b);
}
static inline int32_t edge_left(int32_t x, int32_t bits) {
  int64_t wide = (int64_t)x * ((int64_t)1 << bits);
  return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}
static inline int32_t edge_high(int32_t x, int32_t multiplier) {
  return (int32_t)(((int64_t)x * multiplier + ((int64_t)1 << 30)) >> 31);
}
static inline int32_t edge_round_right(int32_t x, int32_t bits) {
  return bits == 0 ? x : (int32_t)(((int64_t)x + ((int64_t)1 << (bits - 1))) >> bits);
}
static inline int32_t edge_clamp(int64_t x, int32_t low, int32_t high) {
  return x < low ? low : x > high ? high : (int32_t)x;
}

#endif
