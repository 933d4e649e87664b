/* From sums to output codes: bias, corrections, requantization, clamp. Definitions are in edge_kernels.h. */
#include "internal.h"

#include <math.h>
#include <string.h>

static int32_t scaled(const edge_finish *f, int32_t acc, int32_t i) {
  switch (f->conv->requant) {
    case EDGE_REQUANT_FIXED: {
      const int32_t shift = f->shift[i];
      if (shift < 0) acc = edge_left(acc, -shift);
      return edge_round_right(edge_high(acc, f->multiplier[i]), shift > 0 ? shift : 0);
    }
    case EDGE_REQUANT_FLOAT: {
      /* Kept inside of int32 before rounding; anything beyond is clamped to the same code anyway. */
      float x = (float)acc * f->scale[i];
      if (x > 1.0e6f) x = 1.0e6f;
      if (x < -1.0e6f) x = -1.0e6f;
      return (int32_t)rintf(x);
    }
    default: return edge_round_right(acc, f->shift[i]);
  }
}

int32_t edge_finish_value(const edge_finish *f, int32_t acc, int32_t i) {
  const edge_conv *c = f->conv;
  if (c->requant == EDGE_REQUANT_NONE) return acc;
  if (c->requant == EDGE_REQUANT_THRESHOLD) {
    int32_t count = 0;
    for (int32_t t = 0; t < c->levels - 1; t++) count += f->threshold[i * (c->levels - 1) + t] <= acc;
    return count;
  }
  return edge_clamp((int64_t)scaled(f, acc, i) + c->output_zero, c->clamp_low, c->clamp_high);
}

/* One value at a time. */
static void finish_plain(const edge_finish *f, const uint8_t *sums, uint8_t *output) {
  for (size_t p = 0; p < f->pixels; p++) {
    for (int32_t i = 0; i < f->channels; i++) {
      const size_t index = p * (size_t)f->row_channels + (size_t)i;
      int32_t sum;
      if (f->narrow) {
        uint16_t narrow;
        memcpy(&narrow, sums + index * 2, 2);
        sum = narrow;
      } else {
        memcpy(&sum, sums + index * 4, 4);
      }
      sum = edge_wrap_add(edge_wrap_multiply(sum, f->alpha), f->base[i]);
      if (f->correction != NULL) sum = edge_wrap_add(sum, f->correction[p]);
      sum = edge_finish_value(f, sum, i);
      if (f->conv->requant == EDGE_REQUANT_NONE)
        memcpy(output + p * f->output_stride + (size_t)i * 4, &sum, 4);
      else
        output[p * f->output_stride + (size_t)i] = (uint8_t)sum;
    }
  }
}

#if defined(__ARM_NEON)
#include <arm_neon.h>

typedef struct columns {
  int32x4_t base, multiplier, left, right, threshold[3];
  float32x4_t scale;
} columns;

static inline __attribute__((always_inline)) columns load_columns(const edge_finish *f, int i) {
  columns c;
  memset(&c, 0, sizeof c);
  c.base = vld1q_s32(f->base + i);
  if (f->multiplier != NULL) c.multiplier = vld1q_s32(f->multiplier + i);
  if (f->shift != NULL) {
    const int32x4_t shift = vld1q_s32(f->shift + i);
    c.left = vmaxq_s32(vnegq_s32(shift), vdupq_n_s32(0));
    c.right = vminq_s32(vnegq_s32(shift), vdupq_n_s32(0));
  }
  if (f->scale != NULL) c.scale = vld1q_f32(f->scale + i);
  if (f->threshold != NULL) {
    const int32_t levels = f->conv->levels - 1;
    int32_t spread[3][4];
    for (int t = 0; t < 3; t++)
      for (int lane = 0; lane < 4; lane++) spread[t][lane] = t < levels ? f->threshold[(i + lane) * levels + t] : INT32_MAX;
    for (int t = 0; t < 3; t++) c.threshold[t] = vld1q_s32(spread[t]);
  }
  return c;
}

static inline __attribute__((always_inline)) int32x4_t round_even(float32x4_t x) {
#if defined(__aarch64__)
  return vcvtnq_s32_f32(x);
#else
  /* Adding and taking away 1.5 * 2^23 rounds to nearest even for |x| < 2^22; x is clamped to 1e6 before. */
  const float32x4_t magic = vdupq_n_f32(12582912.0f);
  return vcvtq_s32_f32(vsubq_f32(vaddq_f32(x, magic), magic));
#endif
}

/* Four accumulators -> four values, not yet with the zero point. `requant` and `left` are constants where this is used. */
static inline __attribute__((always_inline)) int32x4_t scale_four(int32x4_t acc, const columns *c, int requant, int left) {
  if (requant == EDGE_REQUANT_FIXED) {
    if (left) acc = vqshlq_s32(acc, c->left);
    return vrshlq_s32(vqrdmulhq_s32(acc, c->multiplier), c->right);
  }
  if (requant == EDGE_REQUANT_SHIFT) return vrshlq_s32(acc, c->right);
  if (requant == EDGE_REQUANT_FLOAT) {
    float32x4_t x = vmulq_f32(vcvtq_f32_s32(acc), c->scale);
    x = vmaxq_f32(vminq_f32(x, vdupq_n_f32(1.0e6f)), vdupq_n_f32(-1.0e6f));
    return round_even(x);
  }
  return acc;
}

/* Adds modulo 2^32; the signed intrinsic is C's addition, which must not overflow. */
static inline __attribute__((always_inline)) int32x4_t wrap_add(int32x4_t a, int32x4_t b) {
  return vreinterpretq_s32_u32(vaddq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
}

/* base + alpha * sum, for the factors that occur. */
static inline __attribute__((always_inline)) int32x4_t accumulate(int32x4_t base, int32x4_t sum, int alpha) {
  return wrap_add(base, alpha == 1 ? sum : wrap_add(sum, sum)); /* alpha is 1 or 2 here */
}

static inline __attribute__((always_inline)) int32x4_t accumulate_low(int32x4_t base, uint16x8_t sums, int alpha) {
  const uint32x4_t from = vreinterpretq_u32_s32(base);
  const uint16x4_t half = vget_low_u16(sums);
  if (alpha == 1) return vreinterpretq_s32_u32(vaddw_u16(from, half));
  return vreinterpretq_s32_u32(alpha < 0 ? vsubw_u16(from, half) : vmlal_u16(from, half, vdup_n_u16((uint16_t)alpha)));
}

static inline __attribute__((always_inline)) int32x4_t accumulate_high(int32x4_t base, uint16x8_t sums, int alpha) {
#if defined(__aarch64__)
  const uint32x4_t from = vreinterpretq_u32_s32(base);
  if (alpha == 1) return vreinterpretq_s32_u32(vaddw_high_u16(from, sums));
  return vreinterpretq_s32_u32(alpha < 0 ? vsubw_high_u16(from, sums) : vmlal_high_u16(from, sums, vdupq_n_u16((uint16_t)alpha)));
#else
  return accumulate_low(base, vcombine_u16(vget_high_u16(sums), vget_high_u16(sums)), alpha);
#endif
}

static inline __attribute__((always_inline)) int16x8_t narrow_two(int32x4_t low, int32x4_t high) {
#if defined(__aarch64__)
  return vqmovn_high_s32(vqmovn_s32(low), high);
#else
  return vcombine_s16(vqmovn_s32(low), vqmovn_s32(high));
#endif
}

/* Adds the zero point, clamps, and narrows sixteen values. `is_signed` is a constant where this is used. */
static inline __attribute__((always_inline)) uint8x16_t codes_of(int16x8_t first, int16x8_t second, int16x8_t zero, int8x16_t least,
                                                               int8x16_t most, int is_signed) {
  first = vqaddq_s16(first, zero), second = vqaddq_s16(second, zero);
#if defined(__aarch64__)
  if (is_signed) return vreinterpretq_u8_s8(vmaxq_s8(vminq_s8(vqmovn_high_s16(vqmovn_s16(first), second), most), least));
  return vmaxq_u8(vminq_u8(vqmovun_high_s16(vqmovun_s16(first), second), vreinterpretq_u8_s8(most)), vreinterpretq_u8_s8(least));
#else
  if (is_signed) return vreinterpretq_u8_s8(vmaxq_s8(vminq_s8(vcombine_s8(vqmovn_s16(first), vqmovn_s16(second)), most), least));
  return vmaxq_u8(vminq_u8(vcombine_u8(vqmovun_s16(first), vqmovun_s16(second)), vreinterpretq_u8_s8(most)), vreinterpretq_u8_s8(least));
#endif
}

/* How many thresholds are not above each value: each comparison gives -1 or 0. */
static inline __attribute__((always_inline)) int16x8_t count_thresholds(int32x4_t low, int32x4_t high, const columns *a,
                                                                      const columns *b, int levels) {
  uint32x4_t x = vcgeq_s32(low, a->threshold[0]), y = vcgeq_s32(high, b->threshold[0]);
  if (levels == 4) {
    x = vaddq_u32(vaddq_u32(x, vcgeq_s32(low, a->threshold[1])), vcgeq_s32(low, a->threshold[2]));
    y = vaddq_u32(vaddq_u32(y, vcgeq_s32(high, b->threshold[1])), vcgeq_s32(high, b->threshold[2]));
  }
  return vnegq_s16(vcombine_s16(vmovn_s32(vreinterpretq_s32_u32(x)), vmovn_s32(vreinterpretq_s32_u32(y))));
}

/* What is the same for all of a call's pixels; kept apart from edge_finish so that stores to the output cannot change it. */
typedef struct settings {
  columns a, b;
  int16x8_t zero;
  int8x16_t least, most;
  size_t stride;
  int levels;
} settings;

/* Eight sums and their corrections -> eight values. Channels 0-7 of a pixel, or 0-3 of two pixels. */
static inline __attribute__((always_inline)) void take_eight(const settings *s, const uint8_t *sums, const int32_t *correction,
                                                           int narrow, int row, int corrected, int alpha, int32x4_t *low, int32x4_t *high) {
  int32x4_t from_low = s->a.base, from_high = row == 8 ? s->b.base : s->a.base;
  if (corrected) {
    from_low = wrap_add(from_low, vld1q_dup_s32(correction));
    from_high = wrap_add(from_high, vld1q_dup_s32(row == 8 ? correction : correction + 1));
  }
  if (narrow) {
    uint16x8_t eight = vld1q_u16((const uint16_t *)(const void *)sums);
    /* Twice a sum fits (variants.c), and a subtraction can write a new register, a multiplication must copy the base. */
    if (alpha == -2) eight = vshlq_n_u16(eight, 1);
    *low = accumulate_low(from_low, eight, alpha), *high = accumulate_high(from_high, eight, alpha);
  } else {
    const int32_t *wide = (const int32_t *)(const void *)sums;
    *low = accumulate(from_low, vld1q_s32(wide), alpha), *high = accumulate(from_high, vld1q_s32(wide + 4), alpha);
  }
}

static inline __attribute__((always_inline)) int16x8_t requantize(const settings *s, int32x4_t low, int32x4_t high, int requant,
                                                                int row, int left) {
  const columns *b = row == 8 ? &s->b : &s->a;
  if (requant == EDGE_REQUANT_THRESHOLD) return count_thresholds(low, high, &s->a, b, s->levels);
  return narrow_two(scale_four(low, &s->a, requant, left), scale_four(high, b, requant, left));
}

/* Rows of codes start anywhere. */
typedef uint32_t loose_word __attribute__((aligned(1), may_alias));

static inline __attribute__((always_inline)) void store_half(uint8_t *output, size_t stride, uint8x8_t codes, int row) {
  if (row == 8) {
    vst1_u8(output, codes);
  } else {
    const uint32x2_t words = vreinterpret_u32_u8(codes);
    *(loose_word *)(void *)output = vget_lane_u32(words, 0);
    *(loose_word *)(void *)(output + stride) = vget_lane_u32(words, 1);
  }
}

/*
 * Whole groups of 16 sums: two pixels of eight channels, or four of four. Everything but the pointers is constant in
 * each use, so that the compiler makes one tight loop for each. Returns how many pixels were done.
 */
static inline __attribute__((always_inline)) size_t finish_sixteens(const edge_finish *f, const uint8_t *sums, uint8_t *output,
                                                                  int requant, int narrow, int row, int left, int corrected,
                                                                  int alpha, int is_signed) {
  settings s;
  const size_t step = row == 8 ? 2 : 4, half = step / 2, count = f->pixels / step;
  const size_t eight = narrow ? 16 : 32;
  const int32_t *correction = f->correction;
  s.a = load_columns(f, 0), s.b = row == 8 ? load_columns(f, 4) : s.a;
  s.zero = vdupq_n_s16(requant == EDGE_REQUANT_THRESHOLD ? 0 : (int16_t)f->conv->output_zero);
  s.least = vdupq_n_s8(requant == EDGE_REQUANT_THRESHOLD ? 0 : (int8_t)f->conv->clamp_low);
  s.most = vdupq_n_s8(requant == EDGE_REQUANT_THRESHOLD ? 3 : (int8_t)f->conv->clamp_high);
  s.stride = f->output_stride, s.levels = f->conv->levels;
#pragma GCC unroll 2
  for (size_t i = 0; i < count; i++) {
    int32x4_t a, b, c, d;
    take_eight(&s, sums, correction, narrow, row, corrected, alpha, &a, &b);
    take_eight(&s, sums + eight, correction + half, narrow, row, corrected, alpha, &c, &d);
    sums += 2 * eight;
    if (corrected) correction += step;
    if (requant == EDGE_REQUANT_NONE) {
      int32_t *first = (int32_t *)(void *)output, *second = (int32_t *)(void *)(output + (row == 8 ? s.stride : 2 * s.stride));
      int32_t *after = (int32_t *)(void *)(output + s.stride), *last = (int32_t *)(void *)(output + 3 * s.stride);
      vst1q_s32(first, a), vst1q_s32(row == 8 ? first + 4 : after, b);
      vst1q_s32(second, c), vst1q_s32(row == 8 ? second + 4 : last, d);
      output += step * s.stride;
    } else {
      const uint8x16_t codes = codes_of(requantize(&s, a, b, requant, row, left), requantize(&s, c, d, requant, row, left), s.zero,
                                        s.least, s.most, is_signed);
      store_half(output, s.stride, vget_low_u8(codes), row);
      output += half * s.stride;
      store_half(output, s.stride, vget_high_u8(codes), row);
      output += half * s.stride;
    }
  }
  return count * step;
}

#define EDGE_FINISH_AS(requant, narrow, row, left, corrected, alpha)                                         \
  (f->conv->output_signed ? finish_sixteens(f, sums, output, requant, narrow, row, left, corrected, alpha, 1) \
                          : finish_sixteens(f, sums, output, requant, narrow, row, left, corrected, alpha, 0))

/* The combinations that the kernels of variants.c make: width and row of the sums, corrections, factor. */
#define EDGE_FINISH(name, requant, left)                                                                    \
  static size_t name(const edge_finish *f, const uint8_t *sums, uint8_t *output) {                          \
    const int corrected = f->correction != NULL;                                                            \
    switch ((f->narrow ? 1000 : 0) + f->row_channels * 100 + corrected * 10 + f->alpha) {                   \
      case 401: return EDGE_FINISH_AS(requant, 0, 4, left, 0, 1);                                           \
      case 801: return EDGE_FINISH_AS(requant, 0, 8, left, 0, 1);                                           \
      case 811: return EDGE_FINISH_AS(requant, 0, 8, left, 1, 1);                                           \
      case 812: return EDGE_FINISH_AS(requant, 0, 8, left, 1, 2);                                           \
      case 1798: return EDGE_FINISH_AS(requant, 1, 8, left, 0, -2);                                         \
      case 1801: return EDGE_FINISH_AS(requant, 1, 8, left, 0, 1);                                          \
      case 1811: return EDGE_FINISH_AS(requant, 1, 8, left, 1, 1);                                          \
      case 1812: return EDGE_FINISH_AS(requant, 1, 8, left, 1, 2);                                          \
      case 1411: return EDGE_FINISH_AS(requant, 1, 4, left, 1, 1);                                          \
      case 1412: return EDGE_FINISH_AS(requant, 1, 4, left, 1, 2);                                          \
      default: return 0;                                                                                    \
    }                                                                                                       \
  }

EDGE_FINISH(finish_fixed, EDGE_REQUANT_FIXED, 0)
EDGE_FINISH(finish_fixed_left, EDGE_REQUANT_FIXED, 1)
EDGE_FINISH(finish_float, EDGE_REQUANT_FLOAT, 0)
EDGE_FINISH(finish_shift, EDGE_REQUANT_SHIFT, 0)
EDGE_FINISH(finish_threshold, EDGE_REQUANT_THRESHOLD, 0)
EDGE_FINISH(finish_none, EDGE_REQUANT_NONE, 0)

static size_t finish_fast(const edge_finish *f, const uint8_t *sums, uint8_t *output) {
  switch (f->conv->requant) {
    case EDGE_REQUANT_FIXED: return f->left_shifts ? finish_fixed_left(f, sums, output) : finish_fixed(f, sums, output);
    case EDGE_REQUANT_FLOAT: return finish_float(f, sums, output);
    case EDGE_REQUANT_SHIFT: return finish_shift(f, sums, output);
    case EDGE_REQUANT_THRESHOLD: return finish_threshold(f, sums, output);
    default: return finish_none(f, sums, output);
  }
}

void edge_finish_rows(const edge_finish *f, const void *sums, uint8_t *output) {
  const size_t done = f->channels == f->row_channels ? finish_fast(f, sums, output) : 0;
  if (done < f->pixels) {
    edge_finish rest = *f;
    rest.pixels -= done;
    if (rest.correction != NULL) rest.correction += done;
    finish_plain(&rest, (const uint8_t *)sums + done * (size_t)f->row_channels * (f->narrow ? 2 : 4), output + done * f->output_stride);
  }
}
#else
void edge_finish_rows(const edge_finish *f, const void *sums, uint8_t *output) {
  finish_plain(f, sums, output);
}
#endif
