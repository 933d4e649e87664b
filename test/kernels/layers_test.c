/* Compares the layers without weights, which every variant shares, with the scalar references. */
#include "cases.h"
#include "checks.h"
#include "reference.h"

static uint8_t *random_codes(rng *r, size_t bytes) {
  uint8_t *codes = take(bytes);
  for (size_t i = 0; i < bytes; i++) codes[i] = (uint8_t)rng_next(r);
  return codes;
}

static void test_pool(void) {
  rng r = {0x9001};
  int64_t differences = 0, outputs = 0;
  const int32_t rounds = 400;
  for (int32_t i = 0; i < rounds; i++) {
    edge_pool p = {rng_between(&r, 1, 2), rng_between(&r, 4, 12), rng_between(&r, 4, 12), rng_between(&r, 1, 70),
                   rng_between(&r, 1, 4), rng_between(&r, 1, 4), rng_between(&r, 1, 3), rng_between(&r, 1, 3), 0, 0, 0, 0,
                   i & 1, i >> 1 & 1};
    edge_plan plan;
    p.pad_top = rng_between(&r, 0, p.kernel_height - 1), p.pad_bottom = rng_between(&r, 0, p.kernel_height - 1);
    p.pad_left = rng_between(&r, 0, p.kernel_width - 1), p.pad_right = rng_between(&r, 0, p.kernel_width - 1);
    if (edge_pool_plan(&p, &plan) != EDGE_OK) exit(2);
    uint8_t *input = random_codes(&r, plan.input_bytes), *output = take(plan.output_bytes), *expected = take(plan.output_bytes);
    differences += edge_pool_run(&p, input, plan.input_bytes, output, plan.output_bytes) != EDGE_OK;
    reference_pool(&p, &plan, input, expected);
    differences += count_different(output, expected, plan.output_bytes);
    outputs += (int64_t)plan.output_bytes;
    free(input), free(output), free(expected);
  }
  report("pooling", "all", rounds, outputs, differences);
}

/* Every pair of codes. */
static void test_add(void) {
  rng r = {0xadd};
  uint8_t *a = take(65536), *b = take(65536), *output = take(65536), *expected = take(65536);
  int64_t differences = 0;
  const int32_t rounds = 24;
  for (int32_t i = 0; i < 65536; i++) a[i] = (uint8_t)i, b[i] = (uint8_t)(i >> 8);
  for (int32_t i = 0; i < rounds; i++) {
    const int32_t low = i & 1 ? -128 : 0;
    edge_add d = {rng_between(&r, low, low + 255), (int32_t)(rng_next(&r) >> 1), rng_between(&r, low, low + 255), (int32_t)(rng_next(&r) >> 1),
                  rng_between(&r, 12, 18), rng_between(&r, low, low + 255), low, low + 255, i & 1};
    if (i % 3 == 0) d.clamp_low = d.output_zero;
    differences += edge_add_run(&d, a, b, output, 65536) != EDGE_OK;
    reference_add(&d, a, b, expected, 65536);
    differences += count_different(output, expected, 65536);
  }
  free(a), free(b), free(output), free(expected);
  report("addition, every pair of codes", "all", rounds, rounds * 65536, differences);
}

static void test_concat(void) {
  rng r = {0xc0ca};
  int64_t differences = 0, outputs = 0;
  const int32_t rounds = 200;
  for (int32_t i = 0; i < rounds; i++) {
    edge_concat_input inputs[4];
    uint8_t *codes[4];
    const int32_t count = rng_between(&r, 1, 4), is_signed = i & 1, low = is_signed ? -128 : 0;
    const size_t pixels = (size_t)rng_between(&r, 1, 20);
    const int32_t zero = rng_between(&r, low, low + 255);
    size_t channels = 0, first = 0;
    for (int32_t k = 0; k < count; k++) {
      inputs[k].channels = rng_between(&r, 1, 40), inputs[k].zero = rng_between(&r, low, low + 255);
      inputs[k].multiplier = rng_between(&r, 0, 2) == 0 ? 0 : (int32_t)(rng_next(&r) >> 1), inputs[k].shift = rng_between(&r, 13, 17);
      codes[k] = random_codes(&r, pixels * (size_t)inputs[k].channels);
      inputs[k].data = codes[k], channels += (size_t)inputs[k].channels;
    }
    uint8_t *output = take(pixels * channels);
    differences += edge_concat_run(inputs, count, pixels, is_signed, zero, output, pixels * channels) != EDGE_OK;
    for (int32_t k = 0; k < count; first += (size_t)inputs[k].channels, k++)
      for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < (size_t)inputs[k].channels; c++)
          differences += output[p * channels + first + c] !=
                         reference_rescale(&inputs[k], codes[k][p * (size_t)inputs[k].channels + c], is_signed, zero);
    outputs += (int64_t)(pixels * channels);
    for (int32_t k = 0; k < count; k++) free(codes[k]);
    free(output);
  }
  report("concatenation", "all", rounds, outputs, differences);
}

static void test_resize(void) {
  rng r = {0x5122e};
  int64_t differences = 0, outputs = 0;
  const int32_t rounds = 300;
  for (int32_t i = 0; i < rounds; i++) {
    const edge_resize d = {rng_between(&r, 1, 2), rng_between(&r, 1, 12), rng_between(&r, 1, 12), rng_between(&r, 1, 20),
                           rng_between(&r, 1, 24), rng_between(&r, 1, 24), i & 1, i >> 1 & 1};
    const size_t in = (size_t)(d.batch * d.in_height * d.in_width * d.channels), out = (size_t)(d.batch * d.out_height * d.out_width * d.channels);
    uint8_t *input = random_codes(&r, in), *output = take(out), *expected = take(out);
    differences += edge_resize_run(&d, input, in, output, out) != EDGE_OK;
    reference_resize(&d, input, expected);
    differences += count_different(output, expected, out);
    outputs += (int64_t)out;
    free(input), free(output), free(expected);
  }
  report("resizing", "all", rounds, outputs, differences);
}

void test_layers(void) {
  test_pool();
  test_add();
  test_concat();
  test_resize();
}
