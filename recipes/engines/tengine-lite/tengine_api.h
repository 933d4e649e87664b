/*
 * tengine_api.h: what the adapter calls of Tengine, declared by ourselves from its documentation.
 *
 * Both libraries, Tengine and Tengine-lite, have these functions in C. They are opened with dlopen: one that a release lacks is told by
 * its name when a model is loaded. Handles belong to the library.
 */
#ifndef EDGE_TENGINE_API_H
#define EDGE_TENGINE_API_H

#include <stdint.h>

typedef void *tengine_graph, *tengine_node, *tengine_tensor;

enum { TENGINE_FP32 = 0, TENGINE_FP16 = 1, TENGINE_INT8 = 2, TENGINE_UINT8 = 3, TENGINE_INT32 = 4, TENGINE_INT16 = 5 };
enum { TENGINE_RUN_FP32 = 0, TENGINE_RUN_UINT8 = 3, TENGINE_RUN_INT8 = 4 };
enum { TENGINE_ALL_CORES = 0 };

/* Passed by value. */
typedef struct {
  int num_thread, cluster, precision;
  uint64_t affinity; /* 0: any core */
} tengine_options;

typedef struct {
  int (*init_tengine)(void);
  const char *(*get_tengine_version)(void);
  /* NULL on failure. Format "tengine" is followed by the path of a file. */
  tengine_graph (*create_graph)(void *context, const char *format, const char *path, ...);
  int (*destroy_graph)(tengine_graph);
  int (*get_graph_input_node_number)(tengine_graph);
  int (*get_graph_output_node_number)(tengine_graph);
  tengine_node (*get_graph_input_node)(tengine_graph, int);
  tengine_node (*get_graph_output_node)(tengine_graph, int);
  int (*get_node_output_number)(tengine_node);
  void (*release_graph_node)(tengine_node);
  tengine_tensor (*get_graph_input_tensor)(tengine_graph, int node, int tensor);
  tengine_tensor (*get_graph_output_tensor)(tengine_graph, int node, int tensor);
  const char *(*get_tensor_name)(tengine_tensor);
  int (*get_tensor_data_type)(tengine_tensor);
  /* The number of dimensions, or -1. */
  int (*get_tensor_shape)(tengine_tensor, int dims[], int count);
  int (*set_tensor_shape)(tengine_tensor, const int dims[], int count);
  int (*get_tensor_buffer_size)(tengine_tensor);
  void *(*get_tensor_buffer)(tengine_tensor);
  /* The buffer stays the caller's. */
  int (*set_tensor_buffer)(tengine_tensor, void *, int bytes);
  void (*release_graph_tensor)(tengine_tensor);
#ifdef TENGINE_ONE_THREAD
  int (*prerun_graph)(tengine_graph);
#else
  int (*prerun_graph_multithread)(tengine_graph, tengine_options);
#endif
  int (*run_graph)(tengine_graph, int block);
  int (*postrun_graph)(tengine_graph);
} tengine_api;

#endif
