/*
 * LiteRT (TensorFlow Lite) behind edge_nn.h, by LiteRT's own C interface.
 *
 * The library is opened with dlopen from the folder of this adapter. A model is a
 * .tflite file of one shape. Its inputs and outputs are found by the names in its
 * signature, and their types and shapes must be the declared ones. Files of more
 * than one signature are used by the first that fits.
 *
 * Memory: LiteRT's buffers are made when the model is loaded; inputs are copied
 * into them and results out of them, so a result outlives the next run's start.
 *
 * LiteRT prints nothing: its log is shut (quiet.c, and a setting), and what its
 * kernels say is kept and becomes part of our errors. Only the processor is used: no other accelerator
 * is looked for in the file system.
 */
#include "nn_model.h"
#include "nn_library.h"
#include "litert.h"
#include "quiet.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libLiteRt.so"
#define VERSION "2.3.0" /* the library does not tell it */

typedef struct {
  lrt_buffer *buffer; /* ours, destroyed by nn_adapter_unload */
  lrt_type type;      /* as the file has it */
} lrt_port;

typedef struct {
  edge_nn_model base; /* first: one pointer serves both */
  lrt_environment *environment;
  lrt_model *model;
  lrt_compiled *compiled;
  size_t signature, input_count, output_count;
  /* In the order of the signature; places[i] of the port `i` of the declaration. */
  lrt_port inputs[NN_MAX_PORTS], outputs[NN_MAX_PORTS];
  size_t input_places[NN_MAX_PORTS], output_places[NN_MAX_PORTS];
} tflite_model;

/* Set once by load_library; the library is never closed. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static lrt_functions lrt;
static bool is_open;
static char library_error[NN_ERROR_BYTES];

static void load_library(void) {
  const nn_symbol table[] = {
      {"LiteRtCreateEnvironment", &lrt.create_environment},
      {"LiteRtDestroyEnvironment", &lrt.destroy_environment},
      {"LiteRtCreateModelFromFile", &lrt.create_model},
      {"LiteRtDestroyModel", &lrt.destroy_model},
      {"LiteRtCreateOptions", &lrt.create_options},
      {"LiteRtDestroyOptions", &lrt.destroy_options},
      {"LiteRtSetOptionsHardwareAccelerators", &lrt.set_accelerators},
      {"LiteRtCreateOpaqueOptions", &lrt.create_opaque},
      {"LiteRtAddOpaqueOptions", &lrt.add_opaque},
      {"LiteRtCreateCompiledModel", &lrt.create_compiled},
      {"LiteRtDestroyCompiledModel", &lrt.destroy_compiled},
      {"LiteRtCompiledModelGetErrorMessages", &lrt.get_messages},
      {"LiteRtCompiledModelClearErrors", &lrt.clear_messages},
      {"LiteRtGetNumModelSignatures", &lrt.count_signatures},
      {"LiteRtGetModelSignature", &lrt.get_signature},
      {"LiteRtGetNumSignatureInputs", &lrt.count_inputs},
      {"LiteRtGetNumSignatureOutputs", &lrt.count_outputs},
      {"LiteRtGetSignatureInputName", &lrt.input_name},
      {"LiteRtGetSignatureOutputName", &lrt.output_name},
      {"LiteRtGetSignatureInputTensorByIndex", &lrt.input_tensor},
      {"LiteRtGetSignatureOutputTensorByIndex", &lrt.output_tensor},
      {"LiteRtGetRankedTensorType", &lrt.get_type},
      {"LiteRtGetPerTensorQuantization", &lrt.get_quantization},
      {"LiteRtCompiledModelResizeInputTensor", &lrt.resize_input},
      {"LiteRtGetCompiledModelInputBufferRequirements", &lrt.input_requirements},
      {"LiteRtGetCompiledModelOutputBufferRequirements", &lrt.output_requirements},
      {"LiteRtGetCompiledModelOutputTensorLayouts", &lrt.output_layouts},
      {"LiteRtCreateManagedTensorBufferFromRequirements", &lrt.create_buffer},
      {"LiteRtDestroyTensorBuffer", &lrt.destroy_buffer},
      {"LiteRtGetTensorBufferPackedSize", &lrt.buffer_bytes},
      {"LiteRtLockTensorBuffer", &lrt.lock},
      {"LiteRtUnlockTensorBuffer", &lrt.unlock},
      {"LiteRtRunCompiledModel", &lrt.run},
  };
  is_open = nn_library_open_beside(&lrt, LIBRARY, "LiteRT", table, sizeof table / sizeof table[0], library_error,
                                   sizeof library_error);
  if (!is_open) return;
  void *own; /* ISO C has no cast from a function pointer */
  memcpy(&own, &lrt.run, sizeof own);
  /* Where it fails a line too many is written, no more. */
  quiet_library(own);
}

const char nn_adapter_name[] = "tflite";

size_t nn_adapter_size(void) { return sizeof(tflite_model); }

const char *nn_adapter_version(void) { return VERSION; }

/* ---- errors ---- */

/* What LiteRT's kernels said since they were asked last, on one line behind ": "; "" when they said nothing. `text` has `size` bytes. */
static const char *said(tflite_model *m, char *text, size_t size) {
  char *messages = NULL; /* ours, freed below */
  text[0] = '\0';
  if (!m->compiled || lrt.get_messages(m->compiled, &messages) != LRT_OK || !messages) return text;
  snprintf(text, size, ": %s", messages);
  free(messages);
  lrt.clear_messages(m->compiled);
  for (char *letter = text; *letter; letter++)
    if ((unsigned char)*letter < ' ') *letter = ' ';
  size_t length = strlen(text);
  while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == ':')) text[--length] = '\0';
  return text;
}

/* `code` is what a function of LiteRT's returned. */
static edge_nn_status check(tflite_model *m, int code, const char *what) {
  char text[NN_ERROR_BYTES / 2];
  if (code == LRT_OK) return EDGE_NN_OK;
  return nn_model_fail(&m->base, code == LRT_NO_MEMORY ? EDGE_NN_ERR_MEMORY : EDGE_NN_ERR_ENGINE,
                       "%s: LiteRT's error %d%s", what, code, said(m, text, sizeof text));
}

/* ---- loading ---- */

/* Gives the options the settings `text`, of the part of LiteRT that `name` is. */
static edge_nn_status add_settings(tflite_model *m, lrt_options *options, const char *name, const char *text) {
  char *copy = strdup(text); /* taken over by `opaque` */
  lrt_opaque *opaque = NULL; /* taken over by the options */
  if (!copy) return nn_model_fail(&m->base, EDGE_NN_ERR_MEMORY, "no memory for settings");
  edge_nn_status status = check(m, lrt.create_opaque(name, copy, free, &opaque), name);
  if (status) {
    free(copy);
    return status;
  }
  return check(m, lrt.add_opaque(options, opaque), name);
}

static edge_nn_status compile(tflite_model *m, const char *path, int threads) {
  const lrt_setting settings[] = {
      {LRT_SETTING_SEVERITY, {LRT_SETTING_NUMBER, {LRT_SILENT}}},
      {LRT_SETTING_ACCELERATORS, {LRT_SETTING_NUMBER, {LRT_CPU}}},
  };
  char text[40];
  lrt_options *options = NULL; /* ours, destroyed below */
  edge_nn_status status = check(m, lrt.create_environment(2, settings, &m->environment), "environment");
  if (!status && lrt.create_model(m->environment, path, &m->model) != LRT_OK)
    status = nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "LiteRT cannot read %s: it is no .tflite file, or a damaged one", path);
  if (!status) status = check(m, lrt.create_options(&options), "options");
  if (!status) status = check(m, lrt.set_accelerators(options, LRT_CPU), "options");
  snprintf(text, sizeof text, "num_threads = %d\n", threads);
  if (!status) status = add_settings(m, options, "xnnpack", text);
  /* 2: errors are kept. */
  if (!status) status = add_settings(m, options, "runtime_options_string", "error_reporter_mode = 2\n");
  if (!status) status = check(m, lrt.create_compiled(m->environment, m->model, options, &m->compiled), "LiteRT cannot prepare the model");
  if (options) lrt.destroy_options(options);
  return status;
}

static const struct {
  edge_nn_type type;
  int32_t element;
} types[] = {
    {EDGE_NN_F32, LRT_F32}, {EDGE_NN_I8, LRT_I8}, {EDGE_NN_U8, LRT_U8}, {EDGE_NN_I32, LRT_I32}, {EDGE_NN_I64, LRT_I64},
};

static int32_t to_element(edge_nn_type type) {
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (types[i].type == type) return types[i].element;
  return 0;
}

/* "1x3x48x192" into text of `size` bytes. */
static const char *layout_text(const lrt_layout *layout, char *text, size_t size) {
  size_t used = 0;
  snprintf(text, size, "scalar");
  for (uint32_t i = 0; i < layout->rank && used < size; i++) {
    int n = snprintf(text + used, size - used, i ? "x%d" : "%d", layout->dims[i]);
    if (n < 0) break;
    used += (size_t)n;
  }
  return text;
}

/* What the file says of a port's integers; a sidecar that says something else is wrong. */
static edge_nn_status take_quantization(tflite_model *m, nn_port *port, lrt_tensor *tensor) {
  lrt_quantization meaning = {0, 0};
  if (lrt.get_quantization(tensor, &meaning) != LRT_OK || meaning.scale == 0) return EDGE_NN_OK;
  if (port->info.scale != 0 && (port->info.scale != meaning.scale || port->info.zero_point != meaning.zero))
    return nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "%s is quantized by %g, %lld in the model, not as declared",
                         port->info.name, (double)meaning.scale, (long long)meaning.zero);
  if (meaning.zero < INT32_MIN || meaning.zero > INT32_MAX)
    return nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "%s: a zero point of %lld", port->info.name, (long long)meaning.zero);
  port->info.scale = meaning.scale;
  port->info.zero_point = (int32_t)meaning.zero;
  return EDGE_NN_OK;
}

/* The file's input must have the one shape that is declared; an open dimension of the file (-1) becomes the declared one. */
static edge_nn_status fix_shape(tflite_model *m, size_t place, const nn_port *port, lrt_layout *layout) {
  char text[96];
  int dims[EDGE_NN_MAX_RANK];
  bool open = false, fits = layout->rank == port->info.rank;
  for (uint32_t i = 0; fits && i < port->info.rank; i++) {
    const edge_nn_dim *dim = &port->info.dims[i];
    if (dim->min != dim->max)
      return nn_model_fail(&m->base, EDGE_NN_ERR_SHAPE, "input %s may have several shapes, and a .tflite file has one", port->info.name);
    open = open || layout->dims[i] < 0;
    fits = layout->dims[i] < 0 || layout->dims[i] == dim->min;
    dims[i] = dim->min;
  }
  if (!fits)
    return nn_model_fail(&m->base, EDGE_NN_ERR_SHAPE, "input %s has the shape %s in the model, not the declared one",
                         port->info.name, layout_text(layout, text, sizeof text));
  for (uint32_t i = 0; i < port->info.rank; i++) layout->dims[i] = dims[i];
  return open ? check(m, lrt.resize_input(m->compiled, m->signature, place, dims, port->info.rank), port->info.name) : EDGE_NN_OK;
}

/* The declared port that carries this name in the file, or NULL. */
static nn_port *find_port(nn_port *ports, uint32_t count, const char *name) {
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(ports[i].blob, name) == 0) return &ports[i];
  return NULL;
}

/* One input or output of the signature: its declaration, type and shape. An output that is not declared is made and not used. */
static edge_nn_status bind_port(tflite_model *m, lrt_signature *signature, size_t place, bool input, uint32_t *found) {
  const char *name = NULL;   /* part of the model */
  lrt_tensor *tensor = NULL; /* part of the model */
  lrt_type *type = input ? &m->inputs[place].type : &m->outputs[place].type;
  nn_port *ports = input ? m->base.inputs : m->base.outputs;
  edge_nn_status status =
      check(m, input ? lrt.input_name(signature, place, &name) : lrt.output_name(signature, place, &name), "name");
  if (!status) status = check(m, input ? lrt.input_tensor(signature, place, &tensor) : lrt.output_tensor(signature, place, &tensor), name);
  if (!status && lrt.get_type(tensor, type) != LRT_OK)
    status = nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "%s has no shape in the model", name);
  if (status) return status;
  nn_port *port = find_port(ports, input ? m->base.input_count : m->base.output_count, name);
  if (!port && input) return nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "the model's input %s is not declared", name);
  if (!port) return EDGE_NN_OK;
  (*found)++;
  (input ? m->input_places : m->output_places)[port - ports] = place;
  if (type->element != to_element(port->info.type))
    return nn_model_fail(&m->base, EDGE_NN_ERR_TYPE, "%s is not %s in the model", port->info.name, nn_type_name(port->info.type));
  status = take_quantization(m, port, tensor);
  return status || !input ? status : fix_shape(m, place, port, &type->layout);
}

/* All of one side of the signature. */
static edge_nn_status bind_ports(tflite_model *m, lrt_signature *signature, bool input, size_t *count) {
  uint32_t found = 0, declared = input ? m->base.input_count : m->base.output_count;
  const char *side = input ? "inputs" : "outputs";
  edge_nn_status status = check(m, input ? lrt.count_inputs(signature, count) : lrt.count_outputs(signature, count), side);
  if (!status && *count > NN_MAX_PORTS)
    status = nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "the model has %zu %s, more than %d", *count, side, NN_MAX_PORTS);
  for (size_t place = 0; place < *count && !status; place++) status = bind_port(m, signature, place, input, &found);
  if (!status && found != declared)
    status = nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "%u of %u declared %s are not in the model", declared - found, declared, side);
  return status;
}

/* The buffers of one side, for the shapes that the compiled model has now. */
static edge_nn_status make_buffers(tflite_model *m, lrt_port *ports, size_t count, bool input) {
  lrt_requirements *needed = NULL; /* part of the compiled model */
  const char *what = input ? "input" : "output";
  edge_nn_status status = EDGE_NN_OK;
  for (size_t place = 0; place < count && !status; place++) {
    for (uint32_t i = 0; i < ports[place].type.layout.rank; i++)
      if (ports[place].type.layout.dims[i] < 0)
        return nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "the shape of output %zu depends on values, which a .tflite file of one shape cannot have", place);
    status = check(m,
                   input ? lrt.input_requirements(m->compiled, m->signature, place, &needed)
                         : lrt.output_requirements(m->compiled, m->signature, place, &needed),
                   what);
    if (!status) status = check(m, lrt.create_buffer(m->environment, &ports[place].type, needed, &ports[place].buffer), what);
  }
  return status;
}

/* The declared ports by the model's first signature of as many inputs, or its first. */
static edge_nn_status bind(tflite_model *m) {
  size_t signatures = 0, inputs = 0, outputs = 0;
  lrt_signature *signature = NULL; /* part of the model */
  edge_nn_status status = check(m, lrt.count_signatures(m->model, &signatures), "signatures");
  if (!status && signatures == 0) status = nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "the model has no signature");
  for (size_t i = 0; i < signatures && !status; i++) {
    m->signature = i;
    status = check(m, lrt.get_signature(m->model, i, &signature), "signature");
    if (!status) status = bind_ports(m, signature, true, &inputs);
    if (!status) status = bind_ports(m, signature, false, &outputs);
    if (!status) break;
    /* Another signature may fit. */
    if (i + 1 < signatures) status = EDGE_NN_OK;
  }
  if (status) return status;
  lrt_layout layouts[NN_MAX_PORTS];
  memset(layouts, 0, sizeof layouts);
  status = check(m, lrt.output_layouts(m->compiled, m->signature, outputs, layouts, true), "shapes of outputs");
  for (size_t i = 0; i < outputs && !status; i++) m->outputs[i].type.layout = layouts[i];
  if (!status) status = make_buffers(m, m->inputs, inputs, true);
  if (!status) status = make_buffers(m, m->outputs, outputs, false);
  m->input_count = inputs;
  m->output_count = outputs;
  return status;
}

edge_nn_status nn_adapter_load(edge_nn_model *model, int threads) {
  tflite_model *m = (tflite_model *)model;
  pthread_once(&once, load_library);
  if (!is_open) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "%s", library_error);
  const char *path = nn_model_file(model, "model");
  if (!path) return EDGE_NN_ERR_MODEL;
  edge_nn_status status = compile(m, path, threads);
  return status ? status : bind(m);
}

void nn_adapter_unload(edge_nn_model *model) {
  tflite_model *m = (tflite_model *)model;
  for (size_t i = 0; i < NN_MAX_PORTS; i++) {
    if (m->inputs[i].buffer) lrt.destroy_buffer(m->inputs[i].buffer);
    if (m->outputs[i].buffer) lrt.destroy_buffer(m->outputs[i].buffer);
  }
  if (m->compiled) lrt.destroy_compiled(m->compiled);
  if (m->model) lrt.destroy_model(m->model);
  if (m->environment) lrt.destroy_environment(m->environment);
}

/* ---- running ---- */

/* Copies `bytes` bytes between a buffer of LiteRT's and `data`, which is written when the buffer is read. */
static edge_nn_status copy(tflite_model *m, lrt_buffer *buffer, void *data, size_t bytes, int mode, const char *name) {
  size_t room = 0;
  void *memory = NULL; /* the buffer's, of `room` bytes, until it is unlocked */
  edge_nn_status status = check(m, lrt.buffer_bytes(buffer, &room), name);
  if (!status && room != bytes)
    status = nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "%s has %zu bytes in LiteRT, not %zu", name, room, bytes);
  if (status || bytes == 0) return status;
  status = check(m, lrt.lock(buffer, &memory, mode), name);
  if (status) return status;
  if (mode == LRT_WRITE) memcpy(memory, data, bytes);
  else memcpy(data, memory, bytes);
  return check(m, lrt.unlock(buffer), name);
}

static edge_nn_status take_output(tflite_model *m, uint32_t index) {
  nn_port *port = &m->base.outputs[index];
  const lrt_port *own = &m->outputs[m->output_places[index]];
  int64_t shape[LRT_MAX_RANK];
  for (uint32_t i = 0; i < own->type.layout.rank; i++) shape[i] = own->type.layout.dims[i];
  edge_nn_status status = nn_model_reserve_output(&m->base, index, port->info.type, own->type.layout.rank, shape);
  if (!status) status = copy(m, own->buffer, port->data, port->value.bytes, LRT_READ, port->info.name);
  if (!status) port->ready = true;
  return status;
}

edge_nn_status nn_adapter_run(edge_nn_model *model) {
  tflite_model *m = (tflite_model *)model;
  edge_nn_status status = EDGE_NN_OK;
  lrt_buffer *inputs[NN_MAX_PORTS], *outputs[NN_MAX_PORTS];
  for (uint32_t i = 0; i < model->input_count && !status; i++) {
    const nn_port *port = &model->inputs[i];
    status = copy(m, m->inputs[m->input_places[i]].buffer, port->data, port->value.bytes, LRT_WRITE, port->info.name);
  }
  for (size_t i = 0; i < m->input_count; i++) inputs[i] = m->inputs[i].buffer;
  for (size_t i = 0; i < m->output_count; i++) outputs[i] = m->outputs[i].buffer;
  if (!status)
    status = check(m, lrt.run(m->compiled, m->signature, m->input_count, inputs, m->output_count, outputs), "LiteRT failed to run the model");
  for (uint32_t i = 0; i < model->output_count && !status; i++) status = take_output(m, i);
  return status;
}
