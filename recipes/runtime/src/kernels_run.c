#include "kernels_run.h"

#include <stdlib.h>

#include "work.h"

typedef struct {
  edge_work work;
  edge_layer *layer;
  JSValue self;   /* the layer's object: keeps `layer` */
  edge_view input;
  JSValue output; /* the array that is written and given back, when the app gave one */
  edge_view given;
  void *made;     /* the output's memory otherwise: malloc */
  void *workspace;
  edge_status status;
} layer_run;

void *edge_layer_memory(size_t bytes) {
  void *memory;
  return posix_memalign(&memory, EDGE_ALIGNMENT, bytes ? bytes : 1) ? NULL : memory;
}

void edge_layer_free(edge_layer *layer) {
  if (!layer) return;
  free(layer->packed);
  free(layer->workspace);
  free(layer);
}

/* On a pool thread. The input may change meanwhile when the app does what it must not: results change then, no more. */
static void execute(edge_work *work) {
  layer_run *run = (layer_run *)work;
  const edge_layer *layer = run->layer;
  run->status = layer->kernels->run(layer->packed, layer->plan.packed_bytes, run->input.bytes, run->input.len,
                                    run->made ? run->made : run->given.bytes, layer->plan.output_bytes, run->workspace,
                                    layer->plan.workspace_bytes, NULL);
}

static const char *output_class(const edge_conv *conv) {
  if (conv->requant == EDGE_REQUANT_NONE) return "Int32Array";
  return conv->output_signed ? "Int8Array" : "Uint8Array";
}

static JSTypedArrayEnum output_type(const edge_conv *conv) {
  if (conv->requant == EDGE_REQUANT_NONE) return JS_TYPED_ARRAY_INT32;
  return conv->output_signed ? JS_TYPED_ARRAY_INT8 : JS_TYPED_ARRAY_UINT8;
}

static JSValue finish(edge_work *work) {
  layer_run *run = (layer_run *)work;
  JSContext *ctx = work->host->ctx;
  const edge_layer *layer = run->layer;
  if (run->status)
    return edge_throw(ctx, edge_kernels_code(run->status), "%s", layer->kernels->status_text(run->status));
  if (!run->made) return JS_DupValue(ctx, run->output);
  void *made = run->made;
  run->made = NULL;
  return edge_new_array(ctx, edge_new_buffer(ctx, made, layer->plan.output_bytes), output_type(&layer->conv));
}

static void dispose(edge_work *work) {
  layer_run *run = (layer_run *)work;
  JSContext *ctx = work->host->ctx;
  if (run->layer->workspace) free(run->workspace);
  else run->layer->workspace = run->workspace;
  free(run->made);
  JS_FreeValue(ctx, run->input.owner);
  JS_FreeValue(ctx, run->given.owner);
  JS_FreeValue(ctx, run->output);
  JS_FreeValue(ctx, run->self);
  free(run);
}

/* Borrows a whole tensor. */
static int borrow(JSContext *ctx, JSValueConst value, const char *class_name, const char *what, size_t bytes,
                  edge_view *view) {
  edge_view found = {.owner = JS_UNDEFINED};
  if (!edge_is_typed_array(ctx, value, class_name)) {
    edge_throw(ctx, "TYPE", "%s must be a %s", what, class_name);
    return -1;
  }
  if (edge_view_array(ctx, value, class_name, what, &found)) return -1;
  *view = found;
  if (found.len == bytes) return 0;
  edge_throw(ctx, "SIZE", "%s has %zu bytes, the layer's has %zu", what, found.len, bytes);
  return -1;
}

static bool overlap(const edge_view *a, const edge_view *b) {
  const uintptr_t first = (uintptr_t)a->bytes, second = (uintptr_t)b->bytes;
  return first < second + b->len && second < first + a->len;
}

static int prepare(JSContext *ctx, layer_run *run, JSValueConst input, JSValueConst output) {
  edge_layer *layer = run->layer;
  if (borrow(ctx, input, layer->conv.input_signed ? "Int8Array" : "Uint8Array", "input", layer->plan.input_bytes,
             &run->input))
    return -1;
  if (!JS_IsUndefined(output)) {
    if (borrow(ctx, output, output_class(&layer->conv), "output", layer->plan.output_bytes, &run->given)) return -1;
    run->output = JS_DupValue(ctx, output);
    if (overlap(&run->input, &run->given)) {
      edge_throw(ctx, "ARGUMENT", "input and output share memory");
      return -1;
    }
  } else {
    run->made = malloc(layer->plan.output_bytes);
  }
  run->workspace = layer->workspace ? layer->workspace : edge_layer_memory(layer->plan.workspace_bytes);
  layer->workspace = NULL;
  if (run->workspace && (run->made || run->given.bytes)) return 0;
  JS_ThrowOutOfMemory(ctx);
  return -1;
}

JSValue edge_layer_run(JSContext *ctx, edge_layer *layer, JSValueConst self, JSValueConst input, JSValueConst output) {
  layer_run *run = calloc(1, sizeof *run);
  if (!run) return JS_ThrowOutOfMemory(ctx);
  run->layer = layer;
  run->self = JS_DupValue(ctx, self);
  run->input.owner = run->given.owner = run->output = JS_UNDEFINED;
  run->work.run = execute;
  run->work.finish = finish;
  run->work.dispose = dispose;
  JSValue promise = edge_work_promise(ctx, &run->work);
  if (JS_IsException(promise) || prepare(ctx, run, input, output)) edge_work_settle(&run->work, JS_EXCEPTION);
  else edge_work_start(&run->work);
  return promise;
}
