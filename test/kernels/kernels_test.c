/*
 * Compares every kernel of every variant that this processor can run with the scalar references.
 * Prints one JSON object a line: {"section":..., "cases":N, "differences":N}; exit code 1 when anything differs.
 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <signal.h>

#include "cases.h"
#include "checks.h"
#include "internal.h"
#include "reference.h"

static int64_t all_differences;

void report(const char *section, const char *variant, int64_t cases, int64_t outputs, int64_t differences) {
  printf("{\"section\":\"%s\",\"variant\":\"%s\",\"cases\":%lld,\"outputs\":%lld,\"differences\":%lld}\n", section, variant,
         (long long)cases, (long long)outputs, (long long)differences);
  fflush(stdout);
  all_differences += differences;
}

static void describe(const edge_conv *c, const char *what, size_t at) {
  fprintf(stderr,
          "%s at %zu: scheme %d format %d requant %d, %dx%dx%dx%d -> %d, kernel %dx%d stride %d,%d dilation %d,%d pad %d,%d,%d,%d "
          "groups %d\n",
          what, at, c->scheme, c->weight_format, c->requant, c->batch, c->in_height, c->in_width, c->in_channels, c->out_channels,
          c->kernel_height, c->kernel_width, c->stride_height, c->stride_width, c->dilation_height, c->dilation_width, c->pad_top,
          c->pad_left, c->pad_bottom, c->pad_right, c->groups);
}

/* Runs parts one after the other with a fresh, dirty workspace each, as threads would. */
static void serial_for(void *context, int32_t count, void (*task)(void *, int32_t), void *argument) {
  (void)context;
  for (int32_t i = count - 1; i >= 0; i--) task(argument, i);
}

static int64_t compare_conv(rng *r, const edge_conv *conv, edge_variant variant, int extreme, int64_t *outputs) {
  conv_case c;
  edge_plan plan;
  int64_t differences = 0;
  edge_status status = edge_conv_plan(conv, variant, &plan);
  memset(&c, 0, sizeof c);
  c.conv = *conv;
  if (status != EDGE_OK) {
    describe(conv, edge_status_text(status), 0);
    return 1;
  }
  case_fill(r, &c, &plan, extreme);
  uint8_t *packed = take_aligned(plan.packed_bytes), *expected = take(plan.output_bytes);
  const int32_t threads = rng_between(r, 1, 4);
  uint8_t *output = take_aligned(plan.output_bytes), *workspace = take_aligned(plan.workspace_bytes * (size_t)threads);
  memset(output, 0x5a, plan.output_bytes);
  memset(workspace, 0xa5, plan.workspace_bytes * (size_t)threads);
  status = edge_conv_prepare(conv, variant, &c.data, packed, plan.packed_bytes);
  if (status == EDGE_OK && threads > 1)
    status = edge_conv_run_parallel(packed, plan.packed_bytes, c.input, plan.input_bytes, output, plan.output_bytes, workspace,
                                    plan.workspace_bytes * (size_t)threads, threads, serial_for, NULL);
  else if (status == EDGE_OK)
    status = edge_conv_run(packed, plan.packed_bytes, c.input, plan.input_bytes, output, plan.output_bytes, workspace,
                           plan.workspace_bytes, NULL);
  if (status != EDGE_OK) {
    describe(conv, edge_status_text(status), 0);
    differences = 1;
  } else {
    reference_conv(conv, &plan, &c.data, c.input, expected);
    for (size_t i = 0; i < plan.output_bytes; i++)
      if (output[i] != expected[i] && differences++ == 0) describe(conv, plan.kernel, i);
  }
  *outputs += (int64_t)plan.output_bytes;
  free(packed), free(expected), free(output), free(workspace);
  case_free(&c);
  return differences;
}

/* Property test: random shapes, all schemes and requantizations. */
static void test_shapes(edge_variant variant, int32_t rounds) {
  static const char *const names[] = {"shapes w8a8", "shapes w7a7", "shapes w4a4", "shapes w2a2", "shapes w1a2", "shapes w1a1"};
  for (int32_t scheme = EDGE_W8A8; scheme <= EDGE_W1A1; scheme++) {
    rng r = {0x1234567u + (uint64_t)scheme};
    int64_t differences = 0, outputs = 0;
    for (int32_t i = 0; i < rounds; i++) {
      edge_conv conv;
      case_shape(&r, &conv);
      case_arithmetic(&r, &conv, scheme, i % 5);
      differences += compare_conv(&r, &conv, variant, i % 4 == 0, &outputs);
    }
    report(names[scheme], edge_variant_name(variant), rounds, outputs, differences);
  }
}

/* Shapes that some cores do by Winograd, all schemes, extreme codes among them. */
static void test_winograd(edge_variant variant, int32_t rounds) {
  rng r = {0x3113};
  int64_t differences = 0, outputs = 0;
  for (int32_t i = 0; i < rounds; i++) {
    edge_conv conv;
    case_winograd_shape(&r, &conv, i % 8 == 0 ? 256 : 40);
    case_arithmetic(&r, &conv, i % 2 == 0 ? EDGE_W8A8 : i / 2 % 5, i % 5);
    differences += compare_conv(&r, &conv, variant, i % 3 == 0, &outputs);
  }
  report("3x3 stride 1", edge_variant_name(variant), rounds, outputs, differences);
}

int64_t count_different(const uint8_t *a, const uint8_t *b, size_t bytes) {
  int64_t count = 0;
  for (size_t i = 0; i < bytes; i++) count += a[i] != b[i];
  return count;
}

/* Weights whose |w| sum up to `total` in each output: `least` and smaller ones in even outputs, `most` in odd ones. */
typedef struct largest {
  int32_t scheme, weight_zero2, channels, least, most, total;
  /* 1: the channels must be cut in blocks, where Winograd is used at all. */
  int32_t cut;
} largest;

/* All inputs `low` or `high`, save the last pixel, so that all products of an output have the same sign. */
static int64_t compare_largest(edge_variant variant, const largest *l, int32_t zero, int32_t low, int32_t high, int64_t *outputs) {
  const int32_t outs = 16;
  rng r = {(uint64_t)l->total};
  edge_conv conv;
  edge_plan plan;
  edge_conv_data data = {0};
  int64_t differences = 0;
  edge_conv_from_gemm(&conv, 6, l->channels, outs);
  conv.in_height = 6, conv.kernel_height = conv.kernel_width = 3, conv.input_zero = zero;
  conv.scheme = l->scheme, conv.weight_zero2 = l->weight_zero2, conv.input_signed = l->scheme == EDGE_W8A8;
  if (edge_conv_plan(&conv, variant, &plan) != EDGE_OK) exit(2);
  int8_t *w = take(plan.weight_bytes), *a = take(plan.input_bytes);
  /* As many full weights as `total` has, from a random place on. */
  for (int32_t o = 0; o < outs; o++) {
    const size_t count = (size_t)l->channels * 9, start = rng_next(&r) % count;
    const int32_t full = o % 2 ? l->most : -l->least, sign = o % 2 ? 1 : -1;
    int32_t left = l->total;
    for (size_t d = 0; d < count; d++) {
      const int32_t size = left < full ? left : full;
      const int32_t code = l->weight_zero2 & 1 ? (sign * size + l->weight_zero2) / 2 : sign * size + l->weight_zero2 / 2;
      w[(size_t)o * count + (start + d) % count] = (int8_t)code, left -= size;
    }
  }
  for (size_t p = 0; p < plan.input_bytes; p++) a[p] = (int8_t)(p / (size_t)l->channels == 35 ? high : low);
  data.weights = w, data.weight_bytes = plan.weight_bytes;
  uint8_t *packed = take_aligned(plan.packed_bytes), *workspace = take_aligned(plan.workspace_bytes);
  uint8_t *output = take_aligned(plan.output_bytes), *expected = take(plan.output_bytes);
  if (edge_conv_prepare(&conv, variant, &data, packed, plan.packed_bytes) != EDGE_OK ||
      edge_conv_run(packed, plan.packed_bytes, a, plan.input_bytes, output, plan.output_bytes, workspace, plan.workspace_bytes, NULL) != EDGE_OK)
    exit(2);
  const int32_t block = ((const edge_header *)(const void *)packed)->winograd_block;
  if (block != 0) differences += (block < l->channels) != l->cut;
  reference_conv(&conv, &plan, &data, (const uint8_t *)a, expected);
  differences += count_different(output, expected, plan.output_bytes);
  *outputs += (int64_t)plan.output_bytes;
  free(w), free(a), free(packed), free(workspace), free(output), free(expected);
  return differences;
}

/*
 * The largest sums that Winograd gives back, of either sign, and the first that make it cut the channels (winograd.c:
 * 128 * (sum of |w|) < 2^25, and 3 * (sum of |w|) < 2^12), as many channels as there may be, and each kind of 2-bit weights.
 */
static void test_winograd_bounds(edge_variant variant) {
  static const largest bounds[] = {
      {EDGE_W8A8, 0, 232, -127, 127, (1 << 18) - 1, 0},
      {EDGE_W8A8, 0, 232, -127, 127, 1 << 18, 1},
      {EDGE_W8A8, 0, 232, -127, 127, 232 * 9 * 127, 1},
      {EDGE_W8A8, 0, 224, -127, 127, 224 * 9 * 127, 0},
      {EDGE_W8A8, 0, 1000, -127, 127, (1 << 18) - 1, 0},
      {EDGE_W2A2, 4, 152, -2, 1, 1365, 0},
      {EDGE_W2A2, 4, 152, -2, 1, 1366, 1},
      {EDGE_W2A2, 3, 48, -3, 3, 48 * 9 * 3, 0},
      {EDGE_W2A2, 3, 512, -3, 3, 512 * 9 * 3, 1},
      {EDGE_W2A2, 1, 480, -1, 5, 480 * 9 * 5, 1},
      {EDGE_W2A2, 5, 480, -5, 1, 480 * 9 * 5, 1},
      {EDGE_W2A2, 0, 800, 0, 3, 800 * 9 * 3, 1},
      {EDGE_W2A2, 6, 800, -3, 0, 800 * 9 * 3, 1},
  };
  static const largest deepest = {EDGE_W8A8, 0, 7280, -127, 127, 7280 * 9 * 127, 1};
  int64_t differences = 0, outputs = 0, cases = 0;
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
    const int32_t low = bounds[i].scheme == EDGE_W8A8 ? -128 : 0, high = bounds[i].scheme == EDGE_W8A8 ? 127 : 3;
    for (int32_t turn = 0; turn < 4; turn++, cases++)
      differences += compare_largest(variant, &bounds[i], turn & 1 ? high : low, turn & 2 ? high : low, turn & 2 ? low : high, &outputs);
  }
  differences += compare_largest(variant, &deepest, -128, -128, 127, &outputs), cases++;
  report("3x3 stride 1, largest sums", edge_variant_name(variant), cases, outputs, differences);
}

/* Depths at which 8- and 16-bit sums would overflow if they were widened one step too late. */
static void test_deep(edge_variant variant) {
  static const int32_t depths[] = {1, 7, 8, 15, 16, 17, 63, 64, 65, 223, 224, 225, 447, 448, 449, 2175, 2176, 2177, 2192, 4400,
                                   7232, 7233, 7280, 7281, 7300, 21824, 21825, 65473, 65536};
  rng r = {0xdeeb};
  int64_t differences = 0, outputs = 0, cases = 0;
  for (int32_t scheme = EDGE_W8A8; scheme <= EDGE_W1A1; scheme++) {
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
      for (int extreme = 0; extreme <= 1; extreme++, cases++) {
        edge_conv conv;
        edge_conv_from_gemm(&conv, extreme ? 13 : 7, depths[i], 9);
        if (depths[i] > 8000) conv.in_width = 5, conv.out_channels = 3;
        case_arithmetic(&r, &conv, scheme, EDGE_REQUANT_NONE);
        conv.weight_format = EDGE_WEIGHTS_BYTES;
        differences += compare_conv(&r, &conv, variant, extreme, &outputs);
      }
    }
  }
  report("deep sums", edge_variant_name(variant), cases, outputs, differences);
}

/*
 * Every pair of weight and input codes, alone and at the depth of one full step, all inputs the same: 65,280 products for
 * 8 bit. Channels are weights, pixels are inputs.
 */
static void test_products(edge_variant variant) {
  static const int32_t low[] = {-127, -63, -8, 0, 0, 0}, high[] = {127, 63, 7, 3, 1, 1};
  static const int32_t in_low[] = {-128, -64, -8, 0, 0, 0}, in_high[] = {127, 63, 7, 3, 3, 1};
  int64_t differences = 0, outputs = 0, cases = 0;
  for (int32_t scheme = EDGE_W8A8; scheme <= EDGE_W1A1; scheme++) {
    for (int32_t deep = 1; deep <= 64; deep *= 64) {
      const int32_t weights = high[scheme] - low[scheme] + 1, inputs = in_high[scheme] - in_low[scheme] + 1;
      edge_conv conv;
      edge_plan plan;
      edge_conv_data data = {0};
      rng r = {7};
      edge_conv_from_gemm(&conv, inputs, deep, weights);
      case_arithmetic(&r, &conv, scheme, EDGE_REQUANT_NONE);
      conv.weight_format = EDGE_WEIGHTS_BYTES;
      conv.input_signed = scheme <= EDGE_W4A4, conv.input_zero = 0;
      if (edge_conv_plan(&conv, variant, &plan) != EDGE_OK) exit(2);
      int8_t *w = take(plan.weight_bytes), *a = take(plan.input_bytes);
      for (int32_t i = 0; i < weights; i++) memset(w + i * deep, low[scheme] + i, (size_t)deep);
      for (int32_t i = 0; i < inputs; i++) memset(a + i * deep, in_low[scheme] + i, (size_t)deep);
      data.weights = w, data.weight_bytes = plan.weight_bytes;
      uint8_t *packed = take_aligned(plan.packed_bytes), *workspace = take_aligned(plan.workspace_bytes);
      int32_t *output = take_aligned(plan.output_bytes), *expected = take(plan.output_bytes);
      if (edge_conv_prepare(&conv, variant, &data, packed, plan.packed_bytes) != EDGE_OK ||
          edge_conv_run(packed, plan.packed_bytes, a, plan.input_bytes, output, plan.output_bytes, workspace, plan.workspace_bytes,
                        NULL) != EDGE_OK)
        exit(2);
      reference_conv(&conv, &plan, &data, (const uint8_t *)a, expected);
      for (int32_t i = 0; i < weights * inputs; i++) differences += output[i] != expected[i];
      cases += weights * inputs, outputs += (int64_t)plan.output_bytes;
      free(w), free(a), free(packed), free(workspace), free(output), free(expected);
    }
  }
  report("all products", edge_variant_name(variant), cases, outputs, differences);
}

/* Requantization of chosen and random sums through a 1x1 convolution whose weight is 0 and whose bias is the sum. */
static void test_requant(edge_variant variant) {
  static const int32_t edges[] = {INT32_MIN, INT32_MIN + 1, -65537, -32769, -32768, -256, -129, -128, -1, 0, 1, 127, 128, 255, 32767,
                                  32768, 65536, INT32_MAX - 1, INT32_MAX};
  enum { edge_count = sizeof edges / sizeof *edges, channels = 64 };
  rng r = {0xabc};
  int64_t differences = 0, outputs = 0, cases = 0;
  for (int32_t requant = EDGE_REQUANT_FIXED; requant <= EDGE_REQUANT_THRESHOLD; requant++) {
    for (int32_t round = 0; round < 200; round++, cases++) {
      edge_conv conv;
      edge_plan plan;
      edge_conv_data data = {0};
      int8_t weights[channels] = {0}, input[4] = {1, 2, 3, 4};
      int32_t bias[channels], multiplier[channels], shift[channels], threshold[channels * 3];
      float scale[channels];
      uint8_t output[4 * channels], expected[4 * channels];
      static _Alignas(64) uint8_t packed[16384], workspace[65536];
      edge_conv_from_gemm(&conv, 4, 1, channels);
      case_arithmetic(&r, &conv, EDGE_W8A8, requant);
      conv.weight_format = EDGE_WEIGHTS_BYTES;
      for (int32_t i = 0; i < channels; i++) {
        bias[i] = rng_next(&r) % 2 ? edges[rng_next(&r) % edge_count] : (int32_t)rng_next(&r) >> rng_between(&r, 0, 31);
        multiplier[i] = rng_next(&r) % 4 == 0 ? (rng_next(&r) % 2 ? INT32_MAX : 0) : (int32_t)(rng_next(&r) >> 1);
        shift[i] = rng_between(&r, requant == EDGE_REQUANT_FIXED && round % 2 ? -31 : 0, 31);
        scale[i] = (float)(int32_t)rng_next(&r) / (float)(1 << rng_between(&r, 8, 30)) / 65536.0f;
        for (int t = 0; t < conv.levels - 1; t++)
          threshold[i * (conv.levels - 1) + t] = t == 0 ? edges[rng_next(&r) % edge_count] : threshold[i * (conv.levels - 1) + t - 1];
      }
      data.weights = weights, data.weight_bytes = sizeof weights, data.bias = bias;
      data.multiplier = multiplier, data.shift = shift, data.scale = scale, data.threshold = threshold;
      if (edge_conv_plan(&conv, variant, &plan) != EDGE_OK || plan.packed_bytes > sizeof packed || plan.workspace_bytes > sizeof workspace ||
          edge_conv_prepare(&conv, variant, &data, packed, sizeof packed) != EDGE_OK ||
          edge_conv_run(packed, sizeof packed, input, sizeof input, output, sizeof output, workspace, sizeof workspace, NULL) != EDGE_OK) {
        differences++;
        continue;
      }
      reference_conv(&conv, &plan, &data, (const uint8_t *)input, expected);
      for (size_t i = 0; i < sizeof output; i++)
        if (output[i] != expected[i] && differences++ < 3)
          fprintf(stderr, "requant %d: sum %d multiplier %d shift %d scale %g -> %d, not %d\n", requant, bias[i % channels],
                  multiplier[i % channels], shift[i % channels], (double)scale[i % channels], output[i], expected[i]);
      outputs += sizeof output;
    }
  }
  report("requantization", edge_variant_name(variant), cases, outputs, differences);
}

#if defined(__aarch64__)
static sigjmp_buf back;
static void on_sigill(int signal_number) {
  (void)signal_number;
  siglongjmp(back, 1);
}

/* Where SDOT does not exist the variant must be refused, and the processor must indeed refuse the instruction. */
static void test_refusal(void) {
  edge_multiply edge_dot_4;
  edge_conv conv;
  edge_plan plan;
  _Alignas(64) static uint8_t zeros[1024], sums[1024];
  const edge_status check = edge_variant_check(EDGE_VARIANT_DOT);
  int64_t differences = 0;
  int refused = 0;
  edge_conv_from_gemm(&conv, 4, 4, 8);
  if (edge_conv_plan(&conv, EDGE_VARIANT_DOT, &plan) != check) differences++;
  if (edge_conv_plan(&conv, EDGE_VARIANT_NEON32, &plan) != EDGE_E_UNSUPPORTED) differences++;
  struct sigaction action, old;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_sigill;
  sigaction(SIGILL, &action, &old);
  if (sigsetjmp(back, 1) == 0)
    edge_dot_4(zeros, zeros, 1, sums, 1, NULL, 4);
  else
    refused = 1;
  sigaction(SIGILL, &old, NULL);
  if (refused != (check == EDGE_E_UNSUPPORTED)) differences++;
  if (edge_variant_detect() == EDGE_VARIANT_DOT && check != EDGE_OK) differences++;
  report(refused ? "sdot refused, illegal here" : "sdot allowed, legal here", edge_variant_name(edge_variant_detect()), 4, 0, differences);
}
#endif

int main(int argc, char **argv) {
  /* Rounds of random shapes, and the first variant: the scalar one need not run on every processor. */
  const int32_t rounds = argc > 1 ? atoi(argv[1]) : 150;
  const edge_variant first = argc > 2 ? (edge_variant)atoi(argv[2]) : EDGE_VARIANT_SCALAR;
#if defined(__aarch64__)
  test_refusal();
#endif
  test_layers();
  for (edge_variant variant = first; variant <= EDGE_VARIANT_NEON64; variant++) {
    if (edge_variant_check(variant) != EDGE_OK) continue;
    test_products(variant);
    test_requant(variant);
    test_deep(variant);
    test_shapes(variant, rounds);
    if (variant != EDGE_VARIANT_SCALAR) test_winograd(variant, rounds), test_winograd_bounds(variant);
  }
  return all_differences != 0;
}
