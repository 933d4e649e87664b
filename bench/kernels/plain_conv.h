#ifndef EDGE_BENCH_PLAIN_CONV_H
#define EDGE_BENCH_PLAIN_CONV_H

#include "edge_kernels.h"

/* One picture, one group, input_zero 0, REQUANT_FIXED without left shifts. */
void plain_conv(const edge_conv *conv, int32_t out_height, int32_t out_width, const edge_conv_data *data, const int8_t *input,
                int8_t *output);

#endif
