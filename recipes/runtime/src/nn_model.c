/*
 * nn_model.c: checks tensors against what the sidecar declares, and stores them.
 */
#include "nn_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char open_error[NN_ERROR_BYTES];

/* ---- errors ---- */

edge_nn_status nn_model_fail(edge_nn_model *model, edge_nn_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(model->error, sizeof model->error, format, args);
  va_end(args);
  return status;
}

edge_nn_status nn_open_fail(edge_nn_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(open_error, sizeof open_error, format, args);
  va_end(args);
  return status;
}

const char *edge_nn_last_error(const edge_nn_model *model) { return model ? model->error : open_error; }

/* ---- the layer that runs ---- */

bool nn_model_traced(void) {
  const char *value = getenv("EDGE_NN_TRACE");
  return value && strcmp(value, "1") == 0;
}

void nn_model_trace(const char *operator_name, const char *layer) {
  fprintf(stderr, "layer %.100s %.200s\n", operator_name, layer);
  fflush(stderr);
}

/* ---- what takes long ---- */

void nn_model_progress(edge_nn_model *model, int percent) {
  if (percent < 0) percent = 0;
  if (percent > 100) percent = 100;
  if (percent < model->percent) return;
  model->percent = percent + 1;
  if (model->progress) model->progress(model->user, percent);
}

/* ---- types and shapes ---- */

static const struct {
  const char *name;
  edge_nn_type type;
  size_t size;
} types[] = {
    {"f32", EDGE_NN_F32, 4}, {"i8", EDGE_NN_I8, 1},   {"u8", EDGE_NN_U8, 1},
    {"i32", EDGE_NN_I32, 4}, {"i64", EDGE_NN_I64, 8},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

size_t nn_type_size(edge_nn_type type) {
  for (size_t i = 0; i < TYPE_COUNT; i++)
    if (types[i].type == type) return types[i].size;
  return 0;
}

const char *nn_type_name(edge_nn_type type) {
  for (size_t i = 0; i < TYPE_COUNT; i++)
    if (types[i].type == type) return types[i].name;
  return "no type";
}

bool nn_type_named(const char *name, edge_nn_type *type) {
  for (size_t i = 0; i < TYPE_COUNT; i++)
    if (strcmp(types[i].name, name) == 0) return *type = types[i].type, true;
  return false;
}

/* Bytes of a tensor, none when a size is 0; false when a size is below 0 or the product too large. */
static bool tensor_bytes(edge_nn_type type, uint32_t rank, const int32_t *shape, size_t *bytes) {
  size_t total = nn_type_size(type);
  bool empty = false;
  for (uint32_t i = 0; i < rank; i++) {
    if (shape[i] < 0) return false;
    empty = empty || shape[i] == 0;
  }
  for (uint32_t i = 0; i < rank && !empty; i++)
    if (__builtin_mul_overflow(total, (size_t)shape[i], &total)) return false;
  *bytes = empty ? 0 : total;
  return *bytes <= PTRDIFF_MAX;
}

/* "1x3x48x320" into text of `size` bytes. */
static const char *shape_text(uint32_t rank, const int32_t *shape, char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (uint32_t i = 0; i < rank && used < size; i++) {
    int n = snprintf(text + used, size - used, i ? "x%d" : "%d", shape[i]);
    if (n < 0) break;
    used += (size_t)n;
  }
  return rank ? text : "scalar";
}

/* The first dimension that is not allowed, or rank when all are. */
static uint32_t shape_misfit(const nn_port *port, const int32_t *shape) {
  uint32_t i = 0;
  for (; i < port->info.rank; i++) {
    const edge_nn_dim *dim = &port->info.dims[i];
    if (shape[i] < dim->min || shape[i] > dim->max || (shape[i] - dim->min) % dim->step != 0) break;
  }
  return i;
}

static edge_nn_status check_shape(edge_nn_model *model, const char *what, const nn_port *port, uint32_t rank,
                                  const int32_t *shape) {
  char text[96];
  if (rank != port->info.rank)
    return nn_model_fail(model, EDGE_NN_ERR_SHAPE, "%s %s: shape %s has %u dimensions, declared are %u", what,
                         port->info.name, shape_text(rank, shape, text, sizeof text), rank, port->info.rank);
  for (uint32_t i = 0; i < port->info.shape_count; i++)
    if (rank == 0 || memcmp(port->shapes + (size_t)i * rank, shape, rank * sizeof *shape) == 0) return EDGE_NN_OK;
  if (port->info.shape_count)
    return nn_model_fail(model, EDGE_NN_ERR_SHAPE, "%s %s: shape %s is not among the %u that were declared", what,
                         port->info.name, shape_text(rank, shape, text, sizeof text), port->info.shape_count);
  uint32_t bad = shape_misfit(port, shape);
  if (bad == rank) return EDGE_NN_OK;
  const edge_nn_dim *dim = &port->info.dims[bad];
  if (dim->min == dim->max)
    return nn_model_fail(model, EDGE_NN_ERR_SHAPE, "%s %s: shape %s, dimension %u must be %d", what, port->info.name,
                         shape_text(rank, shape, text, sizeof text), bad, dim->min);
  return nn_model_fail(model, EDGE_NN_ERR_SHAPE, "%s %s: shape %s, dimension %u must be %d..%d in steps of %d", what,
                       port->info.name, shape_text(rank, shape, text, sizeof text), bad, dim->min, dim->max, dim->step);
}

/* ---- the model ---- */

static void free_ports(nn_port *ports, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    free(ports[i].shapes);
    free(ports[i].data);
  }
}

void nn_model_free(edge_nn_model *model) {
  free_ports(model->inputs, model->input_count);
  free_ports(model->outputs, model->output_count);
  for (uint32_t i = 0; i < model->file_count; i++) free(model->files[i].path);
  free(model->cache);
  free(model->text);
  memset(model, 0, sizeof *model);
}

const char *nn_model_file(edge_nn_model *model, const char *role) {
  for (uint32_t i = 0; i < model->file_count; i++)
    if (strcmp(model->files[i].role, role) == 0) return model->files[i].path;
  nn_model_fail(model, EDGE_NN_ERR_MODEL, NN_MODEL_FILE " names no file %s", role);
  return NULL;
}

const char *nn_model_option(const edge_nn_model *model, const char *key) {
  for (uint32_t i = 0; i < model->option_count; i++)
    if (strcmp(model->options[i].key, key) == 0) return model->options[i].value;
  return NULL;
}

/* ---- tensors ---- */

/* Makes port->data hold at least `bytes`; what it held is lost. It begins at a multiple of 64 bytes: engines' code for vectors may ask for it. */
static bool reserve(nn_port *port, size_t bytes) {
  if (bytes <= port->capacity) return true;
  void *data;
  if (posix_memalign(&data, 64, bytes) != 0) return false;
  free(port->data);
  port->data = data;
  port->capacity = bytes;
  return true;
}

edge_nn_status nn_model_inputs_ready(edge_nn_model *model) {
  for (uint32_t i = 0; i < model->input_count; i++)
    if (!model->inputs[i].ready)
      return nn_model_fail(model, EDGE_NN_ERR_ARGUMENT, "input %s was never set", model->inputs[i].info.name);
  return EDGE_NN_OK;
}

void nn_model_forget(edge_nn_model *model) {
  for (uint32_t i = 0; i < model->output_count; i++) model->outputs[i].ready = false;
}

edge_nn_status nn_model_describe_output(edge_nn_model *model, uint32_t index, edge_nn_type type, uint32_t rank,
                                        const int64_t *shape) {
  nn_port *port = &model->outputs[index];
  edge_nn_tensor value = {.type = type, .rank = rank};
  if (type != port->info.type)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s is %s, declared is %s", port->info.name,
                         nn_type_name(type), nn_type_name(port->info.type));
  if (rank > EDGE_NN_MAX_RANK)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s has %u dimensions", port->info.name, rank);
  for (uint32_t i = 0; i < rank; i++) {
    if (shape[i] < 0 || shape[i] > INT32_MAX)
      return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s: size %lld of dimension %u", port->info.name,
                           (long long)shape[i], i);
    value.shape[i] = (int32_t)shape[i];
  }
  if (!tensor_bytes(type, rank, value.shape, &value.bytes))
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s is too large", port->info.name);
  if (port->declared && check_shape(model, "output", port, rank, value.shape)) return EDGE_NN_ERR_ENGINE;
  port->value = value;
  return EDGE_NN_OK;
}

edge_nn_status nn_model_reserve_output(edge_nn_model *model, uint32_t index, edge_nn_type type, uint32_t rank,
                                       const int64_t *shape) {
  edge_nn_status status = nn_model_describe_output(model, index, type, rank, shape);
  if (status) return status;
  nn_port *port = &model->outputs[index];
  if (!reserve(port, port->value.bytes))
    return nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for output %s", port->info.name);
  port->value.data = port->data;
  return EDGE_NN_OK;
}

/* ---- the engine-independent part of edge_nn.h ---- */

uint32_t edge_nn_abi(void) { return EDGE_NN_ABI; }

uint32_t edge_nn_input_count(const edge_nn_model *model) { return model ? model->input_count : 0; }

uint32_t edge_nn_output_count(const edge_nn_model *model) { return model ? model->output_count : 0; }

const edge_nn_tensor_info *edge_nn_input_info(const edge_nn_model *model, uint32_t index) {
  return model && index < model->input_count ? &model->inputs[index].info : NULL;
}

const edge_nn_tensor_info *edge_nn_output_info(const edge_nn_model *model, uint32_t index) {
  return model && index < model->output_count ? &model->outputs[index].info : NULL;
}

/* On failure the input keeps what it had. */
edge_nn_status edge_nn_set_input(edge_nn_model *model, uint32_t index, const edge_nn_tensor *tensor) {
  if (!model) return EDGE_NN_ERR_ARGUMENT;
  if (!tensor || !tensor->data || index >= model->input_count)
    return nn_model_fail(model, EDGE_NN_ERR_ARGUMENT, "set_input: no data, or no input %u", index);
  nn_port *port = &model->inputs[index];
  if (tensor->type != port->info.type)
    return nn_model_fail(model, EDGE_NN_ERR_TYPE, "input %s takes %s, not %s", port->info.name,
                         nn_type_name(port->info.type), nn_type_name(tensor->type));
  if (tensor->rank > EDGE_NN_MAX_RANK)
    return nn_model_fail(model, EDGE_NN_ERR_SHAPE, "input %s: %u dimensions", port->info.name, tensor->rank);
  edge_nn_status status = check_shape(model, "input", port, tensor->rank, tensor->shape);
  if (status) return status;
  size_t bytes;
  if (!tensor_bytes(tensor->type, tensor->rank, tensor->shape, &bytes) || bytes != tensor->bytes)
    return nn_model_fail(model, EDGE_NN_ERR_ARGUMENT, "input %s: %zu bytes do not make its shape", port->info.name,
                         tensor->bytes);
  if (!reserve(port, bytes))
    return nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for input %s", port->info.name);
  memcpy(port->data, tensor->data, bytes);
  port->value = *tensor;
  port->value.data = port->data;
  port->ready = true;
  return EDGE_NN_OK;
}

edge_nn_status edge_nn_get_output(edge_nn_model *model, uint32_t index, edge_nn_tensor *out) {
  if (!model) return EDGE_NN_ERR_ARGUMENT;
  if (!out || index >= model->output_count)
    return nn_model_fail(model, EDGE_NN_ERR_ARGUMENT, "get_output: nowhere to put it, or no output %u", index);
  if (!model->outputs[index].ready)
    return nn_model_fail(model, EDGE_NN_ERR_ARGUMENT, "output %s: run the model first", model->outputs[index].info.name);
  static const int64_t nothing = 0; /* what an empty result points at: engines give NULL */
  *out = model->outputs[index].value;
  if (!out->data) out->data = &nothing;
  return EDGE_NN_OK;
}
