/* kernels_run.h: a prepared layer and its runs. */
#ifndef EDGE_KERNELS_RUN_H
#define EDGE_KERNELS_RUN_H

#include "host.h"
#include "kernels_library.h"

/* Lives while the JavaScript object or a run refers to it. */
typedef struct {
  const edge_kernels *kernels;
  edge_conv conv;
  edge_plan plan;
  void *packed;    /* plan.packed_bytes */
  void *workspace; /* plan.workspace_bytes, lent to one run at a time; NULL while it is lent or before the first */
} edge_layer;

/* EDGE_ALIGNMENT aligned memory for `free`; NULL when there is none. */
void *edge_layer_memory(size_t bytes);
/* Takes NULL too. */
void edge_layer_free(edge_layer *layer);

/* Checks the arrays and runs `layer`, whose object is `self`: the promise of the output. */
JSValue edge_layer_run(JSContext *ctx, edge_layer *layer, JSValueConst self, JSValueConst input, JSValueConst output);

#endif
