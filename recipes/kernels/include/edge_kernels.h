/*
 * edge_kernels.h - quantized convolution, fully connected and integer layers for Arm cores.
 *
 * Rules that hold everywhere:
 *  - Tensors are NHWC, one byte per element (a "code"), row after row without gaps.
 *  - Every buffer belongs to the caller. Nothing is allocated, nothing is kept: no global state, no locks.
 *  - `packed` and `workspace` buffers start at a multiple of EDGE_ALIGNMENT bytes.
 *  - Arguments are checked before memory is touched; a wrong one gives an error code and nothing is written.
 *  - Sums are exact in 32 bits. Adding the bias wraps modulo 2^32 (choose |bias| < 2^30 and it never does).
 *  - Results are equal, bit for bit, on every variant and to the scalar reference.
 */
#ifndef EDGE_KERNELS_H
#define EDGE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A program that is compiled together with the kernels keeps them to itself: -DEDGE_API= */
#if defined(EDGE_API)
#elif defined(__GNUC__)
#define EDGE_API __attribute__((visibility("default")))
#else
#define EDGE_API
#endif

#define EDGE_KERNELS_VERSION 2
/** Alignment, in bytes, of packed weights and workspaces. */
#define EDGE_ALIGNMENT 64
/** Largest number of multiplications per output value (kernel height * width * channels of one group). */
#define EDGE_MAX_DEPTH 65536
/** Largest height, width, channel count, batch, stride, dilation and padding. */
#define EDGE_MAX_SIDE 65536

typedef enum edge_status {
  EDGE_OK = 0,
  /** A pointer is null, misaligned, or a field holds a value that is not listed. */
  EDGE_E_ARGUMENT = -1,
  /** A number is outside of its range, or sizes do not fit one another. */
  EDGE_E_RANGE = -2,
  /** A buffer is smaller than the plan says. */
  EDGE_E_SIZE = -3,
  /** This processor or this build cannot run the variant. */
  EDGE_E_UNSUPPORTED = -4,
  /** The packed weights were not made by edge_conv_prepare of this version, or were changed. */
  EDGE_E_CORRUPT = -5
} edge_status;

/** A short English sentence for a status; never null, never to be freed. */
EDGE_API const char *edge_status_text(edge_status status);

/*
 * Which kernels run. A variant is a row of a table (variants.c); any variant whose instructions the processor has
 * gives the same results, only the time differs.
 */
typedef enum edge_variant {
  /** Let the library look at the processor (HWCAP and MIDR). */
  EDGE_VARIANT_AUTO = 0,
  /** Plain C, any architecture. */
  EDGE_VARIANT_SCALAR = 1,
  /** Armv8.0 in-order (Cortex-A35, A53): 8-bit MLA sums, split 64-bit loads. */
  EDGE_VARIANT_A53 = 2,
  /** Armv8.0 out-of-order (Cortex-A57, A72, A73): bit-serial 2 bit, SMULL/SADALP on both pipes. */
  EDGE_VARIANT_A72 = 3,
  /** Armv8.2 dot product (Cortex-A55, A76, A78): SDOT, low-bit weights widened to bytes. */
  EDGE_VARIANT_DOT = 4,
  /** 32-bit Arm with NEON. */
  EDGE_VARIANT_NEON32 = 5,
  /** Any Armv8.0, fewest instructions: plain 128-bit loads, 2 bit by MLA. Never chosen by itself. */
  EDGE_VARIANT_NEON64 = 6
} edge_variant;

/** The best variant for the processor this runs on. Reads AT_HWCAP and, when Linux offers it, MIDR_EL1. */
EDGE_API edge_variant edge_variant_detect(void);
/** EDGE_OK when this processor and build can run `variant`, else EDGE_E_UNSUPPORTED or EDGE_E_ARGUMENT. */
EDGE_API edge_status edge_variant_check(edge_variant variant);
/** "a53", "a72", ...; "?" for an unknown value. */
EDGE_API const char *edge_variant_name(edge_variant variant);

/*
 * What is multiplied with what. "a" is the input's code; its value is a - input_zero. "w" is the weight's code.
 */
typedef enum edge_scheme {
  /**
   * w in [-127,127]; a in [-128,127] or [0,255]. SMULL, SMLAL2, SADALP (two products fit 16 bits) or SDOT. Where it pays, 3x3 with
   * stride 1 is done by Winograd's F(4x4) (arXiv 1509.09308), exactly; so are W7A7, W4A4 and, in 16 bits, W2A2 and W1A2.
   */
  EDGE_W8A8 = 0,
  /** w in [-63,63]; a in [-64,63]. Eight products fit 16 bits (EasyQuant, arXiv 2006.16669; gemmlowp's Int7Operands). */
  EDGE_W7A7 = 1,
  /** w in [-8,7]; a in [-8,7] or [0,15]. 273 products fit 16 bits (Han et al., ICPP 2020). */
  EDGE_W4A4 = 2,
  /**
   * w code u in [0,3], value u - weight_zero2/2; a in [0,3]. weight_zero2 = 4 gives -2..1, 3 gives -1.5..1.5, which are
   * the levels -1,-1/3,1/3,1 of DSQ (arXiv 1908.05033) with scale 2/3. With an odd weight_zero2 sums are counted
   * in halves: the accumulator holds twice the sum. 8-bit MLA (DSQ) or bit-serial AND+CNT (DeepliteRT, arXiv 2309.10878).
   */
  EDGE_W2A2 = 3,
  /** w code 0 or 1 for -1 and +1; a in [0,3]: two bit planes, AND+CNT. */
  EDGE_W1A2 = 4,
  /** w and a codes 0 or 1 for -1 and +1; EOR+CNT+UADALP (daBNN, arXiv 1908.05858). input_zero must be 0. */
  EDGE_W1A1 = 5
} edge_scheme;

/** How the caller stores weights. In memory they are O x KH x KW x I (I = channels of one group). */
typedef enum edge_weight_format {
  /** One signed byte per weight. */
  EDGE_WEIGHTS_BYTES = 0,
  /** ONNX INT4: two per byte, the first in the low nibble, two's complement. Schemes W4A4, W7A7, W8A8. */
  EDGE_WEIGHTS_INT4 = 1,
  /** ONNX UINT2: four per byte, the first in the low bits. Scheme W2A2 only. */
  EDGE_WEIGHTS_UINT2 = 2,
  /** Eight per byte, the first in the lowest bit. Schemes W1A1, W1A2. */
  EDGE_WEIGHTS_BITS = 3,
  /**
   * Powers of two: two 4-bit codes per byte, the first in the low nibble; bit 3 is the sign, bits 0-2 are e:
   * e = 0 is 0, otherwise 2^(e-1), so 0, +-1 .. +-64. Decoded to bytes by prepare; runs as W8A8. Saves room, not time.
   */
  EDGE_WEIGHTS_LOG4 = 4
} edge_weight_format;

typedef enum edge_requant {
  /** int32 accumulators, no clamp. Output element: 4 bytes. */
  EDGE_REQUANT_NONE = 0,
  /**
   * y = output_zero + RSHR(HIGH(LSHL(acc, l), multiplier[c]), r): HIGH(x,m) = saturate((2*x*m + 2^31) >> 32) (SQRDMULH),
   * LSHL saturates (SQSHL), RSHR(x,r) = (x + 2^(r-1)) >> r (SRSHL). shift[c] >= 0 is r, shift[c] < 0 is -l. (gemmlowp)
   */
  EDGE_REQUANT_FIXED = 1,
  /** y = output_zero + round to nearest even((float)acc * scale[c]), in single precision. */
  EDGE_REQUANT_FLOAT = 2,
  /** y = output_zero + RSHR(acc, shift[c]), 0 <= shift[c] <= 31. */
  EDGE_REQUANT_SHIFT = 3,
  /** y = how many of threshold[c][0..levels-2] are <= acc; levels 2 (1 bit) or 4 (2 bit). No zero, no clamp. (FINN) */
  EDGE_REQUANT_THRESHOLD = 4
} edge_requant;

/** Shape and arithmetic of a convolution. All fields count; unused ones are 0. A plain value, copy it freely. */
typedef struct edge_conv {
  int32_t batch, in_height, in_width, in_channels;
  int32_t out_channels;
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t dilation_height, dilation_width;
  int32_t pad_top, pad_left, pad_bottom, pad_right;
  /** Divides in_channels and out_channels. groups = in_channels = out_channels with W8A8 takes the depthwise kernel. */
  int32_t groups;
  int32_t scheme;        /* edge_scheme */
  int32_t weight_format; /* edge_weight_format */
  int32_t requant;       /* edge_requant */
  /** 1: input codes are int8_t, 0: uint8_t. */
  int32_t input_signed;
  /** The code that means 0; also what padding reads, but see pad_code. In the range of the input's codes. */
  int32_t input_zero;
  /** W1A1 only: the bit that padding reads, 0 (-1) or 1 (+1). */
  int32_t pad_code;
  /** W2A2 only, 0..6: twice the weights' zero point. */
  int32_t weight_zero2;
  /** 1: output codes are int8_t, 0: uint8_t. */
  int32_t output_signed;
  int32_t output_zero;
  /** Output codes are clamped to [clamp_low, clamp_high]: fused ReLU is clamp_low = output_zero. */
  int32_t clamp_low, clamp_high;
  /** REQUANT_THRESHOLD: 2 or 4. */
  int32_t levels;
} edge_conv;

/** What a convolution needs, from edge_conv_plan. */
typedef struct edge_plan {
  int32_t out_height, out_width;
  /** Bytes of the caller's weights, of input, of output. */
  size_t weight_bytes, input_bytes, output_bytes;
  /** Bytes of the packed weights (position independent: may be stored and mapped, on the same variant). */
  size_t packed_bytes;
  /** Bytes of workspace per thread. */
  size_t workspace_bytes;
  /** Work can be split over [0, pixel_units) x [0, channel_units); each part needs its own workspace. */
  int32_t pixel_units, channel_units;
  int32_t variant; /* edge_variant, resolved */
  /** Name of the kernel that will run, static. */
  const char *kernel;
} edge_plan;

/** Per-channel data for prepare. Arrays of out_channels values; those not needed by `requant` may be null. */
typedef struct edge_conv_data {
  const void *weights;
  size_t weight_bytes;
  /** int32, added to the sum; null means 0. In halves when W2A2's weight_zero2 is odd. */
  const int32_t *bias;
  /** REQUANT_FIXED: each in [0, 2^31). */
  const int32_t *multiplier;
  /** REQUANT_FIXED: -31..31; REQUANT_SHIFT: 0..31. */
  const int32_t *shift;
  /** REQUANT_FLOAT: finite. */
  const float *scale;
  /** REQUANT_THRESHOLD: out_channels x (levels-1), ascending. */
  const int32_t *threshold;
} edge_conv_data;

/** A part of the work: pixel units [pixel_begin, pixel_end) x channel units [channel_begin, channel_end). */
typedef struct edge_part {
  int32_t pixel_begin, pixel_end, channel_begin, channel_end;
} edge_part;

/** Sizes for `conv` on `variant`. Touches only `*plan`. Errors: ARGUMENT, RANGE, UNSUPPORTED. */
EDGE_API edge_status edge_conv_plan(const edge_conv *conv, edge_variant variant, edge_plan *plan);

/**
 * Packs weights and per-channel data into `packed` (at least plan.packed_bytes, EDGE_ALIGNMENT aligned).
 * Errors: those of plan; RANGE when a weight, multiplier, shift or scale is outside of its range; SIZE.
 */
EDGE_API edge_status edge_conv_prepare(const edge_conv *conv, edge_variant variant, const edge_conv_data *data, void *packed,
                              size_t packed_bytes);

/**
 * Runs one part, or everything when `part` is null. Parts may run at the same time on different threads, each with
 * its own workspace; together they must cover the units once. Writes only the outputs of its part.
 */
EDGE_API edge_status edge_conv_run(const void *packed, size_t packed_bytes, const void *input, size_t input_bytes, void *output,
                          size_t output_bytes, void *workspace, size_t workspace_bytes, const edge_part *part);

/** Calls task(argument, i) for every i in [0, count), in any order, on any threads, and returns when all are done. */
typedef void edge_parallel_for(void *context, int32_t count, void (*task)(void *argument, int32_t index), void *argument);

/**
 * edge_conv_run over `threads` parts through the caller's `parallel`. `workspace` holds threads * plan.workspace_bytes.
 */
EDGE_API edge_status edge_conv_run_parallel(const void *packed, size_t packed_bytes, const void *input, size_t input_bytes,
                                   void *output, size_t output_bytes, void *workspace, size_t workspace_bytes,
                                   int32_t threads, edge_parallel_for *parallel, void *context);

/** Fills `conv` for a fully connected layer: rows x depth times (outputs x depth) transposed, W8A8, no requant. */
EDGE_API void edge_conv_from_gemm(edge_conv *conv, int32_t rows, int32_t depth, int32_t outputs);

/* ---- layers without weights: integers in, integers out; codes all int8 (is_signed = 1) or all uint8 ---- */

typedef struct edge_pool {
  int32_t batch, in_height, in_width, channels;
  int32_t kernel_height, kernel_width, stride_height, stride_width;
  /** Each less than the kernel's side. */
  int32_t pad_top, pad_left, pad_bottom, pad_right;
  /** 0: maximum. 1: average over the cells inside of the picture, halves away from zero. */
  int32_t average;
  int32_t is_signed;
} edge_pool;

/** Bytes of input and output and the output's sides. */
EDGE_API edge_status edge_pool_plan(const edge_pool *pool, edge_plan *plan);
EDGE_API edge_status edge_pool_run(const edge_pool *pool, const void *input, size_t input_bytes, void *output,
                          size_t output_bytes);

/**
 * y = clamp(zero + RSHR(HIGH((a - a_zero) << 16, a_multiplier) + HIGH((b - b_zero) << 16, b_multiplier), shift)):
 * multipliers in [0, 2^31), 0 <= shift <= 31. HIGH and RSHR as in EDGE_REQUANT_FIXED.
 */
typedef struct edge_add {
  int32_t a_zero, a_multiplier, b_zero, b_multiplier, shift, output_zero, clamp_low, clamp_high, is_signed;
} edge_add;
/** Elementwise over `count` codes; `output` may be `a` or `b`. */
EDGE_API edge_status edge_add_run(const edge_add *add, const void *a, const void *b, void *output, size_t count);

/** One input of a concatenation along channels. Rescaled by y = clamp(out_zero + RSHR(HIGH((x-zero)<<16, m), shift)). */
typedef struct edge_concat_input {
  const void *data;
  int32_t channels, zero, multiplier, shift;
} edge_concat_input;
/** `pixels` rows of the summed channels. multiplier 0 means: copy the codes as they are. */
EDGE_API edge_status edge_concat_run(const edge_concat_input *inputs, int32_t count, size_t pixels, int32_t is_signed,
                            int32_t output_zero, void *output, size_t output_bytes);

typedef struct edge_resize {
  int32_t batch, in_height, in_width, channels, out_height, out_width;
  /** 0: nearest, floor(y * in / out). 1: bilinear, half-pixel centres, 11-bit weights, rounded once at the end. */
  int32_t bilinear;
  int32_t is_signed;
} edge_resize;
EDGE_API edge_status edge_resize_run(const edge_resize *resize, const void *input, size_t input_bytes, void *output,
                            size_t output_bytes);

#ifdef __cplusplus
}
#endif
#endif
