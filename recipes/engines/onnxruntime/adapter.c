/*
 * ONNX Runtime behind edge_nn.h.
 *
 * The library is opened with dlopen from the folder of this adapter: linked, it
 * would be bound to one release, since the symbol version carries the release
 * number (OrtGetApiBase@VERS_1.22.0).
 *
 * Memory: the arena and the memory patterns are off. The arena grows in powers
 * of two and never shrinks, and patterns are kept per input shape, which does
 * not suit a board of 512 MB and pictures of many sizes.
 * Threads: they sleep, not spin, between operators, since the app and the
 * network share the same cores.
 */
#include "nn_model.h"
#include "nn_library.h"

#include <onnxruntime/onnxruntime_c_api.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libonnxruntime.so.1"

typedef struct {
  edge_nn_model base; /* first: one pointer serves both */
  OrtEnv *env;
  OrtSession *session;
  OrtMemoryInfo *memory;
  OrtValue *results[NN_MAX_PORTS]; /* of the last run; outputs point into them */
} ort_model;

/* Set once by load_library; the library is never closed. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const OrtApiBase *api_base;
static const OrtApi *api;
static char library_error[NN_ERROR_BYTES];

static void load_library(void) {
  const OrtApiBase *(*get_base)(void);
  const nn_symbol table[] = {{"OrtGetApiBase", &get_base}};
  if (!nn_library_open_beside(&api, LIBRARY, "ONNX Runtime", table, 1, library_error, sizeof library_error)) return;
  api_base = get_base();
  api = api_base->GetApi(ORT_API_VERSION);
  if (!api)
    snprintf(library_error, sizeof library_error, "ONNX Runtime %s does not know interface version %d",
             api_base->GetVersionString(), ORT_API_VERSION);
}

const char nn_adapter_name[] = "onnxruntime";

size_t nn_adapter_size(void) { return sizeof(ort_model); }

const char *nn_adapter_version(void) {
  pthread_once(&once, load_library);
  return api_base ? api_base->GetVersionString() : "";
}

/* What ONNX Runtime would print goes nowhere: its errors come as OrtStatus. */
static void ORT_API_CALL discard(void *param, OrtLoggingLevel level, const char *category, const char *id,
                                 const char *location, const char *message) {
  (void)param, (void)level, (void)category, (void)id, (void)location, (void)message;
}

/* Consumes `status`; NULL is success. */
static edge_nn_status check(ort_model *m, OrtStatus *status, const char *what) {
  if (!status) return EDGE_NN_OK;
  nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "%s: %s", what, api->GetErrorMessage(status));
  api->ReleaseStatus(status);
  return EDGE_NN_ERR_ENGINE;
}

static const struct {
  edge_nn_type type;
  ONNXTensorElementDataType element;
} types[] = {
    {EDGE_NN_F32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT}, {EDGE_NN_I8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    {EDGE_NN_U8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},  {EDGE_NN_I32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    {EDGE_NN_I64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

static ONNXTensorElementDataType to_element(edge_nn_type type) {
  for (size_t i = 0; i < TYPE_COUNT; i++)
    if (types[i].type == type) return types[i].element;
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

static edge_nn_status create_session(ort_model *m, const char *path, int threads) {
  edge_nn_status status = check(m, api->CreateEnvWithCustomLogger(discard, NULL, ORT_LOGGING_LEVEL_FATAL, "edge", &m->env),
                                "environment");
  if (status) return status;
  status = check(m, api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &m->memory), "memory");
  OrtSessionOptions *options = NULL; /* ours, released below */
  if (!status) status = check(m, api->CreateSessionOptions(&options), "options");
  if (!status) status = check(m, api->SetIntraOpNumThreads(options, threads), "threads");
  if (!status) status = check(m, api->SetInterOpNumThreads(options, 1), "threads");
  if (!status) status = check(m, api->SetSessionExecutionMode(options, ORT_SEQUENTIAL), "execution mode");
  if (!status) status = check(m, api->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL), "optimization");
  if (!status) status = check(m, api->DisableCpuMemArena(options), "arena");
  if (!status) status = check(m, api->DisableMemPattern(options), "memory pattern");
  if (!status)
    status = check(m, api->AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0"), "spinning");
  if (!status) status = check(m, api->CreateSession(m->env, path, options, &m->session), "model");
  if (options) api->ReleaseSessionOptions(options);
  return status;
}

/* The declared input or output that carries the name of the session's `index`-th. NULL: none, or a failure. */
static nn_port *find_port(ort_model *m, size_t index, bool input, edge_nn_status *status) {
  OrtAllocator *allocator; /* the library's own */
  char *name = NULL;       /* ours, freed below */
  *status = check(m, api->GetAllocatorWithDefaultOptions(&allocator), "allocator");
  if (*status) return NULL;
  *status = check(m,
                  input ? api->SessionGetInputName(m->session, index, allocator, &name)
                        : api->SessionGetOutputName(m->session, index, allocator, &name),
                  "name");
  if (*status) return NULL;
  nn_port *ports = input ? m->base.inputs : m->base.outputs, *found = NULL;
  uint32_t count = input ? m->base.input_count : m->base.output_count;
  for (uint32_t i = 0; i < count && !found; i++)
    if (strcmp(ports[i].blob, name) == 0) found = &ports[i];
  if (!found && input)
    *status = nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "the model's input %s is not declared", name);
  check(m, api->AllocatorFree(allocator, name), "name");
  return found;
}

/* The declared type and rank must be those of the session. */
static edge_nn_status check_port(ort_model *m, size_t index, bool input, const nn_port *port) {
  OrtTypeInfo *info = NULL; /* ours, released below; `tensor` is part of it */
  const OrtTensorTypeAndShapeInfo *tensor = NULL;
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  size_t rank = 0;
  edge_nn_status status = check(m,
                                input ? api->SessionGetInputTypeInfo(m->session, index, &info)
                                      : api->SessionGetOutputTypeInfo(m->session, index, &info),
                                "type");
  if (!status) status = check(m, api->CastTypeInfoToTensorInfo(info, &tensor), "type");
  if (!status && !tensor)
    status = nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "%s is no tensor", port->info.name);
  if (!status) status = check(m, api->GetTensorElementType(tensor, &element), "type");
  if (!status) status = check(m, api->GetDimensionsCount(tensor, &rank), "rank");
  if (!status && element != to_element(port->info.type))
    status = nn_model_fail(&m->base, EDGE_NN_ERR_TYPE, "%s is not %s in the model", port->info.name,
                           nn_type_name(port->info.type));
  if (!status && input && rank != port->info.rank)
    status = nn_model_fail(&m->base, EDGE_NN_ERR_SHAPE, "%s has %zu dimensions in the model, declared are %u",
                           port->info.name, rank, port->info.rank);
  if (info) api->ReleaseTypeInfo(info);
  return status;
}

static edge_nn_status check_ports(ort_model *m, bool input) {
  size_t count = 0;
  uint32_t declared = input ? m->base.input_count : m->base.output_count, found = 0;
  edge_nn_status status = check(m,
                                input ? api->SessionGetInputCount(m->session, &count)
                                      : api->SessionGetOutputCount(m->session, &count),
                                "count");
  for (size_t i = 0; i < count && !status; i++) {
    const nn_port *port = find_port(m, i, input, &status);
    if (!port) continue;
    found++;
    status = check_port(m, i, input, port);
  }
  if (!status && found != declared)
    status = nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "%u of %u declared %s are not in the model", declared - found,
                           declared, input ? "inputs" : "outputs");
  return status;
}

edge_nn_status nn_adapter_load(edge_nn_model *model, int threads) {
  ort_model *m = (ort_model *)model;
  pthread_once(&once, load_library);
  if (!api) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "%s", library_error);
  const char *path = nn_model_file(model, "model");
  if (!path) return EDGE_NN_ERR_MODEL;
  edge_nn_status status = create_session(m, path, threads);
  if (!status) status = check_ports(m, true);
  if (!status) status = check_ports(m, false);
  return status;
}

static void release_results(ort_model *m) {
  nn_model_forget(&m->base);
  for (uint32_t i = 0; i < NN_MAX_PORTS; i++) {
    if (m->results[i]) api->ReleaseValue(m->results[i]);
    m->results[i] = NULL;
  }
}

void nn_adapter_unload(edge_nn_model *model) {
  ort_model *m = (ort_model *)model;
  release_results(m);
  if (m->session) api->ReleaseSession(m->session);
  if (m->memory) api->ReleaseMemoryInfo(m->memory);
  if (m->env) api->ReleaseEnv(m->env);
}

/* A value over the input's own memory, which outlives the run. */
static edge_nn_status make_value(ort_model *m, const nn_port *port, OrtValue **value) {
  int64_t shape[EDGE_NN_MAX_RANK];
  for (uint32_t i = 0; i < port->value.rank; i++) shape[i] = port->value.shape[i];
  return check(m,
               api->CreateTensorWithDataAsOrtValue(m->memory, port->data, port->value.bytes, shape, port->value.rank,
                                                   to_element(port->value.type), value),
               port->info.name);
}

/* Makes output `index` point into m->results[index]. */
static edge_nn_status take_value(ort_model *m, uint32_t index) {
  nn_port *port = &m->base.outputs[index];
  OrtTensorTypeAndShapeInfo *info = NULL; /* ours, released below */
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  size_t rank = 0;
  int64_t shape[EDGE_NN_MAX_RANK];
  void *data = NULL;
  edge_nn_status status = check(m, api->GetTensorTypeAndShape(m->results[index], &info), port->info.name);
  if (status) return status;
  status = check(m, api->GetTensorElementType(info, &element), port->info.name);
  if (!status) status = check(m, api->GetDimensionsCount(info, &rank), port->info.name);
  if (!status && rank > EDGE_NN_MAX_RANK)
    status = nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "output %s has %zu dimensions", port->info.name, rank);
  if (!status) status = check(m, api->GetDimensions(info, shape, rank), port->info.name);
  if (!status && element != to_element(port->info.type))
    status = nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "output %s is not %s", port->info.name,
                           nn_type_name(port->info.type));
  if (!status) status = nn_model_describe_output(&m->base, index, port->info.type, (uint32_t)rank, shape);
  if (!status) status = check(m, api->GetTensorMutableData(m->results[index], &data), port->info.name);
  api->ReleaseTensorTypeAndShapeInfo(info);
  if (status) return status;
  port->value.data = data;
  port->ready = true;
  return EDGE_NN_OK;
}

edge_nn_status nn_adapter_run(edge_nn_model *model) {
  ort_model *m = (ort_model *)model;
  edge_nn_status status = EDGE_NN_OK;
  release_results(m);
  const char *input_names[NN_MAX_PORTS], *output_names[NN_MAX_PORTS];
  OrtValue *values[NN_MAX_PORTS] = {0}; /* ours, released below */
  for (uint32_t i = 0; i < model->input_count && !status; i++) {
    input_names[i] = model->inputs[i].blob;
    status = make_value(m, &model->inputs[i], &values[i]);
  }
  for (uint32_t i = 0; i < model->output_count; i++) output_names[i] = model->outputs[i].blob;
  if (!status)
    status = check(m,
                   api->Run(m->session, NULL, input_names, (const OrtValue *const *)values, model->input_count,
                            output_names, model->output_count, m->results),
                   "run");
  for (uint32_t i = 0; i < model->output_count && !status; i++) status = take_value(m, i);
  for (uint32_t i = 0; i < model->input_count; i++)
    if (values[i]) api->ReleaseValue(values[i]);
  if (status) release_results(m);
  return status;
}
