#include "nn_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_tensor.h"
#include "work.h"

/* An input tensor in place, an output as a copy: the engine overwrites its own at the next run. */
typedef struct {
  edge_nn_tensor tensor;
  edge_view view; /* input: keeps the JavaScript buffer */
  void *copy;     /* output: malloc, tensor.bytes */
} slot;

struct edge_run {
  edge_work work;
  edge_run *next;
  edge_model *model;
  JSValue self;  /* the model's object: keeps `model` */
  slot *inputs, *outputs;
  edge_nn_status status;
  char message[512];
};

static void fail(edge_run *run, edge_nn_status status) {
  run->status = status;
  snprintf(run->message, sizeof run->message, "%s", run->model->engine->last_error(run->model->model));
}

static void take_output(edge_run *run, uint32_t index) {
  const edge_engine *engine = run->model->engine;
  slot *output = &run->outputs[index];
  edge_nn_status status = engine->get_output(run->model->model, index, &output->tensor);
  if (status) {
    fail(run, status);
    return;
  }
  uint64_t bytes;
  const edge_nn_tensor *tensor = &output->tensor;
  if (!edge_shape_bytes(tensor->shape, tensor->rank, edge_element_size(tensor->type), EDGE_TENSOR_LIMIT, &bytes) ||
      bytes != tensor->bytes) {
    run->status = EDGE_NN_ERR_ENGINE;
    snprintf(run->message, sizeof run->message, "output %u: its shape and its bytes disagree", (unsigned)index);
    return;
  }
  output->copy = malloc(tensor->bytes ? tensor->bytes : 1);
  if (output->copy && tensor->bytes) memcpy(output->copy, tensor->data, tensor->bytes);
  if (!output->copy) run->status = EDGE_NN_ERR_MEMORY;
}

/* On a pool thread; no other run of this model is under way. */
static void execute(edge_work *work) {
  edge_run *run = (edge_run *)work;
  const edge_engine *engine = run->model->engine;
  edge_nn_model *model = run->model->model;
  for (uint32_t i = 0; i < run->model->input_count && !run->status; i++) {
    edge_nn_status status = engine->set_input(model, i, &run->inputs[i].tensor);
    if (status) fail(run, status);
  }
  if (run->status) return;
  edge_nn_status status = engine->run(model);
  if (status) fail(run, status);
  for (uint32_t i = 0; i < run->model->output_count && !run->status; i++) take_output(run, i);
}

static void start_next(edge_model *model) {
  if (model->closing && !model->running && model->model) {
    model->engine->close(model->model);
    model->model = NULL;
  }
  edge_run *run = model->first;
  if (!run || model->running) return;
  model->first = run->next;
  if (!model->first) model->last = &model->first;
  model->running = true;
  edge_work_start(&run->work);
}

static JSValue finish(edge_work *work) {
  edge_run *run = (edge_run *)work;
  edge_model *model = run->model;
  JSContext *ctx = work->host->ctx;
  JSValue result = JS_UNDEFINED;
  if (run->status == EDGE_NN_ERR_MEMORY && !run->message[0]) {
    result = JS_ThrowOutOfMemory(ctx);
  } else if (run->status) {
    result = edge_throw(ctx, edge_status_name(run->status), "%s", run->message);
  } else {
    result = JS_NewObject(ctx);
    for (uint32_t i = 0; i < model->output_count; i++) {
      slot *output = &run->outputs[i];
      JSValue tensor = edge_tensor_make(ctx, &output->tensor, output->copy);
      output->copy = NULL;
      if (JS_IsException(tensor)) {
        JS_FreeValue(ctx, result);
        result = tensor;
        break;
      }
      JS_DefinePropertyValueStr(ctx, result, model->engine->output_info(model->model, i)->name, tensor, JS_PROP_C_W_E);
    }
  }
  model->running = false;
  start_next(model);
  return result;
}

static void dispose(edge_work *work) {
  edge_run *run = (edge_run *)work;
  JSContext *ctx = work->host->ctx;
  for (uint32_t i = 0; run->inputs && i < run->model->input_count; i++) JS_FreeValue(ctx, run->inputs[i].view.owner);
  for (uint32_t i = 0; run->outputs && i < run->model->output_count; i++) free(run->outputs[i].copy);
  free(run->inputs);
  free(run->outputs);
  JS_FreeValue(ctx, run->self);
  free(run);
}

/* Every name in `inputs` must be one of the model's. */
static int check_names(JSContext *ctx, const edge_model *model, JSValueConst inputs) {
  JSPropertyEnum *names;
  uint32_t count;
  int status = 0;
  if (JS_GetOwnPropertyNames(ctx, &names, &count, inputs, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY)) return -1;
  for (uint32_t i = 0; i < count; i++) {
    const char *name = status ? NULL : JS_AtomToCString(ctx, names[i].atom);
    bool known = false;
    for (uint32_t j = 0; name && j < model->input_count; j++)
      known = known || strcmp(name, model->engine->input_info(model->model, j)->name) == 0;
    if (name && !known) {
      edge_throw(ctx, "ARGUMENT", "the model has no input \"%s\"", name);
      status = -1;
    }
    JS_FreeCString(ctx, name);
    JS_FreeAtom(ctx, names[i].atom);
  }
  js_free(ctx, names);
  return status;
}

static int prepare(JSContext *ctx, edge_run *run, JSValueConst inputs) {
  edge_model *model = run->model;
  if (model->closing) {
    edge_throw(ctx, "ARGUMENT", "the model is closed");
    return -1;
  }
  if (!JS_IsObject(inputs)) {
    edge_throw(ctx, "ARGUMENT", "run needs an object with one tensor for each input");
    return -1;
  }
  if (check_names(ctx, model, inputs)) return -1;
  run->inputs = calloc(model->input_count ? model->input_count : 1, sizeof *run->inputs);
  run->outputs = calloc(model->output_count ? model->output_count : 1, sizeof *run->outputs);
  if (!run->inputs || !run->outputs) {
    JS_ThrowOutOfMemory(ctx);
    return -1;
  }
  for (uint32_t i = 0; i < model->input_count; i++) run->inputs[i].view.owner = JS_UNDEFINED;
  for (uint32_t i = 0; i < model->input_count; i++) {
    const edge_nn_tensor_info *info = model->engine->input_info(model->model, i);
    edge_view view = {.owner = JS_UNDEFINED};
    JSValue value = JS_GetPropertyStr(ctx, inputs, info->name);
    int status = JS_IsException(value) ? -1 : edge_tensor_read(ctx, value, info, &run->inputs[i].tensor, &view);
    JS_FreeValue(ctx, value);
    if (status) return -1;
    run->inputs[i].view = view;
  }
  /* A getter of `inputs` may have closed the model. */
  if (!model->closing) return 0;
  edge_throw(ctx, "ARGUMENT", "the model is closed");
  return -1;
}

JSValue edge_model_run(JSContext *ctx, edge_model *model, JSValueConst self, JSValueConst inputs) {
  edge_run *run = calloc(1, sizeof *run);
  if (!run) return JS_ThrowOutOfMemory(ctx);
  run->model = model;
  run->self = JS_DupValue(ctx, self);
  run->work.run = execute;
  run->work.finish = finish;
  run->work.dispose = dispose;
  JSValue promise = edge_work_promise(ctx, &run->work);
  if (JS_IsException(promise) || prepare(ctx, run, inputs)) {
    edge_work_settle(&run->work, JS_EXCEPTION);
    return promise;
  }
  *model->last = run;
  model->last = &run->next;
  start_next(model);
  return promise;
}

void edge_model_close(edge_model *model) {
  if (model->closing) return;
  model->closing = true;
  edge_run *run = model->first;
  model->first = NULL;
  model->last = &model->first;
  while (run) {
    edge_run *next = run->next;
    edge_throw(model->host->ctx, "ARGUMENT", "the model was closed before this run began");
    edge_work_settle(&run->work, JS_EXCEPTION);
    run = next;
  }
  start_next(model);
}
