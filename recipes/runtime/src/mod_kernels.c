/* edge:kernels */
#include <stdlib.h>

#include "kernels_layer.h"
#include "kernels_run.h"
#include "work.h"

static JSClassID layer_class;
static edge_kernels kernels;

/* No run can be under way: each holds the object. */
static void finalize(JSRuntime *rt, JSValue value) {
  (void)rt;
  edge_layer_free(JS_GetOpaque(value, layer_class));
}

static const JSClassDef layer_definition = {.class_name = "Layer", .finalizer = finalize};

typedef struct {
  edge_work work;
  edge_layer_source source;
  edge_layer *layer; /* until the object has it */
  edge_status status;
} prepare_work;

/* On a pool thread: packing reads every weight. */
static void pack(edge_work *work) {
  prepare_work *self = (prepare_work *)work;
  self->status = kernels.prepare(&self->source.conv, self->source.variant, &self->source.data, self->layer->packed,
                                 self->layer->plan.packed_bytes);
}

static JSValue fail(JSContext *ctx, edge_status status) {
  return edge_throw(ctx, edge_kernels_code(status), "the layer: %s", kernels.status_text(status));
}

static JSValue shape_of(JSContext *ctx, const edge_layer *layer) {
  const int32_t sides[] = {layer->conv.batch, layer->plan.out_height, layer->plan.out_width, layer->conv.out_channels};
  JSValue shape = JS_NewArray(ctx);
  for (uint32_t i = 0; i < 4 && !JS_IsException(shape); i++) {
    if (JS_DefinePropertyValueUint32(ctx, shape, i, JS_NewInt32(ctx, sides[i]), JS_PROP_C_W_E) >= 0) continue;
    JS_FreeValue(ctx, shape);
    shape = JS_EXCEPTION;
  }
  return shape;
}

static JSValue finish(edge_work *work) {
  prepare_work *self = (prepare_work *)work;
  JSContext *ctx = work->host->ctx;
  edge_layer *layer = self->layer;
  if (self->status) return fail(ctx, self->status);
  JSValue object = JS_NewObjectClass(ctx, (int)layer_class);
  if (JS_IsException(object)) return object;
  JS_SetOpaque(object, layer);
  self->layer = NULL;
  const struct {
    const char *name;
    JSValue value;
  } properties[] = {
      {"shape", shape_of(ctx, layer)},
      {"kernel", JS_NewString(ctx, layer->plan.kernel)},
      {"variant", JS_NewString(ctx, kernels.name((edge_variant)layer->plan.variant))},
      {"packedBytes", JS_NewInt64(ctx, (int64_t)layer->plan.packed_bytes)},
      {"workspaceBytes", JS_NewInt64(ctx, (int64_t)layer->plan.workspace_bytes)},
  };
  bool failed = false;
  for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
    /* Takes the value in any case. */
    if (JS_IsException(properties[i].value) ||
        JS_DefinePropertyValueStr(ctx, object, properties[i].name, properties[i].value, JS_PROP_ENUMERABLE) < 0)
      failed = true;
  }
  if (!failed) return object;
  JS_FreeValue(ctx, object);
  return JS_EXCEPTION;
}

static void dispose(edge_work *work) {
  prepare_work *self = (prepare_work *)work;
  edge_layer_source_free(work->host->ctx, &self->source);
  edge_layer_free(self->layer);
  free(self);
}

/* Reads the description, asks for sizes, allocates. 0 or -1 (thrown). */
static int plan(JSContext *ctx, prepare_work *self, JSValueConst description) {
  if (edge_layer_read(ctx, &kernels, description, &self->source)) return -1;
  edge_layer *layer = self->layer = calloc(1, sizeof *layer);
  if (!layer) {
    JS_ThrowOutOfMemory(ctx);
    return -1;
  }
  layer->kernels = &kernels;
  layer->conv = self->source.conv;
  edge_status status = kernels.plan(&self->source.conv, self->source.variant, &layer->plan);
  /* The kernels take more bytes than they need; for an app that is a wrong shape. */
  if (!status && layer->plan.weight_bytes != self->source.data.weight_bytes) {
    edge_throw(ctx, "SIZE", "weights have %zu bytes, the layer has %zu", self->source.data.weight_bytes,
               layer->plan.weight_bytes);
    return -1;
  }
  if (status) {
    fail(ctx, status);
    return -1;
  }
  layer->packed = edge_layer_memory(layer->plan.packed_bytes);
  if (layer->packed) return 0;
  JS_ThrowOutOfMemory(ctx);
  return -1;
}

static JSValue prepare(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv) {
  (void)this_value;
  prepare_work *self = calloc(1, sizeof *self);
  if (!self) return JS_ThrowOutOfMemory(ctx);
  self->work.run = pack;
  self->work.finish = finish;
  self->work.dispose = dispose;
  JSValue promise = edge_work_promise(ctx, &self->work);
  if (JS_IsException(promise) || plan(ctx, self, argc > 0 ? argv[0] : JS_UNDEFINED))
    edge_work_settle(&self->work, JS_EXCEPTION);
  else edge_work_start(&self->work);
  return promise;
}

static JSValue run(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_layer *layer = JS_GetOpaque2(ctx, self, layer_class);
  if (!layer) return JS_EXCEPTION;
  return edge_layer_run(ctx, layer, self, argc > 0 ? argv[0] : JS_UNDEFINED, argc > 1 ? argv[1] : JS_UNDEFINED);
}

static JSValue variant(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv) {
  (void)this_value, (void)argc, (void)argv;
  return JS_NewString(ctx, kernels.name(kernels.detect()));
}

static const JSCFunctionListEntry layer_functions[] = {
    JS_CFUNC_DEF("run", 2, run),
};

static int init(JSContext *ctx, JSModuleDef *module) {
  char message[512];
  if (!edge_kernels_open(edge_host_of(ctx)->options->kernels_path, &kernels, message, sizeof message)) {
    edge_throw(ctx, "KERNELS", "%s", message);
    return -1;
  }
  JS_NewClassID(&layer_class);
  if (JS_NewClass(JS_GetRuntime(ctx), layer_class, &layer_definition) < 0) return -1;
  JSValue proto = JS_NewObject(ctx);
  JS_SetPropertyFunctionList(ctx, proto, layer_functions, sizeof layer_functions / sizeof *layer_functions);
  JS_SetClassProto(ctx, layer_class, proto);
  if (JS_SetModuleExport(ctx, module, "variant", JS_NewCFunction(ctx, variant, "variant", 0))) return -1;
  return JS_SetModuleExport(ctx, module, "prepare", JS_NewCFunction(ctx, prepare, "prepare", 1));
}

JSModuleDef *edge_module_kernels(JSContext *ctx, const char *name) {
  JSModuleDef *module = JS_NewCModule(ctx, name, init);
  if (!module) return NULL;
  JS_AddModuleExport(ctx, module, "prepare");
  JS_AddModuleExport(ctx, module, "variant");
  return module;
}
