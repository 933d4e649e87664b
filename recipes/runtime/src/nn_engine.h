/* nn_engine.h: libedge_nn.so, opened with dlopen, so that a program without an engine still starts. */
#ifndef EDGE_NN_ENGINE_H
#define EDGE_NN_ENGINE_H

#include <stdbool.h>

#include "edge_nn.h"

/* The functions of edge_nn.h, of the library opened by edge_engine_open. */
typedef struct {
  const char *name, *version; /* owned by the library */
  edge_nn_status (*open)(const char *dir, const edge_nn_options *options, edge_nn_model **out);
  void (*close)(edge_nn_model *model);
  uint32_t (*input_count)(const edge_nn_model *model);
  uint32_t (*output_count)(const edge_nn_model *model);
  const edge_nn_tensor_info *(*input_info)(const edge_nn_model *model, uint32_t index);
  const edge_nn_tensor_info *(*output_info)(const edge_nn_model *model, uint32_t index);
  edge_nn_status (*set_input)(edge_nn_model *model, uint32_t index, const edge_nn_tensor *tensor);
  edge_nn_status (*run)(edge_nn_model *model);
  edge_nn_status (*get_output)(edge_nn_model *model, uint32_t index, edge_nn_tensor *out);
  const char *(*last_error)(const edge_nn_model *model);
} edge_engine;

/* Fills `engine`. The library stays open until the process ends. On failure false and a
 * sentence in `message`. */
bool edge_engine_open(const char *path, edge_engine *engine, char *message, unsigned long size);

/* Bytes of one element; 0 for an unknown type. */
unsigned edge_element_size(edge_nn_type type);
/* "f32", ... or "?" */
const char *edge_type_name(edge_nn_type type);
/* "SHAPE", "TYPE", "ARGUMENT", "MODEL", "ENGINE" or "MEMORY". */
const char *edge_status_name(edge_nn_status status);
/* Bytes of a tensor of this shape, none when a size is 0; false when a size is below 0 or the bytes pass `limit`. */
bool edge_shape_bytes(const int32_t *shape, uint32_t rank, unsigned element, uint64_t limit, uint64_t *bytes);

#endif
