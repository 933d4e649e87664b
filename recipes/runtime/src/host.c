#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytecode.h"
#include "bytecode_write.h"
#include "error_report.h"
#include "js_util.h"

/* Node uses 13 for a top-level await that can never end. */
#define EXIT_UNSETTLED 13

void edge_host_fail(edge_host *host) {
  JSValue error = JS_GetException(host->ctx);
  edge_error_report(host, error);
  _exit(1);
}

void edge_host_pump(edge_host *host) {
  JSContext *job_ctx;
  for (;;) {
    int status;
    while ((status = JS_ExecutePendingJob(host->rt, &job_ctx)) > 0) continue;
    if (status < 0) edge_host_fail(host);
    if (edge_rejections_throw(host)) edge_host_fail(host);
    return;
  }
}

void edge_host_call(edge_host *host, JSValueConst function, int argc, JSValueConst *argv) {
  JSValue result = JS_Call(host->ctx, function, JS_UNDEFINED, argc, argv);
  if (JS_IsException(result)) edge_host_fail(host);
  JS_FreeValue(host->ctx, result);
  edge_host_pump(host);
}

/* Keeps the getter that tells a typed array's class, before the app can change anything. */
static bool find_array_tag(edge_host *host) {
  static const char source[] =
      "Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get";
  host->array_tag = JS_Eval(host->ctx, source, sizeof source - 1, "edge-run", JS_EVAL_TYPE_GLOBAL);
  return JS_IsFunction(host->ctx, host->array_tag);
}

static bool add_globals(edge_host *host) {
  JSValue global = JS_GetGlobalObject(host->ctx);
  bool ok = find_array_tag(host) && edge_console_init(host->ctx, global) == 0 &&
            edge_timers_init(host->ctx, global) == 0 && edge_text_init(host->ctx, global) == 0 &&
            edge_crypto_init(host->ctx, global) == 0 && edge_clone_init(host->ctx, global) == 0;
  JS_FreeValue(host->ctx, global);
  return ok;
}

bool edge_host_open(edge_host *host, const edge_options *options) {
  memset(host, 0, sizeof *host);
  host->options = options;
  host->array_tag = JS_UNDEFINED;
  host->start_ns = uv_hrtime();
  if (uv_loop_init(&host->loop)) {
    fprintf(stderr, "edge-run: cannot make an event loop\n");
    return false;
  }
  host->rt = JS_NewRuntime();
  host->ctx = host->rt ? JS_NewContext(host->rt) : NULL;
  if (!host->ctx) {
    fprintf(stderr, "edge-run: out of memory\n");
    return false;
  }
  JS_SetContextOpaque(host->ctx, host);
  edge_bytecode_setup(host->rt);
  JS_SetMaxStackSize(host->rt, options->stack_limit);
  JS_SetModuleLoaderFunc(host->rt, NULL, edge_module_load, NULL);
  edge_rejections_init(host);
  if (!edge_shutdown_init(host) || !add_globals(host)) {
    fprintf(stderr, "edge-run: cannot start\n");
    return false;
  }
  JS_SetMemoryLimit(host->rt, options->memory_limit ? options->memory_limit : (size_t)-1);
  return true;
}

void edge_host_close(edge_host *host) {
  edge_timers_close(host);
  edge_shutdown_close(host);
  edge_rejections_close(host);
  JS_FreeValue(host->ctx, host->array_tag);
  JS_FreeContext(host->ctx);
  JS_FreeRuntime(host->rt);
  uv_run(&host->loop, UV_RUN_DEFAULT);
  uv_loop_close(&host->loop);
  edge_source_map_free(host->map);
}

/* Starts the module: the promise of its evaluation. */
static JSValue start_bundle(edge_host *host) {
  edge_buf path = {0};
  if (host->options->bundle) edge_buf_str(&path, host->options->bundle);
  else edge_buf_printf(&path, "%s/main.qjb", host->options->app_dir);
  JSValue module = path.failed ? JS_ThrowOutOfMemory(host->ctx) : edge_bundle_read(host->ctx, path.data);
  edge_buf_free(&path);
  if (JS_IsException(module)) return module;
  if (JS_ResolveModule(host->ctx, module) < 0) {
    JS_FreeValue(host->ctx, module);
    return JS_EXCEPTION;
  }
  return JS_EvalFunction(host->ctx, module);
}

int edge_host_run(edge_host *host) {
  JSValue promise = start_bundle(host);
  if (JS_IsException(promise)) edge_host_fail(host);
  edge_host_pump(host);
  uv_run(&host->loop, UV_RUN_DEFAULT);
  bool unsettled = JS_PromiseState(host->ctx, promise) == JS_PROMISE_PENDING;
  JS_FreeValue(host->ctx, promise);
  if (host->shutdown_pending) return 0;
  if (!unsettled) return 0;
  edge_error_plain("the app waits for something that can no longer happen (top-level await)");
  return EXIT_UNSETTLED;
}
