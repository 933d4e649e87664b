/*
 * Tengine and Tengine-lite behind edge_nn.h.
 *
 * One source for both: the recipe says with -D which library it opens from its own folder (TENGINE_LIBRARY), what it is called
 * (TENGINE_NAME, TENGINE_TITLE), and whether its interface has a setting for threads (not with TENGINE_ONE_THREAD).
 *
 * A graph is prepared for one set of shapes. When a run has others the graph is made anew: Tengine's own way of changing shapes after
 * the preparation is not documented. Tensors are dense, and their axes in the order of the model.
 */
#include "nn_library.h"
#include "nn_model.h"
#include "tengine_api.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#ifndef TENGINE_LIBRARY
#error "the recipe names the library: -DTENGINE_LIBRARY, -DTENGINE_NAME and -DTENGINE_TITLE"
#endif

typedef struct {
  edge_nn_model base; /* first: one pointer serves both */
  tengine_graph graph; /* ours, destroyed by close_graph */
  tengine_tensor inputs[NN_MAX_PORTS], outputs[NN_MAX_PORTS]; /* handles of the graph, as the ports are ordered; released with it */
  int32_t shapes[NN_MAX_PORTS][EDGE_NN_MAX_RANK]; /* of the inputs that the graph is prepared for */
  bool prepared;
  int threads;
} tengine_model;

/* Filled once by load_library; the library is never closed. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static tengine_api api;
static bool opened;
static char library_error[NN_ERROR_BYTES];

static void load_library(void) {
#define SYMBOL(name) {#name, &api.name}
  const nn_symbol table[] = {
      SYMBOL(init_tengine), SYMBOL(get_tengine_version), SYMBOL(create_graph), SYMBOL(destroy_graph),
      SYMBOL(get_graph_input_node_number), SYMBOL(get_graph_output_node_number), SYMBOL(get_graph_input_node),
      SYMBOL(get_graph_output_node), SYMBOL(get_node_output_number), SYMBOL(release_graph_node),
      SYMBOL(get_graph_input_tensor), SYMBOL(get_graph_output_tensor), SYMBOL(get_tensor_name),
      SYMBOL(get_tensor_data_type), SYMBOL(get_tensor_shape), SYMBOL(set_tensor_shape),
      SYMBOL(get_tensor_buffer_size), SYMBOL(get_tensor_buffer), SYMBOL(set_tensor_buffer),
      SYMBOL(release_graph_tensor), SYMBOL(run_graph), SYMBOL(postrun_graph),
#ifdef TENGINE_ONE_THREAD
      SYMBOL(prerun_graph),
#else
      SYMBOL(prerun_graph_multithread),
#endif
  };
#undef SYMBOL
  if (!nn_library_open_beside(&api, TENGINE_LIBRARY, TENGINE_TITLE, table, sizeof table / sizeof table[0],
                              library_error, sizeof library_error))
    return;
  if (api.init_tengine() != 0) snprintf(library_error, sizeof library_error, TENGINE_TITLE " does not start");
  else opened = true;
}

const char nn_adapter_name[] = TENGINE_NAME;

size_t nn_adapter_size(void) { return sizeof(tengine_model); }

const char *nn_adapter_version(void) {
  pthread_once(&once, load_library);
  const char *version = opened ? api.get_tengine_version() : NULL;
  return version ? version : "";
}

/* Tengine's type of ours; -1 when it has none. */
static int data_type(edge_nn_type type) {
  switch (type) {
    case EDGE_NN_F32: return TENGINE_FP32;
    case EDGE_NN_I8: return TENGINE_INT8;
    case EDGE_NN_U8: return TENGINE_UINT8;
    case EDGE_NN_I32: return TENGINE_INT32;
    case EDGE_NN_I64: break;
  }
  return -1;
}

static void close_graph(tengine_model *m) {
  nn_model_forget(&m->base);
  for (uint32_t i = 0; i < NN_MAX_PORTS; i++) {
    if (m->inputs[i]) api.release_graph_tensor(m->inputs[i]);
    if (m->outputs[i]) api.release_graph_tensor(m->outputs[i]);
    m->inputs[i] = m->outputs[i] = NULL;
  }
  if (m->graph && m->prepared) api.postrun_graph(m->graph);
  if (m->graph) api.destroy_graph(m->graph);
  m->graph = NULL;
  m->prepared = false;
}

/* Takes the handle `tensor` of the graph for the port that carries its name, or releases it. A graph's input must be declared. */
static edge_nn_status take_tensor(tengine_model *m, tengine_tensor tensor, bool input) {
  const char *name = tensor ? api.get_tensor_name(tensor) : NULL;
  edge_nn_status status = EDGE_NN_OK;
  if (!name) {
    status = nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "an %s of the model has no name", input ? "input" : "output");
  } else {
    nn_port *ports = input ? m->base.inputs : m->base.outputs;
    uint32_t count = input ? m->base.input_count : m->base.output_count;
    for (uint32_t i = 0; i < count; i++) {
      tengine_tensor *slot = input ? &m->inputs[i] : &m->outputs[i];
      if (*slot || strcmp(ports[i].blob, name) != 0) continue;
      *slot = tensor;
      /* A result's type is known for sure once shapes are. */
      if (!input || api.get_tensor_data_type(tensor) == data_type(ports[i].info.type)) return EDGE_NN_OK;
      return nn_model_fail(&m->base, EDGE_NN_ERR_TYPE, "input %s is not %s in the model", name,
                           nn_type_name(ports[i].info.type));
    }
    if (input) status = nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "the model's input %s is not declared", name);
  }
  if (tensor) api.release_graph_tensor(tensor);
  return status;
}

/* The tensors of the graph's input nodes, or of its output nodes; a node may have several. */
static edge_nn_status take_tensors(tengine_model *m, bool input) {
  int nodes = input ? api.get_graph_input_node_number(m->graph) : api.get_graph_output_node_number(m->graph);
  edge_nn_status status = EDGE_NN_OK;
  for (int i = 0; i < nodes && !status; i++) {
    tengine_node node = input ? api.get_graph_input_node(m->graph, i) : api.get_graph_output_node(m->graph, i);
    int tensors = node ? api.get_node_output_number(node) : 0;
    for (int j = 0; j < tensors && !status; j++)
      status = take_tensor(
          m, input ? api.get_graph_input_tensor(m->graph, i, j) : api.get_graph_output_tensor(m->graph, i, j), input);
    if (node) api.release_graph_node(node);
  }
  uint32_t count = input ? m->base.input_count : m->base.output_count;
  for (uint32_t i = 0; i < count && !status; i++)
    if (!(input ? m->inputs[i] : m->outputs[i]))
      status = nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "the model has no %s %s", input ? "input" : "output",
                             input ? m->base.inputs[i].info.name : m->base.outputs[i].info.name);
  return status;
}

static edge_nn_status open_graph(tengine_model *m) {
  const char *path = nn_model_file(&m->base, "model");
  if (!path) return EDGE_NN_ERR_MODEL;
  m->graph = api.create_graph(NULL, "tengine", path);
  if (!m->graph) return nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, TENGINE_TITLE " cannot read %s", path);
  edge_nn_status status = take_tensors(m, true);
  return status ? status : take_tensors(m, false);
}

edge_nn_status nn_adapter_load(edge_nn_model *model, int threads) {
  tengine_model *m = (tengine_model *)model;
  pthread_once(&once, load_library);
  if (!opened) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "%s", library_error);
  m->threads = threads;
  return open_graph(m);
}

void nn_adapter_unload(edge_nn_model *model) {
  /* Without a library nothing was made. */
  if (opened) close_graph((tengine_model *)model);
}

/* ---- running ---- */

/* Kernels are chosen by the type that the model was quantized to, which its inputs have. */
static int prepare_kernels(tengine_model *m) {
#ifdef TENGINE_ONE_THREAD
  return api.prerun_graph(m->graph);
#else
  tengine_options options = {.num_thread = m->threads, .cluster = TENGINE_ALL_CORES, .precision = TENGINE_RUN_FP32};
  for (uint32_t i = 0; i < m->base.input_count; i++) {
    if (m->base.inputs[i].info.type == EDGE_NN_U8) options.precision = TENGINE_RUN_UINT8;
    if (m->base.inputs[i].info.type == EDGE_NN_I8) options.precision = TENGINE_RUN_INT8;
  }
  return api.prerun_graph_multithread(m->graph, options);
#endif
}

static bool has_shapes(const tengine_model *m) {
  for (uint32_t i = 0; i < m->base.input_count; i++) {
    const edge_nn_tensor *value = &m->base.inputs[i].value;
    if (memcmp(m->shapes[i], value->shape, value->rank * sizeof value->shape[0]) != 0) return false;
  }
  return true;
}

/* Prepares the graph for the shapes that the inputs have, unless it is. */
static edge_nn_status prepare(tengine_model *m) {
  if (m->prepared && has_shapes(m)) return EDGE_NN_OK;
  if (m->prepared || !m->graph) {
    close_graph(m);
    edge_nn_status status = open_graph(m);
    if (status) return status;
  }
  for (uint32_t i = 0; i < m->base.input_count; i++) {
    const nn_port *port = &m->base.inputs[i];
    int dims[EDGE_NN_MAX_RANK];
    for (uint32_t j = 0; j < port->value.rank; j++) dims[j] = m->shapes[i][j] = port->value.shape[j];
    if (api.set_tensor_shape(m->inputs[i], dims, (int)port->value.rank) != 0)
      return nn_model_fail(&m->base, EDGE_NN_ERR_SHAPE, "the model does not take input %s in this shape",
                           port->info.name);
  }
  if (prepare_kernels(m) != 0)
    return nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, TENGINE_TITLE " cannot prepare the model for these shapes");
  m->prepared = true;
  return EDGE_NN_OK;
}

/* Lets the graph read the port's own memory, which outlives the run. */
static edge_nn_status put_input(tengine_model *m, uint32_t index) {
  const nn_port *port = &m->base.inputs[index];
  const int bytes = port->value.bytes > INT_MAX ? -1 : (int)port->value.bytes;
  if (bytes < 0 || api.get_tensor_buffer_size(m->inputs[index]) != bytes)
    return nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "input %s has %d bytes in the model, not %zu", port->info.name,
                         api.get_tensor_buffer_size(m->inputs[index]), port->value.bytes);
  if (api.set_tensor_buffer(m->inputs[index], port->data, bytes) != 0)
    return nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, TENGINE_TITLE " does not take input %s", port->info.name);
  return EDGE_NN_OK;
}

/* Makes the output point into the graph's memory, which is its own until the next run. */
static edge_nn_status take_output(tengine_model *m, uint32_t index) {
  nn_port *port = &m->base.outputs[index];
  tengine_tensor tensor = m->outputs[index];
  if (api.get_tensor_data_type(tensor) != data_type(port->info.type))
    return nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "output %s is not %s", port->info.name,
                         nn_type_name(port->info.type));
  int dims[EDGE_NN_MAX_RANK] = {0};
  int rank = api.get_tensor_shape(tensor, dims, EDGE_NN_MAX_RANK);
  if (rank < 0 || rank > EDGE_NN_MAX_RANK)
    return nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "output %s has no shape", port->info.name);
  int64_t shape[EDGE_NN_MAX_RANK];
  for (int i = 0; i < rank; i++) shape[i] = dims[i];
  edge_nn_status status = nn_model_describe_output(&m->base, index, port->info.type, (uint32_t)rank, shape);
  if (status) return status;
  void *data = api.get_tensor_buffer(tensor);
  int bytes = api.get_tensor_buffer_size(tensor);
  if (!data || bytes < 0 || (size_t)bytes < port->value.bytes)
    return nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, TENGINE_TITLE " does not give output %s", port->info.name);
  port->value.data = data;
  port->ready = true;
  return EDGE_NN_OK;
}

edge_nn_status nn_adapter_run(edge_nn_model *model) {
  tengine_model *m = (tengine_model *)model;
  nn_model_forget(model);
  edge_nn_status status = prepare(m);
  for (uint32_t i = 0; i < model->input_count && !status; i++) status = put_input(m, i);
  if (!status && api.run_graph(m->graph, 1) != 0)
    status = nn_model_fail(model, EDGE_NN_ERR_ENGINE, TENGINE_TITLE " failed to run the model");
  for (uint32_t i = 0; i < model->output_count && !status; i++) status = take_output(m, i);
  if (status) nn_model_forget(model);
  return status;
}
