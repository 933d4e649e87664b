/* The kernels in plain C, over the same panels as the fast ones: for any processor, and for sanitizers. */
#include "internal.h"

#include <string.h>

static void store(const edge_kernel *k, uint8_t *sums, size_t index, uint32_t sum) {
  if (k->narrow) {
    const uint16_t narrow = (uint16_t)sum;
    memcpy(sums + index * 2, &narrow, 2);
  } else {
    memcpy(sums + index * 4, &sum, 4);
  }
}

void edge_scalar_bytes(const void *weights, const void *input, size_t steps, void *sums, size_t tiles, const edge_kernel *k,
                       size_t pixels) {
  const size_t weight_step = edge_weight_step_bytes(k), unit = edge_input_step_bytes(k);
  const int8_t *panel = input;
  for (size_t tile = 0; tile < tiles; tile++, panel += steps * pixels * unit) {
    for (size_t p = 0; p < pixels; p++) {
      for (size_t channel = 0; channel < k->channels; channel++) {
        const int8_t *w = (const int8_t *)weights + channel * k->depth, *a = panel + p * unit;
        uint32_t sum = 0;
        for (size_t s = 0; s < steps; s++, w += weight_step, a += pixels * unit)
          for (size_t i = 0; i < k->depth; i++) sum += (uint32_t)(w[i] * a[i]);
        store(k, sums, (tile * pixels + p) * k->channels + channel, sum);
      }
    }
  }
}

static uint32_t count_bits(uint64_t x) {
  return (uint32_t)__builtin_popcountll(x);
}

/* Sum over planes of 2^(i+j) * popcount(w_i & a_j), or popcount(w ^ a) when both have one plane. */
void edge_scalar_bits(const void *weights, const void *input, size_t steps, void *sums, size_t tiles, const edge_kernel *k,
                      size_t pixels) {
  const size_t weight_step = edge_weight_step_bytes(k), unit = edge_input_step_bytes(k);
  const size_t copy = k->doubled ? 16 : 8;
  const int binary = k->weight_planes == 1 && k->input_planes == 1;
  const uint8_t *panel = input;
  for (size_t tile = 0; tile < tiles; tile++, panel += steps * pixels * unit) {
    for (size_t p = 0; p < pixels; p++) {
      for (size_t channel = 0; channel < k->channels; channel++) {
        uint32_t sum = 0;
        for (size_t s = 0; s < steps; s++) {
          for (size_t i = 0; i < k->weight_planes; i++) {
            for (size_t j = 0; j < k->input_planes; j++) {
              uint64_t w, a;
              memcpy(&w, (const uint8_t *)weights + s * weight_step + ((channel / 2 * k->weight_planes + i) * 2 + channel % 2) * 8, 8);
              memcpy(&a, panel + (s * pixels + p) * unit + j * copy, 8);
              sum += count_bits(binary ? w ^ a : w & a) << (i + j);
            }
          }
        }
        store(k, sums, (tile * pixels + p) * k->channels + channel, sum);
      }
    }
  }
}
