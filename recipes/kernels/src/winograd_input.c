/* Winograd's transform of the input, eight channels at a time. */
#include "winograd.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define EDGE_INLINE static inline __attribute__((always_inline))

/* B^T d of six values: points 0, 1, -1, 2, -2 and infinity. */
EDGE_INLINE void winograd_input_six(const int16x8_t d[6], int16x8_t v[6]) {
  const int16x8_t a = vsubq_s16(d[4], d[2]), b = vsubq_s16(d[3], d[1]);
  const int16x8_t even = vmlsq_n_s16(d[4], d[2], 4), odd = vmlsq_n_s16(d[3], d[1], 4), twice = vaddq_s16(b, b);
  v[0] = vmlaq_n_s16(vsubq_s16(even, d[2]), d[0], 4);
  v[1] = vaddq_s16(even, odd), v[2] = vsubq_s16(even, odd);
  v[3] = vaddq_s16(a, twice), v[4] = vsubq_s16(a, twice);
  v[5] = vmlsq_n_s16(vsubq_s16(d[5], d[3]), b, 4);
}

/* B^T d of four values: points 0, 1, -1 and infinity. */
EDGE_INLINE void winograd_input_four(const int16x8_t d[4], int16x8_t v[4]) {
  v[0] = vsubq_s16(d[0], d[2]), v[1] = vaddq_s16(d[1], d[2]), v[2] = vsubq_s16(d[2], d[1]), v[3] = vsubq_s16(d[1], d[3]);
}

/* `lines` (cells of a tile from top to bottom) and `is_signed` are constants where this is used. */
EDGE_INLINE void winograd_input_tile(const uint8_t *const *cells, size_t first, size_t channels, size_t tiles, int lines, int is_signed,
                            int32_t zero, int16_t *to) {
  const uint8x8_t zeros = vdup_n_u8((uint8_t)zero);
  const size_t position = channels * tiles;
  for (size_t channel = first; channel < first + channels; channel += 8, to += tiles * 8) {
    int16x8_t h[6][6];
#pragma GCC unroll 6
    for (int y = 0; y < lines; y++) {
      int16x8_t d[6];
#pragma GCC unroll 6
      for (int x = 0; x < 6; x++) {
        const uint8x8_t codes = vld1_u8(cells[y * 6 + x] + channel);
        d[x] = is_signed ? vsubl_s8(vreinterpret_s8_u8(codes), vreinterpret_s8_u8(zeros)) : vreinterpretq_s16_u16(vsubl_u8(codes, zeros));
      }
      winograd_input_six(d, h[y]);
    }
#pragma GCC unroll 6
    for (int x = 0; x < 6; x++) {
      const int16x8_t d[6] = {h[0][x], h[1][x], h[2][x], h[3][x], h[lines - 2][x], h[lines - 1][x]};
      int16x8_t v[6];
      if (lines == 6)
        winograd_input_six(d, v);
      else
        winograd_input_four(d, v);
#pragma GCC unroll 6
      for (int y = 0; y < lines; y++) vst1q_s16(to + (size_t)(y * 6 + x) * position, v[y]);
    }
  }
}

void edge_winograd_input(const edge_winograd *k, const uint8_t *const *cells, size_t first, size_t channels, size_t tiles,
                         int is_signed, int32_t zero, int16_t *to) {
  if (k->rows == 2)
    winograd_input_tile(cells, first, channels, tiles, 4, 0, zero, to);
  else if (is_signed)
    winograd_input_tile(cells, first, channels, tiles, 6, 1, zero, to);
  else
    winograd_input_tile(cells, first, channels, tiles, 6, 0, zero, to);
}
#endif
