/* kernels_layer.h: a layer's description, from JavaScript to edge_kernels.h. */
#ifndef EDGE_KERNELS_LAYER_H
#define EDGE_KERNELS_LAYER_H

#include "js_util.h"
#include "kernels_library.h"

/* weights, bias, and at most two of multiplier, shift, scale and threshold */
#define EDGE_LAYER_ARRAYS 4

/* Numbers are copied, arrays are borrowed: `data` points into buffers that `owners` keep alive. */
typedef struct {
  edge_conv conv;
  edge_variant variant;
  edge_conv_data data;
  JSValue owners[EDGE_LAYER_ARRAYS];
  int owner_count;
} edge_layer_source;

/* Reads a description into `source`, which was zeroed. 0 or -1 (thrown, with `code`); free `source` in both cases. */
int edge_layer_read(JSContext *ctx, const edge_kernels *kernels, JSValueConst description, edge_layer_source *source);
void edge_layer_source_free(JSContext *ctx, edge_layer_source *source);

#endif
