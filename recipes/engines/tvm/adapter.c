/*
 * TVM behind edge_nn.h, through the C interface of its runtime: no exception crosses it.
 *
 * A model is a shared library: machine code for the board's core, the weights, and a program of TVM's virtual machine whose function `main`
 * takes the inputs in the model's order and gives the outputs. Inputs are read where they lie; results are the engine's memory until the next run.
 *
 * Threads are ours (threads.h). TVM's own libraries change two things of the process, which are put right here: they answer SIGSEGV, and
 * compiled models need a function of theirs that is visible in the whole process only.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ffi.h"
#include "nn_model.h"
#include "threads.h"

typedef struct {
  edge_nn_model base; /* first: one pointer serves both */
  ffi_object *library, *machine, *main; /* ours, released by unload */
  threads *pool;                        /* the same */
  ffi_value result;                     /* of the last run; ours, released before the next one */
  /* What inputs are described with to TVM, which may hold a description for as long as the result. */
  dl_managed managed[NN_MAX_PORTS];
  int64_t shapes[NN_MAX_PORTS][EDGE_NN_MAX_RANK];
} tvm_model;

static tvm_model *tvm_of(edge_nn_model *model) { return (tvm_model *)model; }

/* ---- the process ---- */

/* Whether an address is in the library that the interface's functions are in. */
static bool in_ffi(const void *address) {
  Dl_info own, found;
  const void *function; /* ISO C has no cast from a function pointer; POSIX promises that the bytes are the same */
  void (*version)(ffi_version *) = TVMFFIGetVersion;
  memcpy(&function, &version, sizeof function);
  return dladdr(function, &own) && address && dladdr(address, &found) && own.dli_fbase == found.dli_fbase;
}

/* The library answers SIGSEGV as soon as it is loaded, by printing: a crash is the app host's and the build's matter. */
__attribute__((constructor)) static void restore_signal(void) {
  struct sigaction action;
  const void *handler;
  if (sigaction(SIGSEGV, NULL, &action) != 0 || (action.sa_flags & SA_SIGINFO)) return;
  memcpy(&handler, &action.sa_handler, sizeof handler);
  if (in_ffi(handler)) signal(SIGSEGV, SIG_DFL);
}

/* ---- values ---- */

static void release(ffi_value *value) {
  if (value->type >= FFI_OBJECT) TVMFFIObjectDecRef(value->object);
  *value = (ffi_value){0};
}

static ffi_value text_value(const char *text) { return (ffi_value){.type = FFI_RAW_STRING, .string = text}; }
static ffi_value integer_value(int64_t number) { return (ffi_value){.type = FFI_INT, .integer = number}; }
static ffi_value object_value(ffi_object *object) { return (ffi_value){.type = object->type, .object = object}; }

/* Makes TVM's last error the model's; the first line of what it says. */
static edge_nn_status fail(edge_nn_model *model, const char *what) {
  void *raised = NULL;
  TVMFFIErrorMoveFromRaised(&raised);
  if (!raised) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "TVM: %s", what);
  const ffi_error *error = raised;
  const char *end = memchr(error->message.data, '\n', error->message.size);
  const size_t size = end ? (size_t)(end - error->message.data) : error->message.size;
  const edge_nn_status status =
      strncmp(error->kind.data, "MemoryError", error->kind.size) == 0 ? EDGE_NN_ERR_MEMORY : EDGE_NN_ERR_ENGINE;
  nn_model_fail(model, status, "TVM: %s: %.*s", what, (int)(size < NN_ERROR_BYTES ? size : NN_ERROR_BYTES), error->message.data);
  TVMFFIObjectDecRef(raised);
  return status;
}

/* Calls a function; *result is the caller's to release. */
static edge_nn_status call(edge_nn_model *model, void *function, ffi_value *arguments, int count, ffi_value *result,
                           const char *what) {
  *result = (ffi_value){0};
  return TVMFFIFunctionCall(function, arguments, count, result) ? fail(model, what) : EDGE_NN_OK;
}

/* The same, with a function that is registered under a name, and that gives an object of a type, which becomes the caller's. */
static edge_nn_status make(edge_nn_model *model, const char *function, ffi_value *arguments, int count, int32_t type,
                           ffi_object **object) {
  const ffi_bytes name = {.data = function, .size = strlen(function)};
  void *found = NULL; /* ours, released below */
  ffi_value result;
  if (TVMFFIFunctionGetGlobal(&name, &found) || !found) return fail(model, function);
  edge_nn_status status = call(model, found, arguments, count, &result, function);
  TVMFFIObjectDecRef(found);
  if (status) return status;
  if (result.type != type) {
    release(&result);
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "TVM: %s gives no such thing", function);
  }
  *object = result.object;
  return EDGE_NN_OK;
}

/* A function of a module, which becomes the caller's. */
static edge_nn_status function_of(edge_nn_model *model, ffi_object *module, const char *name, ffi_object **function) {
  ffi_value arguments[] = {object_value(module), text_value(name), {.type = FFI_BOOL}};
  if (make(model, "ffi.ModuleGetFunction", arguments, 3, FFI_FUNCTION, function))
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "TVM: the model has no function %s", name);
  return EDGE_NN_OK;
}

/* Calls a function of a module once; *result is the caller's to release. */
static edge_nn_status call_once(edge_nn_model *model, ffi_object *module, const char *name, ffi_value *arguments, int count,
                                ffi_value *result) {
  ffi_object *function = NULL; /* ours, released below */
  edge_nn_status status = function_of(model, module, name, &function);
  if (status) return status;
  status = call(model, function, arguments, count, result, name);
  TVMFFIObjectDecRef(function);
  return status;
}

/* ---- loading ---- */

/* Lets the model's loops run on our threads. A model without such loops has no place for the function. */
static void give_threads(const char *path) {
  void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
  if (!library) return;
  tvm_launch *place = dlsym(library, "__TVMBackendParallelLaunch");
  if (place) *place = threads_launch;
  dlclose(library); /* the engine holds it */
}

static edge_nn_status open_library(tvm_model *m, const char *path) {
  /* Compiled code reports its errors with a function of this library. */
  static const char interface[] = "libtvm_ffi.so";
  void *library = dlopen(interface, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
  if (!library) return nn_model_fail(&m->base, EDGE_NN_ERR_ENGINE, "TVM: %s is not loaded", interface);
  dlclose(library); /* we are linked with it */
  ffi_value argument = text_value(path);
  edge_nn_status status = make(&m->base, "ffi.ModuleLoadFromFile", &argument, 1, FFI_MODULE, &m->library);
  if (!status) give_threads(path);
  return status;
}

/* The virtual machine with the model's program, and its function. */
static edge_nn_status start_machine(tvm_model *m) {
  edge_nn_model *model = &m->base;
  ffi_value result;
  edge_nn_status status = call_once(model, m->library, "vm_load_executable", NULL, 0, &result);
  if (status) return status;
  if (result.type != FFI_MODULE) {
    release(&result);
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "TVM: the model has no program");
  }
  m->machine = result.object;
  /* For the processor, and for what shapes are computed on: the device's type and number, and an allocator that keeps what is freed. */
  const ffi_value device = integer_value(DL_CPU), first = integer_value(0), pooled = integer_value(2);
  ffi_value devices[] = {device, first, pooled, device, first, pooled};
  status = call_once(model, m->machine, "vm_initialization", devices, 6, &result);
  if (status) return status;
  release(&result);
  ffi_value name = text_value("main");
  status = call_once(model, m->machine, "get_function_arity", &name, 1, &result);
  if (status) return status;
  if (result.type != FFI_INT || result.integer != model->input_count)
    return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model has %lld inputs, %u are declared", (long long)result.integer,
                         (unsigned)model->input_count);
  return function_of(model, m->machine, "main", &m->main);
}

edge_nn_status nn_adapter_load(edge_nn_model *model, int count) {
  tvm_model *m = tvm_of(model);
  const char *path = nn_model_file(model, "model");
  if (!path) return EDGE_NN_ERR_MODEL;
  edge_nn_status status = open_library(m, path);
  if (!status) status = start_machine(m);
  if (status) return status;
  m->pool = threads_start(count);
  return m->pool ? EDGE_NN_OK : nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for %d threads", count);
}

void nn_adapter_unload(edge_nn_model *model) {
  tvm_model *m = tvm_of(model);
  release(&m->result);
  ffi_object *const held[] = {m->main, m->machine, m->library};
  for (size_t i = 0; i < sizeof held / sizeof *held; i++)
    if (held[i]) TVMFFIObjectDecRef(held[i]);
  threads_end(m->pool);
}

/* ---- running ---- */

/* DLPack's type of an element. */
static dl_tensor element_of(edge_nn_type type) {
  dl_tensor tensor = {.element = {.code = DL_INT, .bits = (uint8_t)(8 * nn_type_size(type)), .lanes = 1}};
  if (type == EDGE_NN_F32) tensor.element.code = DL_FLOAT;
  if (type == EDGE_NN_U8) tensor.element.code = DL_UINT;
  return tensor;
}

/* Nothing is to be freed: the memory is the port's, the description the model's. */
static void forget(dl_managed *self) { (void)self; }

/* A tensor of TVM's over the input's own memory; the caller's to release. */
static edge_nn_status make_input(edge_nn_model *model, uint32_t index, ffi_value *value) {
  const nn_port *port = &model->inputs[index];
  dl_managed *managed = &tvm_of(model)->managed[index];
  int64_t *shape = tvm_of(model)->shapes[index];
  void *tensor = NULL;
  for (uint32_t i = 0; i < port->value.rank; i++) shape[i] = port->value.shape[i];
  *managed = (dl_managed){.tensor = element_of(port->value.type), .deleter = forget};
  managed->tensor.data = port->data;
  managed->tensor.device.type = DL_CPU;
  managed->tensor.rank = (int32_t)port->value.rank;
  managed->tensor.shape = shape;
  if (TVMFFITensorFromDLPack(managed, 0, 1, &tensor)) return fail(model, port->info.name);
  *value = (ffi_value){.type = FFI_TENSOR, .object = tensor};
  return EDGE_NN_OK;
}

/* Whether these are the bytes of an input: of a model that gives one as it is, or in another shape. */
static bool is_input(const edge_nn_model *model, const void *data) {
  for (uint32_t i = 0; i < model->input_count; i++)
    if (model->inputs[i].data == data) return true;
  return false;
}

static edge_nn_status take_output(edge_nn_model *model, uint32_t index, const ffi_value *value) {
  nn_port *port = &model->outputs[index];
  if (value->type != FFI_TENSOR)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s is no tensor", port->info.name);
  const dl_tensor *tensor = &((const ffi_tensor *)value->object)->tensor;
  const dl_tensor wanted = element_of(port->info.type);
  if (memcmp(&tensor->element, &wanted.element, sizeof wanted.element) != 0)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s is not %s", port->info.name, nn_type_name(port->info.type));
  const char *data = (const char *)tensor->data + tensor->offset;
  const bool copied = is_input(model, data);
  edge_nn_status status = (copied ? nn_model_reserve_output : nn_model_describe_output)(
      model, index, port->info.type, (uint32_t)tensor->rank, tensor->shape);
  if (status) return status;
  if (copied)
    memcpy(port->data, data, port->value.bytes);
  else
    port->value.data = data;
  port->ready = true;
  return EDGE_NN_OK;
}

/* One output is given as it is, several in an array. */
static edge_nn_status take_outputs(tvm_model *m) {
  edge_nn_model *model = &m->base;
  const ffi_array *array = m->result.type == FFI_ARRAY ? (const ffi_array *)m->result.object : NULL;
  const int64_t count = array ? array->count : 1;
  if (count != model->output_count)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "the model gives %lld outputs, %u are declared", (long long)count,
                         (unsigned)model->output_count);
  edge_nn_status status = EDGE_NN_OK;
  for (uint32_t i = 0; i < model->output_count && !status; i++)
    status = take_output(model, i, array ? &array->items[i] : &m->result);
  return status;
}

edge_nn_status nn_adapter_run(edge_nn_model *model) {
  tvm_model *m = tvm_of(model);
  ffi_value inputs[NN_MAX_PORTS] = {0}; /* ours, released below */
  edge_nn_status status = EDGE_NN_OK;
  release(&m->result);
  for (uint32_t i = 0; i < model->input_count && !status; i++)
    status = make_input(model, i, &inputs[i]);
  threads_choose(m->pool);
  if (!status) status = call(model, m->main, inputs, (int)model->input_count, &m->result, "run");
  threads_choose(NULL);
  for (uint32_t i = 0; i < model->input_count; i++) release(&inputs[i]);
  return status ? status : take_outputs(m);
}

/* ---- the engine ---- */

const char nn_adapter_name[] = "tvm";

/* The runtime does not tell its version: the recipe does. */
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
const char *nn_adapter_version(void) { return TEXT(TVM_VERSION); }

size_t nn_adapter_size(void) { return sizeof(tvm_model); }
