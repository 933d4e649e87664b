#include "work.h"

JSValue edge_work_promise(JSContext *ctx, edge_work *work) {
  work->host = edge_host_of(ctx);
  work->request.data = work;
  JS_ThrowInternalError(ctx, "%s", "");
  JSValue bare = JS_GetException(ctx);
  work->stack = JS_GetPropertyStr(ctx, bare, "stack");
  JS_FreeValue(ctx, bare);
  return edge_deferred_new(ctx, &work->deferred);
}

void edge_work_settle(edge_work *work, JSValue value) {
  JSContext *ctx = work->host->ctx;
  if (JS_IsException(value)) {
    JSValue error = JS_GetException(ctx);
    if (JS_IsError(ctx, error) && JS_IsString(work->stack))
      JS_DefinePropertyValueStr(ctx, error, "stack", JS_DupValue(ctx, work->stack),
                                JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
    JS_Throw(ctx, error);
  }
  edge_deferred_settle(ctx, &work->deferred, value);
  JS_FreeValue(ctx, work->stack);
  work->dispose(work);
}

static void on_run(uv_work_t *request) {
  edge_work *work = request->data;
  work->run(work);
}

static void on_done(uv_work_t *request, int status) {
  edge_work *work = request->data;
  edge_host *host = work->host;
  JSValue value = status ? edge_throw(host->ctx, "ECANCELED", "cancelled") : work->finish(work);
  edge_work_settle(work, value);
  edge_host_pump(host);
}

void edge_work_start(edge_work *work) {
  /* Fails only for a missing callback. */
  uv_queue_work(&work->host->loop, &work->request, on_run, on_done);
}
