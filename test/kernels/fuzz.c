/*
 * Calls the whole interface with random shapes and arguments, many of them invalid: fuzz ROUNDS SEED. To be built with
 * -fsanitize=address,undefined. Every buffer is exactly as large as was announced. Prints how often each status came.
 */
#define _POSIX_C_SOURCE 200112L
#include "cases.h"

enum { most_bytes = 300000, statuses = 6 };
static long counts[statuses];

static void tally(edge_status status) {
  if (status > 0 || status <= -statuses) {
    fprintf(stderr, "unknown status %d\n", (int)status);
    exit(1);
  }
  counts[-status]++;
}

/* A number that is likely to be at some limit. */
static int32_t wild(rng *r) {
  static const int32_t limits[] = {0, 1, -1, 2, 255, 256, 257, 65535, 65536, 65537, INT32_MAX, INT32_MIN, INT32_MAX - 1, 46341, 1 << 24};
  return rng_next(r) % 3 == 0 ? (int32_t)rng_next(r) : limits[rng_next(r) % (sizeof limits / sizeof *limits)];
}

static int32_t *field(edge_conv *conv, uint32_t index) {
  return (int32_t *)(void *)conv + index % (sizeof *conv / 4);
}

static uint8_t *random_bytes(rng *r, size_t bytes) {
  uint8_t *data = take(bytes);
  for (size_t i = 0; i < bytes; i++) data[i] = (uint8_t)rng_next(r);
  return data;
}

static void *exactly_aligned(size_t bytes) {
  /* aligned_alloc wants a multiple; sanitizers still see the end of the announced size only roughly, so end buffers on it. */
  void *memory = NULL;
  if (posix_memalign(&memory, EDGE_ALIGNMENT, bytes == 0 ? 1 : bytes) != 0) exit(2);
  return memory;
}

static void fuzz_run(rng *r, const conv_case *c, const edge_plan *plan, uint8_t *packed) {
  const size_t packed_bytes = rng_next(r) % 16 == 0 ? plan->packed_bytes - 1 : plan->packed_bytes;
  const size_t input_bytes = rng_next(r) % 32 == 0 ? plan->input_bytes - 1 : plan->input_bytes;
  const size_t output_bytes = rng_next(r) % 32 == 0 ? plan->output_bytes - 1 : plan->output_bytes;
  const size_t workspace_bytes = rng_next(r) % 32 == 0 ? plan->workspace_bytes - 1 : plan->workspace_bytes;
  uint8_t *output = exactly_aligned(output_bytes), *workspace = exactly_aligned(workspace_bytes);
  edge_part part = {rng_between(r, 0, plan->pixel_units), rng_between(r, 0, plan->pixel_units), rng_between(r, 0, plan->channel_units),
                    rng_between(r, 0, plan->channel_units)};
  if (rng_next(r) % 8 == 0) ((int32_t *)(void *)&part)[rng_next(r) % 4] = wild(r);
  if (rng_next(r) % 16 == 0) packed[rng_next(r) % 200] ^= (uint8_t)(1u << rng_next(r) % 8);
  tally(edge_conv_run(rng_next(r) % 64 == 0 ? NULL : packed + (rng_next(r) % 64 == 0), packed_bytes, rng_next(r) % 64 == 0 ? NULL : c->input,
                      input_bytes, rng_next(r) % 64 == 0 ? NULL : output, output_bytes,
                      rng_next(r) % 64 == 0 ? NULL : workspace + (rng_next(r) % 64 == 0), workspace_bytes,
                      rng_next(r) % 2 == 0 ? NULL : &part));
  free(output), free(workspace);
}

static void fuzz_conv(rng *r) {
  conv_case c;
  edge_plan plan;
  memset(&c, 0, sizeof c);
  if (rng_next(r) % 16 == 0)
    case_winograd_shape(r, &c.conv, 32);
  else
    case_shape(r, &c.conv);
  case_arithmetic(r, &c.conv, (int32_t)(rng_next(r) % 6), (int32_t)(rng_next(r) % 5));
  for (uint32_t i = rng_next(r) % 4; i > 1; i--) *field(&c.conv, rng_next(r)) = rng_next(r) % 2 ? wild(r) : rng_between(r, -2, 9);
  const edge_variant variant = (edge_variant)(rng_next(r) % 16 == 0 ? wild(r) : rng_between(r, 0, 6));
  edge_status status = edge_conv_plan(&c.conv, variant, rng_next(r) % 64 == 0 ? NULL : &plan);
  tally(status);
  if (status != EDGE_OK) {
    memset(&plan, 0, sizeof plan);
    tally(edge_conv_prepare(&c.conv, variant, &c.data, NULL, 0));
    return;
  }
  if (plan.packed_bytes > most_bytes || plan.input_bytes > most_bytes || plan.output_bytes > most_bytes || plan.workspace_bytes > most_bytes ||
      plan.weight_bytes > most_bytes)
    return;
  case_fill(r, &c, &plan, rng_next(r) % 2 == 0);
  if (rng_next(r) % 4 == 0) {
    /* Anything at all in place of the right data. */
    free(c.weights), free(c.input);
    c.weights = random_bytes(r, plan.weight_bytes), c.input = random_bytes(r, plan.input_bytes);
    c.data.weights = c.weights;
    for (int32_t i = 0; i < c.conv.out_channels; i++) {
      c.bias[i] = wild(r);
      if (rng_next(r) % 64 == 0) c.multiplier[i] = wild(r), c.shift[i] = wild(r);
      const uint32_t bits = rng_next(r);
      memcpy(&c.scale[i], &bits, 4);
    }
  }
  if (rng_next(r) % 64 == 0) c.data.weights = NULL;
  if (rng_next(r) % 64 == 0) c.data.multiplier = NULL;
  if (rng_next(r) % 64 == 0) c.data.shift = NULL, c.data.scale = NULL, c.data.threshold = NULL;
  const size_t packed_bytes = rng_next(r) % 64 == 0 ? plan.packed_bytes - 1 : plan.packed_bytes;
  uint8_t *packed = exactly_aligned(plan.packed_bytes);
  status = edge_conv_prepare(&c.conv, variant, &c.data, packed, packed_bytes);
  tally(status);
  if (status != EDGE_OK) memset(packed, (int)rng_next(r) & 0xff, plan.packed_bytes);
  fuzz_run(r, &c, &plan, packed);
  free(packed);
  case_free(&c);
}

static void fuzz_pool(rng *r) {
  edge_pool p = {rng_between(r, 1, 2), rng_between(r, 1, 9), rng_between(r, 1, 9), rng_between(r, 1, 33), rng_between(r, 1, 4),
                 rng_between(r, 1, 4), rng_between(r, 1, 3), rng_between(r, 1, 3), rng_between(r, 0, 3), rng_between(r, 0, 3),
                 rng_between(r, 0, 3), rng_between(r, 0, 3), (int32_t)(rng_next(r) % 2), (int32_t)(rng_next(r) % 2)};
  edge_plan plan;
  if (rng_next(r) % 3 == 0) ((int32_t *)(void *)&p)[rng_next(r) % (sizeof p / 4)] = wild(r);
  const edge_status status = edge_pool_plan(&p, &plan);
  tally(status);
  if (status != EDGE_OK || plan.input_bytes > most_bytes || plan.output_bytes > most_bytes) return;
  uint8_t *input = random_bytes(r, plan.input_bytes), *output = take(plan.output_bytes);
  tally(edge_pool_run(&p, input, plan.input_bytes - (rng_next(r) % 16 == 0), output, plan.output_bytes - (rng_next(r) % 16 == 0)));
  free(input), free(output);
}

static void fuzz_add(rng *r) {
  const int32_t low = rng_next(r) % 2 ? -128 : 0;
  edge_add d = {rng_between(r, low, low + 255), (int32_t)(rng_next(r) >> 1), rng_between(r, low, low + 255), (int32_t)(rng_next(r) >> 1),
                rng_between(r, 0, 31), rng_between(r, low, low + 255), low, low + 255, low < 0};
  const size_t count = rng_next(r) % 300;
  uint8_t *a = random_bytes(r, count), *b = random_bytes(r, count), *output = take(count);
  if (rng_next(r) % 3 == 0) ((int32_t *)(void *)&d)[rng_next(r) % (sizeof d / 4)] = wild(r);
  tally(edge_add_run(&d, a, b, rng_next(r) % 16 == 0 ? NULL : output, count));
  free(a), free(b), free(output);
}

static void fuzz_concat(rng *r) {
  edge_concat_input inputs[3];
  uint8_t *codes[3];
  const int32_t count = rng_between(r, 1, 3);
  const size_t pixels = rng_next(r) % 9;
  size_t channels = 0;
  for (int32_t k = 0; k < count; k++) {
    inputs[k].channels = rng_between(r, 1, 20), inputs[k].zero = rng_between(r, 0, 127);
    inputs[k].multiplier = (int32_t)(rng_next(r) >> 1) & -(int32_t)(rng_next(r) % 2), inputs[k].shift = rng_between(r, 0, 31);
    codes[k] = random_bytes(r, pixels * (size_t)inputs[k].channels);
    inputs[k].data = codes[k], channels += (size_t)inputs[k].channels;
  }
  const uint32_t what = rng_next(r) % 12;
  if (what == 0) inputs[0].data = NULL;
  if (what == 1) inputs[0].channels = rng_between(r, -70000, 0);
  if (what == 2) inputs[0].channels = 65537;
  if (what == 3) inputs[0].shift = wild(r);
  if (what == 4) inputs[0].zero = wild(r);
  /* A larger size than there is may not be announced: the sum of channels is what is checked. */
  uint8_t *output = take(pixels * channels);
  tally(edge_concat_run(inputs, what == 5 ? 0 : count, pixels, what == 6 ? 7 : (int32_t)(rng_next(r) % 2), what == 7 ? 999 : 0, output,
                        pixels * channels - (what == 8 && pixels > 0)));
  for (int32_t k = 0; k < count; k++) free(codes[k]);
  free(output);
}

static void fuzz_resize(rng *r) {
  edge_resize d = {rng_between(r, 1, 2), rng_between(r, 1, 9), rng_between(r, 1, 9), rng_between(r, 1, 9), rng_between(r, 1, 20),
                   rng_between(r, 1, 20), (int32_t)(rng_next(r) % 2), (int32_t)(rng_next(r) % 2)};
  if (rng_next(r) % 3 == 0) ((int32_t *)(void *)&d)[rng_next(r) % (sizeof d / 4)] = wild(r);
  /* Sizes in 64 bits, to allocate what is needed when that is little, and to announce less when it is much. */
  const int64_t in = (int64_t)d.batch * d.in_height % 100000 * d.in_width % 100000 * d.channels;
  const int64_t out = (int64_t)d.batch * d.out_height % 100000 * d.out_width % 100000 * d.channels;
  const size_t in_bytes = in > 0 && in <= most_bytes ? (size_t)in : 7, out_bytes = out > 0 && out <= most_bytes ? (size_t)out : 7;
  uint8_t *input = random_bytes(r, in_bytes), *output = take(out_bytes);
  tally(edge_resize_run(&d, input, in_bytes, output, out_bytes));
  free(input), free(output);
}

int main(int argc, char **argv) {
  rng r = {argc > 2 ? strtoull(argv[2], NULL, 0) : 1};
  const long rounds = argc > 1 ? atol(argv[1]) : 1000;
  for (long i = 0; i < rounds; i++) {
    switch (rng_next(&r) % 8) {
      case 0: fuzz_pool(&r); break;
      case 1: fuzz_add(&r); break;
      case 2: fuzz_concat(&r); break;
      case 3: fuzz_resize(&r); break;
      default: fuzz_conv(&r); break;
    }
  }
  for (int32_t i = -2; i < 9; i++)
    if (edge_status_text((edge_status)-i) == NULL || edge_variant_name((edge_variant)i) == NULL) return 1;
  printf("{\"rounds\":%ld,\"ok\":%ld,\"argument\":%ld,\"range\":%ld,\"size\":%ld,\"unsupported\":%ld,\"corrupt\":%ld}\n", rounds, counts[0],
         counts[1], counts[2], counts[3], counts[4], counts[5]);
  return 0;
}
