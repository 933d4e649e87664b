/* Random cases for tests, fuzzing and the bench: one generator, fixed seeds, no library random numbers. */
#ifndef EDGE_KERNELS_CASES_H
#define EDGE_KERNELS_CASES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge_kernels.h"

/* xorshift64* (Vigna, arXiv 1402.6246). */
typedef struct rng {
  uint64_t state;
} rng;

static inline uint32_t rng_next(rng *r) {
  r->state ^= r->state >> 12, r->state ^= r->state << 25, r->state ^= r->state >> 27;
  return (uint32_t)((r->state * 0x2545f4914f6cdd1du) >> 32);
}
/* Inclusive. */
static inline int32_t rng_between(rng *r, int32_t low, int32_t high) {
  return low + (int32_t)(rng_next(r) % (uint32_t)(high - low + 1));
}

/* Buffers from the heap, so that a sanitizer sees their ends. */
typedef struct conv_case {
  edge_conv conv;
  edge_conv_data data;
  uint8_t *weights, *input;
  int32_t *bias, *multiplier, *shift, *threshold;
  float *scale;
} conv_case;

/* Exits with a message: a test without memory proves nothing. */
static inline void *take(size_t bytes) {
  void *memory = malloc(bytes == 0 ? 1 : bytes);
  if (memory == NULL) {
    fprintf(stderr, "out of memory: %zu bytes\n", bytes);
    exit(2);
  }
  return memory;
}
static inline void *take_aligned(size_t bytes) {
  void *memory = aligned_alloc(EDGE_ALIGNMENT, (bytes + EDGE_ALIGNMENT - 1) / EDGE_ALIGNMENT * EDGE_ALIGNMENT + EDGE_ALIGNMENT);
  if (memory == NULL) {
    fprintf(stderr, "out of memory: %zu bytes\n", bytes);
    exit(2);
  }
  return memory;
}

/* Sets the scheme's fields: format, signs, zero points, requantization. Shape fields must be set. */
void case_arithmetic(rng *r, edge_conv *conv, int32_t scheme, int32_t requant);
/* A random small shape. */
void case_shape(rng *r, edge_conv *conv);
/* A random shape for which some cores use Winograd: 3x3, stride 1; odd and even sides, one to many tiles in a line. */
void case_winograd_shape(rng *r, edge_conv *conv, int32_t most_channels);
/* Random data for a valid description; `extreme` takes weights and inputs from the ends of their ranges only. */
void case_fill(rng *r, conv_case *c, const edge_plan *plan, int extreme);
void case_free(conv_case *c);

#endif
