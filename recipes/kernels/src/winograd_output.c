/*
 * Winograd's transform of the products. What it gives is each sum times 3 * 2^s for each transform, modulo 2^32 or 2^16:
 * multiplied by the inverse of 9 or 3 and shifted right, the sum itself.
 */
#include "winograd.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define EDGE_INLINE static inline __attribute__((always_inline))

/* 9 * 954437177 = 1 modulo 2^32, 3 * 43691 = 1 modulo 2^16. */
#define INVERSE_OF_9 954437177u
#define INVERSE_OF_3 43691u
/* s of the four outputs of a row: 24, 12, 6 and 6 times their sums. */
#define SHIFT(x) ((x) == 0 ? 3 : (x) == 1 ? 2 : 1)

/* ---- int32: 4x4 outputs, four channels at a time ---- */

/* A^T m of six values. */
EDGE_INLINE void winograd_output_six(const uint32x4_t m[6], uint32x4_t y[4]) {
  const uint32x4_t s = vaddq_u32(m[1], m[2]), d = vsubq_u32(m[1], m[2]), s2 = vaddq_u32(m[3], m[4]), d2 = vsubq_u32(m[3], m[4]);
  const uint32x4_t both = vaddq_u32(d, d2);
  y[0] = vaddq_u32(vaddq_u32(m[0], s2), vshlq_n_u32(s, 2));
  y[1] = vaddq_u32(both, d);
  y[2] = vaddq_u32(s, s2);
  y[3] = vaddq_u32(vaddq_u32(both, d2), m[5]);
}

EDGE_INLINE uint32x4_t load_four(const int32_t *m) {
  return vld1q_u32((const uint32_t *)(const void *)m);
}

#define TAKE_FOUR(i, x)                                                                               \
  do {                                                                                                \
    int32_t *at = sums + ((i) * EDGE_WINOGRAD_PIXELS + (x)) * 8;                                      \
    const int32x4_t scaled = vreinterpretq_s32_u32(vmulq_n_u32(y[x], INVERSE_OF_9));                  \
    const uint32x4_t sum = vreinterpretq_u32_s32(vshrq_n_s32(scaled, SHIFT(i) + SHIFT(x)));           \
    vst1q_s32(at, vreinterpretq_s32_u32(more ? vaddq_u32(sum, load_four(at)) : sum));                 \
  } while (0)
#define TAKE_ROW(i)          \
  do {                       \
    uint32x4_t y[4];         \
    winograd_output_six(h[i], y);     \
    TAKE_FOUR(i, 0);         \
    TAKE_FOUR(i, 1);         \
    TAKE_FOUR(i, 2);         \
    TAKE_FOUR(i, 3);         \
  } while (0)

EDGE_INLINE void winograd_output_wide(const int32_t *m, size_t tiles, int32_t *sums, int more) {
  uint32x4_t h[4][6];
#pragma GCC unroll 6
  for (int x = 0; x < 6; x++) {
    uint32x4_t column[6], y[4];
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) column[i] = load_four(m + (size_t)(i * 6 + x) * tiles * 8);
    winograd_output_six(column, y);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) h[i][x] = y[i];
  }
  TAKE_ROW(0);
  TAKE_ROW(1);
  TAKE_ROW(2);
  TAKE_ROW(3);
}

/* ---- int16: 2 rows of 4 outputs, eight channels at a time ---- */

EDGE_INLINE void winograd_output_six_narrow(const uint16x8_t m[6], uint16x8_t y[4]) {
  const uint16x8_t s = vaddq_u16(m[1], m[2]), d = vsubq_u16(m[1], m[2]), s2 = vaddq_u16(m[3], m[4]), d2 = vsubq_u16(m[3], m[4]);
  const uint16x8_t both = vaddq_u16(d, d2);
  y[0] = vaddq_u16(vaddq_u16(m[0], s2), vshlq_n_u16(s, 2));
  y[1] = vaddq_u16(both, d);
  y[2] = vaddq_u16(s, s2);
  y[3] = vaddq_u16(vaddq_u16(both, d2), m[5]);
}

#define TAKE_EIGHT(i, x)                                                                              \
  do {                                                                                                \
    uint16_t *at = sums + ((i) * EDGE_WINOGRAD_PIXELS + (x)) * 8;                                     \
    const uint16x8_t sum = vshrq_n_u16(vmulq_n_u16(y[x], INVERSE_OF_3), SHIFT(x) + 1);                \
    vst1q_u16(at, more ? vaddq_u16(sum, vld1q_u16(at)) : sum);                                        \
  } while (0)

EDGE_INLINE void winograd_output_narrow(const uint16_t *m, size_t tiles, uint16x8_t offset, uint16_t *sums, int more) {
  uint16x8_t h[2][6];
#pragma GCC unroll 6
  for (int x = 0; x < 6; x++) {
    uint16x8_t q = vld1q_u16(m + (size_t)(6 + x) * tiles * 16);
    const uint16x8_t p = vld1q_u16(m + (size_t)x * tiles * 16), r = vld1q_u16(m + (size_t)(12 + x) * tiles * 16);
    const uint16x8_t s = vld1q_u16(m + (size_t)(18 + x) * tiles * 16);
    if (6 + x == EDGE_WINOGRAD_ALL) q = vaddq_u16(q, offset);
    h[0][x] = vaddq_u16(vaddq_u16(p, q), r), h[1][x] = vsubq_u16(vsubq_u16(q, r), s);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; i++) {
    uint16x8_t y[4];
    winograd_output_six_narrow(h[i], y);
    TAKE_EIGHT(i, 0);
    TAKE_EIGHT(i, 1);
    TAKE_EIGHT(i, 2);
    TAKE_EIGHT(i, 3);
  }
}

static void winograd_outputs_wide(const int32_t *products, size_t tiles, int32_t *sums, int more) {
  for (size_t t = 0; t < tiles; t++) {
    for (size_t half = 0; half < 8; half += 4) {
      if (more)
        winograd_output_wide(products + t * 8 + half, tiles, sums + t * 32 + half, 1);
      else
        winograd_output_wide(products + t * 8 + half, tiles, sums + t * 32 + half, 0);
    }
  }
}

static void winograd_outputs_narrow(const uint16_t *products, size_t tiles, const int16_t *offsets, uint16_t *sums, int more) {
  for (size_t half = 0; half < 2; half++) {
    const uint16x8_t offset = vreinterpretq_u16_s16(vld1q_s16(offsets + half * 8));
    uint16_t *to = sums + half * 2 * EDGE_WINOGRAD_PIXELS * 8;
    for (size_t t = 0; t < tiles; t++) {
      if (more)
        winograd_output_narrow(products + t * 16 + half * 8, tiles, offset, to + t * 32, 1);
      else
        winograd_output_narrow(products + t * 16 + half * 8, tiles, offset, to + t * 32, 0);
    }
  }
}

void edge_winograd_output(const edge_winograd *k, const void *products, size_t tiles, const int16_t *offsets, void *sums, int more) {
  if (k->rows == 2)
    winograd_outputs_narrow(products, tiles, offsets, sums, more);
  else
    winograd_outputs_wide(products, tiles, sums, more);
}
#endif
