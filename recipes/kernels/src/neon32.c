/*
 * 32-bit Arm with NEON: the instructions of the A53's kernels in intrinsics, two pixels at a time as there are 16 registers.
 * Panels and schemes as in multiply_tile4.S, multiply_tile6.S and multiply_serial.S.
 */
#include "internal.h"

#if defined(__arm__) && defined(__ARM_NEON)
#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))

/* Sum of the lanes of four vectors, in order. */
INLINE int32x4_t add_four(const int32x4_t *v) {
  const int32x2_t a = vpadd_s32(vget_low_s32(v[0]), vget_high_s32(v[0])), b = vpadd_s32(vget_low_s32(v[1]), vget_high_s32(v[1]));
  const int32x2_t c = vpadd_s32(vget_low_s32(v[2]), vget_high_s32(v[2])), d = vpadd_s32(vget_low_s32(v[3]), vget_high_s32(v[3]));
  return vcombine_s32(vpadd_s32(a, b), vpadd_s32(c, d));
}

/* Four vectors of two channels each -> sums of eight channels. */
INLINE uint16x8_t add_pairs(const uint16x8_t *v) {
  const uint16x4_t a = vpadd_u16(vget_low_u16(v[0]), vget_high_u16(v[0])), b = vpadd_u16(vget_low_u16(v[1]), vget_high_u16(v[1]));
  const uint16x4_t c = vpadd_u16(vget_low_u16(v[2]), vget_high_u16(v[2])), d = vpadd_u16(vget_low_u16(v[3]), vget_high_u16(v[3]));
  return vcombine_u16(vpadd_u16(a, b), vpadd_u16(c, d));
}

/* SMULL, SMLAL, VPADAL: see multiply_tile4.S. */
INLINE void multiply_s8(const int8_t *weights, const int8_t *input, size_t steps, int32_t *sums, size_t tiles, int pixels) {
  for (size_t tile = 0; tile < tiles; tile++) {
    const int8_t *w = weights;
    int32x4_t acc[2][4];
#pragma GCC unroll 2
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
      for (int r = 0; r < 4; r++) acc[p][r] = vdupq_n_s32(0);
    for (size_t s = 0; s < steps; s++, w += 64, input += 16 * pixels) {
      int8x16_t a[2];
#pragma GCC unroll 2
      for (int p = 0; p < pixels; p++) a[p] = vld1q_s8(input + 16 * p);
#pragma GCC unroll 4
      for (int r = 0; r < 4; r++) {
        const int8x16_t v = vld1q_s8(w + 16 * r);
#pragma GCC unroll 2
        for (int p = 0; p < pixels; p++)
          acc[p][r] = vpadalq_s16(acc[p][r], vmlal_s8(vmull_s8(vget_low_s8(v), vget_low_s8(a[p])), vget_high_s8(v), vget_high_s8(a[p])));
      }
    }
#pragma GCC unroll 2
    for (int p = 0; p < pixels; p++, sums += 4) vst1q_s32(sums, add_four(acc[p]));
  }
}

/* MLA on bytes, emptied every 28 steps: see multiply_tile6.S. */
INLINE void multiply_u2(const uint8_t *weights, const uint8_t *input, size_t steps, uint16_t *sums, size_t tiles, int pixels) {
  for (size_t tile = 0; tile < tiles; tile++) {
    const uint8_t *w = weights;
    uint16x8_t wide[2][4];
#pragma GCC unroll 2
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
      for (int r = 0; r < 4; r++) wide[p][r] = vdupq_n_u16(0);
    for (size_t left = steps; left > 0;) {
      const size_t some = left < 28 ? left : 28;
      uint8x16_t acc[2][4];
#pragma GCC unroll 2
      for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++) acc[p][r] = vdupq_n_u8(0);
      for (size_t s = 0; s < some; s++, w += 64, input += 16 * pixels) {
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++)
#pragma GCC unroll 2
          for (int p = 0; p < pixels; p++) acc[p][r] = vmlaq_u8(acc[p][r], vld1q_u8(w + 16 * r), vld1q_u8(input + 16 * p));
      }
#pragma GCC unroll 2
      for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++) wide[p][r] = vpadalq_u8(wide[p][r], acc[p][r]);
      left -= some;
    }
#pragma GCC unroll 2
    for (int p = 0; p < pixels; p++, sums += 8) vst1q_u16(sums, add_pairs(wide[p]));
  }
}

/* EOR and CNT for one plane, AND and CNT for two: see multiply_tile4.S and multiply_serial.S. */
INLINE void multiply_bits(const uint8_t *weights, const uint8_t *input, size_t steps, uint16_t *sums, size_t tiles, int pixels, int planes) {
  for (size_t tile = 0; tile < tiles; tile++) {
    const uint8_t *w = weights;
    uint16x8_t acc[2][4];
#pragma GCC unroll 2
    for (int i = 0; i < pixels * planes; i++)
#pragma GCC unroll 4
      for (int r = 0; r < 4; r++) acc[i][r] = vdupq_n_u16(0);
    for (size_t s = 0; s < steps; s++, w += 64, input += 16 * pixels * planes) {
#pragma GCC unroll 4
      for (int r = 0; r < 4; r++) {
        const uint8x16_t v = vld1q_u8(w + 16 * r);
#pragma GCC unroll 2
        for (int i = 0; i < pixels * planes; i++) {
          const uint8x16_t a = vld1q_u8(input + 16 * i);
          acc[i][r] = vpadalq_u8(acc[i][r], vcntq_u8(planes == 1 ? veorq_u8(v, a) : vandq_u8(v, a)));
        }
      }
    }
#pragma GCC unroll 2
    for (int p = 0; p < pixels; p++, sums += 8) {
      uint16x8_t sum = add_pairs(acc[p * planes]);
      if (planes == 2) sum = vaddq_u16(sum, vshlq_n_u16(add_pairs(acc[1]), 1));
      vst1q_u16(sums, sum);
    }
  }
}

#define EDGE_NEON32(name, call)                                                                                                 \
  void name(const void *weights, const void *input, size_t steps, void *sums, size_t tiles, const edge_kernel *kernel, size_t pixels) { \
    (void)kernel, (void)pixels;                                                                                                 \
    call;                                                                                                                       \
  }
EDGE_NEON32(edge_neon32_s8_1, multiply_s8(weights, input, steps, sums, tiles, 1))
EDGE_NEON32(edge_neon32_s8_2, multiply_s8(weights, input, steps, sums, tiles, 2))
EDGE_NEON32(edge_neon32_u2_1, multiply_u2(weights, input, steps, sums, tiles, 1))
EDGE_NEON32(edge_neon32_u2_2, multiply_u2(weights, input, steps, sums, tiles, 2))
EDGE_NEON32(edge_neon32_bin_1, multiply_bits(weights, input, steps, sums, tiles, 1, 1))
EDGE_NEON32(edge_neon32_bin_2, multiply_bits(weights, input, steps, sums, tiles, 2, 1))
EDGE_NEON32(edge_neon32_bs12_1, multiply_bits(weights, input, steps, sums, tiles, 1, 2))
#else
/* Not empty for other architectures. */
typedef int edge_neon32_unused;
#endif
