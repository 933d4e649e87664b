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

/* Makes {shape, data}; `data` (malloc, tensor->bytes) is taken, also on failure. */
JSValue edge_tensor_make(JSContext *ctx, const edge_nn_tensor *tensor, void *data);

/* Makes the TensorInfo list of a model's inputs or outputs. */
JSValue edge_tensor_infos(JSContext *ctx, const edge_engine *engine, const edge_nn_model *model, bool outputs);

#endif
