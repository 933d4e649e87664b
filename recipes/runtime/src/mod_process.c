/* edge:process */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "js_util.h"
#include "milestone.h"

extern char **environ;

static JSValue process_exit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int64_t code = 0;
  (void)self;
  if (argc > 0 && !JS_IsUndefined(argv[0]) && edge_to_int(ctx, argv[0], "code", 0, 255, &code)) return JS_EXCEPTION;
  _exit((int)code);
}

static JSValue process_report(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  if (argc < 1 || !JS_IsString(argv[0])) return JS_ThrowTypeError(ctx, "report needs the milestone's name");
  return edge_milestone_js(ctx, argv[0], argc > 1 ? argv[1] : JS_UNDEFINED) ? JS_EXCEPTION : JS_UNDEFINED;
}

static JSValue process_memory(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  size_t rss = 0;
  (void)self, (void)argc, (void)argv;
  uv_resident_set_memory(&rss);
  JSValue result = JS_NewObject(ctx);
  if (JS_IsException(result)) return result;
  JS_SetPropertyStr(ctx, result, "rss", JS_NewInt64(ctx, (int64_t)rss));
  JS_SetPropertyStr(ctx, result, "total", JS_NewInt64(ctx, (int64_t)uv_get_total_memory()));
  JS_SetPropertyStr(ctx, result, "free", JS_NewInt64(ctx, (int64_t)uv_get_available_memory()));
  return result;
}

static JSValue on_shutdown(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  return edge_shutdown_add(edge_host_of(ctx), argc > 0 ? argv[0] : JS_UNDEFINED) ? JS_EXCEPTION : JS_UNDEFINED;
}

/* Sets env[KEY] from "KEY=VALUE". Lines without a key are left out. */
static void set_variable(JSContext *ctx, JSValueConst env, const char *line, size_t len) {
  const char *equals = memchr(line, '=', len);
  if (!equals || equals == line) return;
  size_t key_len = (size_t)(equals - line);
  JSAtom key = JS_NewAtomLen(ctx, line, key_len);
  JS_DefinePropertyValue(ctx, env, key, edge_new_text(ctx, (const uint8_t *)equals + 1, len - key_len - 1, false),
                         JS_PROP_C_W_E);
  JS_FreeAtom(ctx, key);
}

/* The process's environment, which holds the lines of the env file (main.c). */
static JSValue make_env(JSContext *ctx) {
  JSValue env = JS_NewObjectProto(ctx, JS_NULL);
  if (JS_IsException(env)) return env;
  for (char **item = environ; *item; item++) set_variable(ctx, env, *item, strlen(*item));
  return env;
}

static JSValue make_args(JSContext *ctx) {
  char **args = edge_host_of(ctx)->options->args;
  JSValue list = JS_NewArray(ctx);
  for (uint32_t i = 0; args[i]; i++)
    JS_SetPropertyUint32(ctx, list, i, edge_new_text(ctx, (const uint8_t *)args[i], strlen(args[i]), false));
  return list;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("exit", 1, process_exit),
    JS_CFUNC_DEF("report", 2, process_report),
    JS_CFUNC_DEF("memory", 0, process_memory),
    JS_CFUNC_DEF("onShutdown", 1, on_shutdown),
};
#define FUNCTION_COUNT (int)(sizeof functions / sizeof *functions)

static int init(JSContext *ctx, JSModuleDef *module) {
  JSValue env = make_env(ctx);
  if (JS_IsException(env)) return -1;
  /* The image's build writes EDGEIMG_BOARD into the app's environment. */
  JSValue board = JS_GetPropertyStr(ctx, env, "EDGEIMG_BOARD");
  if (JS_IsUndefined(board)) board = JS_NewString(ctx, "unknown");
  if (JS_SetModuleExport(ctx, module, "env", env) || JS_SetModuleExport(ctx, module, "board", board)) return -1;
  if (JS_SetModuleExport(ctx, module, "args", make_args(ctx))) return -1;
  return JS_SetModuleExportList(ctx, module, functions, FUNCTION_COUNT);
}

JSModuleDef *edge_module_process(JSContext *ctx, const char *name) {
  JSModuleDef *module = JS_NewCModule(ctx, name, init);
  if (!module) return NULL;
  JS_AddModuleExport(ctx, module, "args");
  JS_AddModuleExport(ctx, module, "env");
  JS_AddModuleExport(ctx, module, "board");
  JS_AddModuleExportList(ctx, module, functions, FUNCTION_COUNT);
  return module;
}
