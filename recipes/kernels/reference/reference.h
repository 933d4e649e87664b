/*
 * Scalar references, written to be read: one output at a time, straight from the definitions in edge_kernels.h.
 * Not part of the library; tests compare every kernel with these, bit for bit.
 */
#ifndef EDGE_KERNELS_REFERENCE_H
#define EDGE_KERNELS_REFERENCE_H

#include "edge_kernels.h"

/* The exact sum for output (n, y, x, channel), in 64 bits, without bias. In halves for an odd weight_zero2. */
int64_t reference_sum(const edge_conv *conv, const void *weights, const uint8_t *input, int32_t n, int32_t y, int32_t x,
                      int32_t channel);
/* The whole convolution. `output` has the plan's output_bytes. */
void reference_conv(const edge_conv *conv, const edge_plan *plan, const edge_conv_data *data, const uint8_t *input,
                    void *output);
void reference_pool(const edge_pool *pool, const edge_plan *plan, const uint8_t *input, uint8_t *output);
void reference_add(const edge_add *add, const uint8_t *a, const uint8_t *b, uint8_t *output, size_t count);
void reference_resize(const edge_resize *resize, const uint8_t *input, uint8_t *output);
/* One output of edge_concat_run: a code of one of its inputs, rescaled. */
uint8_t reference_rescale(const edge_concat_input *input, uint8_t code, int32_t is_signed, int32_t output_zero);

#endif
