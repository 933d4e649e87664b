/* edge:nn */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "milestone.h"
#include "nn_engine.h"
#include "nn_run.h"
#include "nn_tensor.h"
#include "work.h"

#define THREADS_LIMIT 64
#define NAME_LIMIT 64

static JSClassID model_class;
static edge_engine engine;

/* No run can be under way: each holds the object. During the runtime's end runs that wait are gone as well. */
static void finalize(JSRuntime *rt, JSValue value) {
  edge_model *model = JS_GetOpaque(value, model_class);
  (void)rt;
  if (!model) return;
  if (model->model) engine.close(model->model);
  free(model->name);
  free(model);
}

static const JSClassDef model_definition = {.class_name = "Model", .finalizer = finalize};

typedef struct {
  edge_work work;
  char *name; /* owned, until the model has it */
  edge_buf dir, cache;
  int threads;
  edge_nn_model *model;
  edge_nn_status status;
  uint64_t ns;
  char message[512];
} load_work;

/* Milestones of a model whose engine prepares it on the board; on the thread that opens or runs it, one whole line each. */
static void tell(const char *milestone, const char *model, const char *key, const char *why, int percent) {
  edge_buf fields = {0};
  edge_buf_str(&fields, "\"model\":");
  edge_buf_json(&fields, model, strlen(model));
  edge_buf_printf(&fields, ",\"%s\":", key);
  if (why) edge_buf_json(&fields, why, strlen(why));
  else edge_buf_printf(&fields, "%d", percent);
  if (!fields.failed) edge_milestone(milestone, "%s", fields.data);
  edge_buf_free(&fields);
}

static void tell_progress(void *name, int percent) { tell("model-preparing", name, "percent", NULL, percent); }

static void tell_not_kept(void *name, const char *why) { tell("model-not-kept", name, "message", why, 0); }

static void open_model(edge_work *work) {
  load_work *self = (load_work *)work;
  struct stat info;
  uint64_t start = uv_hrtime();
  if (stat(self->dir.data, &info) != 0 || !S_ISDIR(info.st_mode)) {
    self->status = EDGE_NN_ERR_MODEL;
    snprintf(self->message, sizeof self->message, "there is no model \"%s\": no folder %s", self->name, self->dir.data);
    return;
  }
  const edge_nn_options options = {self->threads, self->cache.data, tell_progress, tell_not_kept, self->name};
  self->status = engine.open(self->dir.data, &options, &self->model);
  /* The engine keeps this message per thread: only here is it ours. */
  if (self->status)
    snprintf(self->message, sizeof self->message, "cannot load \"%s\": %s", self->name, engine.last_error(NULL));
  self->ns = uv_hrtime() - start;
}

static JSValue run(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_model *model = JS_GetOpaque2(ctx, self, model_class);
  if (!model) return JS_EXCEPTION;
  return edge_model_run(ctx, model, self, argc > 0 ? argv[0] : JS_UNDEFINED);
}

/* The input of this name; NULL, thrown, when there is none or the model is closed. */
static const edge_nn_tensor_info *input_named(JSContext *ctx, const edge_model *model, const char *name) {
  if (!model->model) return edge_throw(ctx, "ARGUMENT", "the model is closed"), NULL;
  for (uint32_t i = 0; i < model->input_count; i++) {
    const edge_nn_tensor_info *info = engine.input_info(model->model, i);
    if (info && strcmp(info->name, name) == 0) return info;
  }
  edge_throw(ctx, "ARGUMENT", "the model has no input \"%s\"", name);
  return NULL;
}

static JSValue fit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_model *model = JS_GetOpaque2(ctx, self, model_class);
  uint32_t rank;
  int32_t wanted[EDGE_NN_MAX_RANK], shape[EDGE_NN_MAX_RANK];
  if (!model) return JS_EXCEPTION;
  if (argc < 2 || !JS_IsString(argv[0])) return edge_throw(ctx, "ARGUMENT", "fit takes an input's name and a shape");
  const char *name = JS_ToCString(ctx, argv[0]);
  if (!name) return JS_EXCEPTION;
  const edge_nn_tensor_info *info = input_named(ctx, model, name);
  bool bad = !info || edge_shape_read(ctx, argv[1], name, &rank, wanted);
  JS_FreeCString(ctx, name);
  if (bad) return JS_EXCEPTION;
  if (rank != info->rank)
    return edge_throw(ctx, "SHAPE", "input \"%s\" has %u dimensions, not %u", info->name, info->rank, rank);
  edge_tensor_fit(info, wanted, shape);
  return edge_shape_make(ctx, rank, shape);
}

static JSValue close_model(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_model *model = JS_GetOpaque2(ctx, self, model_class);
  (void)argc, (void)argv;
  if (!model) return JS_EXCEPTION;
  edge_model_close(model);
  return JS_UNDEFINED;
}

static const JSCFunctionListEntry model_functions[] = {
    JS_CFUNC_DEF("run", 1, run),
    JS_CFUNC_DEF("fit", 2, fit),
    JS_CFUNC_DEF("close", 0, close_model),
};

static void add_milestone(const load_work *self) {
  edge_buf fields = {0};
  edge_buf_str(&fields, "\"model\":");
  edge_buf_json(&fields, self->name, strlen(self->name));
  edge_buf_str(&fields, ",\"engine\":");
  edge_buf_json(&fields, engine.name, strlen(engine.name));
  edge_buf_str(&fields, ",\"version\":");
  edge_buf_json(&fields, engine.version, strlen(engine.version));
  edge_buf_printf(&fields, ",\"ms\":%llu", (unsigned long long)(self->ns / 1000000));
  if (!fields.failed) edge_milestone("model-loaded", "%s", fields.data);
  edge_buf_free(&fields);
}

static JSValue finish(edge_work *work) {
  load_work *self = (load_work *)work;
  JSContext *ctx = work->host->ctx;
  if (self->status) return edge_throw(ctx, edge_status_name(self->status), "%s", self->message);
  edge_model *model = calloc(1, sizeof *model);
  JSValue object = model ? JS_NewObjectClass(ctx, (int)model_class) : JS_ThrowOutOfMemory(ctx);
  if (JS_IsException(object)) {
    free(model);
    return object;
  }
  model->host = work->host;
  model->engine = &engine;
  model->model = self->model;
  self->model = NULL;
  model->last = &model->first;
  model->input_count = engine.input_count(model->model);
  model->output_count = engine.output_count(model->model);
  JS_SetOpaque(object, model);
  JS_DefinePropertyValueStr(ctx, object, "name", JS_NewString(ctx, self->name), JS_PROP_ENUMERABLE);
  JS_DefinePropertyValueStr(ctx, object, "inputs", edge_tensor_infos(ctx, &engine, model->model, false),
                            JS_PROP_ENUMERABLE);
  JS_DefinePropertyValueStr(ctx, object, "outputs", edge_tensor_infos(ctx, &engine, model->model, true),
                            JS_PROP_ENUMERABLE);
  add_milestone(self);
  model->name = self->name;
  self->name = NULL;
  return object;
}

static void dispose(edge_work *work) {
  load_work *self = (load_work *)work;
  if (self->model) engine.close(self->model);
  edge_buf_free(&self->dir);
  edge_buf_free(&self->cache);
  free(self->name);
  free(self);
}

/* A model's name is the name of a folder, never a path. */
static bool valid_name(const char *name, size_t len) {
  if (len < 1 || len > NAME_LIMIT || name[0] == '.') return false;
  for (size_t i = 0; i < len; i++) {
    char c = name[i];
    bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!ok) return false;
  }
  return true;
}

static int prepare(JSContext *ctx, load_work *self, int argc, JSValueConst *argv) {
  static const char *const known[] = {"threads", NULL};
  size_t len = 0;
  const char *name = argc > 0 && JS_IsString(argv[0]) ? JS_ToCStringLen(ctx, &len, argv[0]) : NULL;
  bool ok = name && valid_name(name, len);
  if (ok) self->name = strdup(name);
  JS_FreeCString(ctx, name);
  if (!ok) {
    edge_throw(ctx, "ARGUMENT", "a model's name has letters, digits, \".\", \"_\" and \"-\" only, at most %d", NAME_LIMIT);
    return -1;
  }
  int64_t threads = (int64_t)uv_available_parallelism();
  if (argc > 1 && !JS_IsUndefined(argv[1]) &&
      (edge_check_keys(ctx, argv[1], "load's options", known) ||
       edge_get_int(ctx, argv[1], "threads", true, 1, THREADS_LIMIT, &threads)))
    return -1;
  self->threads = (int)(threads > THREADS_LIMIT ? THREADS_LIMIT : threads);
  const edge_options *folders = edge_host_of(ctx)->options;
  edge_buf_printf(&self->dir, "%s/%s", folders->models_dir, self->name ? self->name : "");
  /* In the app's own folder, which its user may write to. */
  edge_buf_printf(&self->cache, "%s/app/.cache/edgeimg/%s", folders->data_dir, self->name ? self->name : "");
  if (self->name && !self->dir.failed && !self->cache.failed) return 0;
  JS_ThrowOutOfMemory(ctx);
  return -1;
}

static JSValue load(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv) {
  (void)this_value;
  load_work *self = calloc(1, sizeof *self);
  if (!self) return JS_ThrowOutOfMemory(ctx);
  self->work.run = open_model;
  self->work.finish = finish;
  self->work.dispose = dispose;
  JSValue promise = edge_work_promise(ctx, &self->work);
  if (JS_IsException(promise) || prepare(ctx, self, argc, argv)) edge_work_settle(&self->work, JS_EXCEPTION);
  else edge_work_start(&self->work);
  return promise;
}

static int init(JSContext *ctx, JSModuleDef *module) {
  char message[512];
  if (!edge_engine_open(edge_host_of(ctx)->options->engine_path, &engine, message, sizeof message)) {
    edge_throw(ctx, "ENGINE", "%s", message);
    return -1;
  }
  JS_NewClassID(&model_class);
  if (JS_NewClass(JS_GetRuntime(ctx), model_class, &model_definition) < 0) return -1;
  JSValue proto = JS_NewObject(ctx);
  JS_SetPropertyFunctionList(ctx, proto, model_functions, sizeof model_functions / sizeof *model_functions);
  JS_SetClassProto(ctx, model_class, proto);
  JSValue about = JS_NewObject(ctx);
  JS_DefinePropertyValueStr(ctx, about, "name", JS_NewString(ctx, engine.name), JS_PROP_ENUMERABLE);
  JS_DefinePropertyValueStr(ctx, about, "version", JS_NewString(ctx, engine.version), JS_PROP_ENUMERABLE);
  if (JS_SetModuleExport(ctx, module, "engine", about)) return -1;
  return JS_SetModuleExport(ctx, module, "load", JS_NewCFunction(ctx, load, "load", 2));
}

JSModuleDef *edge_module_nn(JSContext *ctx, const char *name) {
  JSModuleDef *module = JS_NewCModule(ctx, name, init);
  if (!module) return NULL;
  JS_AddModuleExport(ctx, module, "load");
  JS_AddModuleExport(ctx, module, "engine");
  return module;
}
