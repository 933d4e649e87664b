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

/* Channels [from, finish->channels) of every pixel, one at a time. */
static void finish_plain(const edge_finish *f, const uint8_t *sums, uint8_t *output, int32_t from) {
  for (size_t p = 0; p < f->pixels; p++) {
    for (int32_t i = from; i < f->channels; i++) {
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

static inline __attribute__((always_inline)) int32x4_t accumulate(int32x4_t sum, int32x4_t base, int32_t alpha, int plain) {
  return plain ? vaddq_s32(base, sum) : vmlaq_n_s32(base, sum, alpha);
}

static inline __attribute__((always_inline)) int32x4_t accumulate_narrow(uint16x4_t sum, int32x4_t base, int32_t alpha) {
  /* Sums are up to 65535 and |alpha| is at most 2. */
  return alpha < 0 ? vreinterpretq_s32_u32(vmlsl_n_u16(vreinterpretq_u32_s32(base), sum, (uint16_t)-alpha))
                   : vreinterpretq_s32_u32(vmlal_n_u16(vreinterpretq_u32_s32(base), sum, (uint16_t)alpha));
}

static inline __attribute__((always_inline)) uint8x8_t codes_of(int32x4_t low, int32x4_t high, int16x8_t zero, int8x8_t least,
                                                              int8x8_t most, int is_signed) {
  const int16x8_t both = vqaddq_s16(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high)), zero);
  if (is_signed) return vreinterpret_u8_s8(vmax_s8(vmin_s8(vqmovn_s16(both), most), least));
  return vmax_u8(vmin_u8(vqmovun_s16(both), vreinterpret_u8_s8(most)), vreinterpret_u8_s8(least));
}

static inline __attribute__((always_inline)) uint8x8_t count_thresholds(int32x4_t low, int32x4_t high, const columns *a,
                                                                      const columns *b, int levels) {
  /* Each comparison gives -1 or 0. */
  uint32x4_t x = vcgeq_s32(low, a->threshold[0]), y = vcgeq_s32(high, b->threshold[0]);
  for (int t = 1; t < levels - 1; t++) {
    x = vaddq_u32(x, vcgeq_s32(low, a->threshold[t]));
    y = vaddq_u32(y, vcgeq_s32(high, b->threshold[t]));
  }
  return vreinterpret_u8_s8(vneg_s8(vmovn_s16(vcombine_s16(vmovn_s32(vreinterpretq_s32_u32(x)), vmovn_s32(vreinterpretq_s32_u32(y))))));
}

/*
 * Eight channels a pixel (row 8) or four channels of two pixels (row 4). Everything but the pointers is constant
 * in each use, so that the compiler makes one tight loop for each.
 */
static inline __attribute__((always_inline)) void finish_rows(const edge_finish *f, const uint8_t *sums, uint8_t *output,
                                                            int requant, int narrow, int row, int left, int corrected) {
  const edge_conv *conv = f->conv;
  const columns a = load_columns(f, 0), b = row == 8 ? load_columns(f, 4) : a;
  const int16x8_t zero = vdupq_n_s16((int16_t)conv->output_zero);
  const int8x8_t least = vdup_n_s8((int8_t)conv->clamp_low), most = vdup_n_s8((int8_t)conv->clamp_high);
  const size_t step = row == 8 ? 1 : 2;
  const size_t last = f->pixels & (step - 1);
  const int32_t *correction = f->correction;
  const int32_t alpha = f->alpha;
  for (size_t p = 0; p < f->pixels; p += step) {
    /* With four channels the second pixel of the last pair may not exist; its sums are then whatever is there. */
    int32x4_t low = a.base, high = b.base;
    if (corrected) {
      low = vaddq_s32(low, vld1q_dup_s32(correction));
      high = vaddq_s32(high, vld1q_dup_s32(row == 8 || p + 1 >= f->pixels ? correction : correction + 1));
      correction += step;
    }
    if (narrow) {
      const uint16x8_t eight = vld1q_u16((const uint16_t *)(const void *)sums);
      low = accumulate_narrow(vget_low_u16(eight), low, alpha), high = accumulate_narrow(vget_high_u16(eight), high, alpha);
      sums += 16;
    } else {
      const int32_t *wide = (const int32_t *)(const void *)sums;
      low = accumulate(vld1q_s32(wide), low, alpha, !corrected), high = accumulate(vld1q_s32(wide + 4), high, alpha, !corrected);
      sums += 32;
    }
    if (requant == EDGE_REQUANT_NONE) {
      vst1q_s32((int32_t *)(void *)output, low);
      if (row == 8)
        vst1q_s32((int32_t *)(void *)output + 4, high);
      else if (p + step <= f->pixels || last == 0)
        vst1q_s32((int32_t *)(void *)(output + f->output_stride), high);
    } else {
      uint8x8_t codes;
      if (requant == EDGE_REQUANT_THRESHOLD)
        codes = count_thresholds(low, high, &a, &b, conv->levels);
      else
        codes = codes_of(scale_four(low, &a, requant, left), scale_four(high, &b, requant, left), zero, least, most,
                         conv->output_signed);
      if (row == 8) {
        vst1_u8(output, codes);
      } else {
        const uint32x2_t two = vreinterpret_u32_u8(codes);
        const uint32_t first = vget_lane_u32(two, 0), second = vget_lane_u32(two, 1);
        memcpy(output, &first, 4);
        if (p + step <= f->pixels || last == 0) memcpy(output + f->output_stride, &second, 4);
      }
    }
    output += step * f->output_stride;
  }
}

#define EDGE_FINISH(requant, left)                                                                         \
  do {                                                                                                     \
    if (f->narrow && f->row_channels == 8 && f->correction != NULL) finish_rows(f, sums, output, requant, 1, 8, left, 1); \
    else if (f->narrow && f->row_channels == 8) finish_rows(f, sums, output, requant, 1, 8, left, 0);      \
    else if (f->narrow) finish_rows(f, sums, output, requant, 1, 4, left, 1);                              \
    else if (f->row_channels == 8 && f->correction == NULL && f->alpha == 1) finish_rows(f, sums, output, requant, 0, 8, left, 0); \
    else if (f->row_channels == 8 && f->correction != NULL) finish_rows(f, sums, output, requant, 0, 8, left, 1); \
    else if (f->row_channels == 4 && f->correction == NULL && f->alpha == 1) finish_rows(f, sums, output, requant, 0, 4, left, 0); \
    else if (f->row_channels == 4 && f->correction != NULL) finish_rows(f, sums, output, requant, 0, 4, left, 1); \
    else finish_plain(f, sums, output, 0);                                                                 \
  } while (0)

static void finish_fixed(const edge_finish *f, const uint8_t *sums, uint8_t *output) {
  EDGE_FINISH(EDGE_REQUANT_FIXED, 0);
}
static void finish_fixed_left(const edge_finish *f, const uint8_t *sums, uint8_t *output) {
  EDGE_FINISH(EDGE_REQUANT_FIXED, 1);
}
static void finish_float(const edge_finish *f, const uint8_t *sums, uint8_t *output) {
  EDGE_FINISH(EDGE_REQUANT_FLOAT, 0);
}
static void finish_shift(const edge_finish *f, const uint8_t *sums, uint8_t *output) {
  EDGE_FINISH(EDGE_REQUANT_SHIFT, 0);
}
static void finish_threshold(const edge_finish *f, const uint8_t *sums, uint8_t *output) {
  EDGE_FINISH(EDGE_REQUANT_THRESHOLD, 0);
}
static void finish_none(const edge_finish *f, const uint8_t *sums, uint8_t *output) {
  EDGE_FINISH(EDGE_REQUANT_NONE, 0);
}

void edge_finish_rows(const edge_finish *f, const void *sums, uint8_t *output) {
  if (f->channels != f->row_channels || (f->narrow && f->row_channels == 4 && f->correction == NULL)) {
    finish_plain(f, sums, output, 0);
    return;
  }
  switch (f->conv->requant) {
    case EDGE_REQUANT_FIXED: (f->left_shifts ? finish_fixed_left : finish_fixed)(f, sums, output); break;
    case EDGE_REQUANT_FLOAT: finish_float(f, sums, output); break;
    case EDGE_REQUANT_SHIFT: finish_shift(f, sums, output); break;
    case EDGE_REQUANT_THRESHOLD: finish_threshold(f, sums, output); break;
    default: finish_none(f, sums, output); break;
  }
}
#else
void edge_finish_rows(const edge_finish *f, const void *sums, uint8_t *output) {
  finish_plain(f, sums, output, 0);
}
#endif
