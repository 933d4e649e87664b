/* edge:fs: each call is one piece of work on the thread pool. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fs_ops.h"
#include "work.h"

#define READ_LIMIT ((size_t)256 << 20)

enum { READ_FILE, READ_TEXT, WRITE_FILE, LIST, STAT, REMOVE, MKDIR };
static const char *const verbs[] = {"read", "read", "write", "list", "stat", "remove", "mkdir"};

typedef struct {
  edge_work work;
  int kind, error;
  char path[PATH_MAX], shown[PATH_MAX]; /* the file's, and the app's word for it */
  edge_view data;      /* WRITE_FILE: kept alive until the end */
  edge_buf content;    /* READ_*: owned */
  char **names;        /* LIST: owned */
  size_t count;
  edge_fs_info info;
} fs_work;

static void run(edge_work *work) {
  fs_work *self = (fs_work *)work;
  switch (self->kind) {
    case READ_FILE:
    case READ_TEXT: self->error = edge_read_file(self->path, READ_LIMIT, &self->content); break;
    case WRITE_FILE: self->error = edge_fs_write(self->path, self->data.bytes, self->data.len); break;
    case LIST: self->error = edge_fs_list(self->path, &self->names, &self->count); break;
    case STAT: self->error = edge_fs_stat(self->path, &self->info); break;
    case REMOVE: self->error = edge_fs_remove(self->path); break;
    case MKDIR: self->error = edge_fs_mkdir(self->path); break;
  }
}

static JSValue throw_errno(JSContext *ctx, int error, int kind, const char *path) {
  const char *code = strerrorname_np(error);
  return edge_throw(ctx, code ? code : "EIO", "%s: %s, %s '%s'", code ? code : "EIO", strerror(error), verbs[kind], path);
}

static JSValue take_content(JSContext *ctx, fs_work *self) {
  if (self->kind == READ_TEXT)
    return edge_new_text(ctx, (const uint8_t *)self->content.data, self->content.len, true);
  JSValue buffer = self->content.len ? edge_new_buffer(ctx, self->content.data, self->content.len)
                                     : JS_NewArrayBufferCopy(ctx, NULL, 0);
  if (self->content.len) memset(&self->content, 0, sizeof self->content);
  return buffer;
}

static JSValue make_names(JSContext *ctx, const fs_work *self) {
  JSValue list = JS_NewArray(ctx);
  for (size_t i = 0; i < self->count; i++)
    JS_SetPropertyUint32(ctx, list, (uint32_t)i,
                         edge_new_text(ctx, (const uint8_t *)self->names[i], strlen(self->names[i]), false));
  return list;
}

static JSValue make_info(JSContext *ctx, const fs_work *self) {
  JSValue info = JS_NewObject(ctx);
  JS_SetPropertyStr(ctx, info, "size", JS_NewInt64(ctx, self->info.size));
  JS_SetPropertyStr(ctx, info, "directory", JS_NewBool(ctx, self->info.directory));
  JS_SetPropertyStr(ctx, info, "modifiedMs", JS_NewFloat64(ctx, self->info.modified_ms));
  return info;
}

static JSValue finish(edge_work *work) {
  fs_work *self = (fs_work *)work;
  JSContext *ctx = work->host->ctx;
  if (self->error) return throw_errno(ctx, self->error, self->kind, self->shown);
  switch (self->kind) {
    case READ_FILE:
    case READ_TEXT: return take_content(ctx, self);
    case LIST: return make_names(ctx, self);
    case STAT: return make_info(ctx, self);
    default: return JS_UNDEFINED;
  }
}

static void dispose(edge_work *work) {
  fs_work *self = (fs_work *)work;
  JS_FreeValue(work->host->ctx, self->data.owner);
  edge_buf_free(&self->content);
  edge_fs_free_names(self->names, self->count);
  free(self);
}

/* Reads the arguments into `self`. 0 or -1 (thrown). */
static int prepare(JSContext *ctx, fs_work *self, int argc, JSValueConst *argv) {
  const edge_options *options = edge_host_of(ctx)->options;
  size_t len;
  if (argc < 1 || !JS_IsString(argv[0])) {
    JS_ThrowTypeError(ctx, "path must be a string");
    return -1;
  }
  const char *path = JS_ToCStringLen(ctx, &len, argv[0]);
  if (!path) return -1;
  bool ok = edge_fs_resolve("/app", path, len, self->shown);
  if (ok) {
    strcpy(self->path, self->shown);
    ok = edge_fs_relocate(options, self->path);
  }
  JS_FreeCString(ctx, path);
  if (!ok) {
    edge_throw(ctx, "EINVAL", "EINVAL: not a path, %s", verbs[self->kind]);
    return -1;
  }
  bool writes = self->kind == WRITE_FILE || self->kind == REMOVE || self->kind == MKDIR;
  if (writes && !edge_fs_writable(options, self->path)) {
    edge_buf folders = {0};
    for (int i = 0; i < options->writable_count; i++)
      edge_buf_printf(&folders, "%s%s", i ? ", " : "", options->writable[i]);
    edge_throw(ctx, "EACCES", "EACCES: only %s and below can be written, %s '%s'", folders.failed ? "" : folders.data,
               verbs[self->kind], self->shown);
    edge_buf_free(&folders);
    return -1;
  }
  return self->kind == WRITE_FILE ? edge_view_data(ctx, argc > 1 ? argv[1] : JS_UNDEFINED, "data", &self->data) : 0;
}

static JSValue start(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv, int kind) {
  (void)this_value;
  fs_work *self = calloc(1, sizeof *self);
  if (!self) return JS_ThrowOutOfMemory(ctx);
  self->kind = kind;
  self->data.owner = JS_UNDEFINED;
  self->work.run = run;
  self->work.finish = finish;
  self->work.dispose = dispose;
  JSValue promise = edge_work_promise(ctx, &self->work);
  if (JS_IsException(promise) || prepare(ctx, self, argc, argv)) edge_work_settle(&self->work, JS_EXCEPTION);
  else edge_work_start(&self->work);
  return promise;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_MAGIC_DEF("readFile", 1, start, READ_FILE),   JS_CFUNC_MAGIC_DEF("readText", 1, start, READ_TEXT),
    JS_CFUNC_MAGIC_DEF("writeFile", 2, start, WRITE_FILE), JS_CFUNC_MAGIC_DEF("list", 1, start, LIST),
    JS_CFUNC_MAGIC_DEF("stat", 1, start, STAT),            JS_CFUNC_MAGIC_DEF("remove", 1, start, REMOVE),
    JS_CFUNC_MAGIC_DEF("mkdir", 1, start, MKDIR),
};
#define FUNCTION_COUNT (int)(sizeof functions / sizeof *functions)

static int init(JSContext *ctx, JSModuleDef *module) {
  return JS_SetModuleExportList(ctx, module, functions, FUNCTION_COUNT);
}

JSModuleDef *edge_module_fs(JSContext *ctx, const char *name) {
  JSModuleDef *module = JS_NewCModule(ctx, name, init);
  if (module) JS_AddModuleExportList(ctx, module, functions, FUNCTION_COUNT);
  return module;
}
