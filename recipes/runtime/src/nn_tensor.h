/* nn_tensor.h: tensors between JavaScript and the engine. */
#ifndef EDGE_NN_TENSOR_H
#define EDGE_NN_TENSOR_H

#include "host.h"
#include "js_util.h"
#include "nn_engine.h"

/* The largest tensor: enough for 16 million pixels of float RGB. */
#define EDGE_TENSOR_LIMIT ((uint64_t)512 << 20)

/* Reads {shape, data} for an input of type `type`. `out->data` points into `view`, which the
 * caller keeps until it was used and whose owner it frees. 0 or -1 (thrown, with `code`). */
int edge_tensor_read(JSContext *ctx, JSValueConst value, const edge_nn_tensor_info *info, edge_nn_tensor *out,
                     edge_view *view);

/* The declared shape to use for data of a wanted shape (sizes of at least 1; info->rank of them): the smallest that holds it; where none
 * does, the one for which the data must be shrunk least. `out` has room for as many. */
void edge_tensor_fit(const edge_nn_tensor_info *info, const int32_t *wanted, int32_t *out);

/* Reads an array of 1..INT32_MAX numbers, at most EDGE_NN_MAX_RANK. 0 or -1 (thrown, with `code`). `name` is the input's. */
int edge_shape_read(JSContext *ctx, JSValueConst array, const char *name, uint32_t *rank, int32_t *shape);
JSValue edge_shape_make(JSContext *ctx, uint32_t rank, const int32_t *shape);

/* Makes {shape, data}; `data` (malloc, tensor->bytes) is taken, also on failure. */
JSValue edge_tensor_make(JSContext *ctx, const edge_nn_tensor *tensor, void *data);

/* Makes the TensorInfo list of a model's inputs or outputs. */
JSValue edge_tensor_infos(JSContext *ctx, const edge_engine *engine, const edge_nn_model *model, bool outputs);

#endif
