/* Calls the app's handler; its answer may come at once or from a promise. */
#include <stdlib.h>

#include "error_report.h"
#include "http.h"

static JSClassID exchange_class;

/* What the handler's promise holds of a request; the connection's memory stays as long. */
typedef struct {
  edge_connection *connection;
  uint32_t serial;
} exchange;

static void finalize(JSRuntime *rt, JSValue value) {
  exchange *self = JS_GetOpaque(value, exchange_class);
  (void)rt;
  if (!self) return;
  edge_connection_release(self->connection);
  free(self);
}

static const JSClassDef exchange_definition = {.class_name = "Exchange", .finalizer = finalize};

static JSValue make_exchange(JSContext *ctx, edge_connection *connection) {
  exchange *self = malloc(sizeof *self);
  JSValue object = self ? JS_NewObjectClass(ctx, (int)exchange_class) : JS_ThrowOutOfMemory(ctx);
  if (JS_IsException(object)) {
    free(self);
    return object;
  }
  self->connection = connection;
  self->serial = connection->serial;
  connection->refs++;
  JS_SetOpaque(object, self);
  return object;
}

/* Answers 500 and reports the pending exception. */
static void fail(JSContext *ctx, edge_connection *connection) {
  JSValue error = JS_GetException(ctx);
  edge_error_report(edge_host_of(ctx), error);
  JS_FreeValue(ctx, error);
  edge_respond_error(connection, 500);
}

static JSValue on_settled(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv, int failed,
                          JSValue *data) {
  exchange *self = JS_GetOpaque(data[0], exchange_class);
  JSValueConst value = argc > 0 ? argv[0] : JS_UNDEFINED;
  (void)this_value;
  edge_connection *connection = self->connection;
  bool gone = connection->state != HTTP_HANDLING || connection->serial != self->serial;
  if (failed) JS_Throw(ctx, JS_DupValue(ctx, value));
  if (gone) {
    /* The client has left; an error of the handler is told all the same. */
    if (!failed) return JS_UNDEFINED;
    JSValue error = JS_GetException(ctx);
    edge_error_report(edge_host_of(ctx), error);
    JS_FreeValue(ctx, error);
    return JS_UNDEFINED;
  }
  if (failed || edge_respond_js(ctx, connection, value)) fail(ctx, connection);
  return JS_UNDEFINED;
}

/* Promise.resolve(result).then(done, failed). -1 (thrown) when that cannot be set up. */
static int wait_for(JSContext *ctx, edge_connection *connection, JSValue result) {
  edge_deferred deferred;
  JSValue promise = edge_deferred_new(ctx, &deferred);
  if (JS_IsException(promise)) {
    JS_FreeValue(ctx, result);
    return -1;
  }
  edge_deferred_settle(ctx, &deferred, result);
  JSValue object = make_exchange(ctx, connection);
  JSValue next = JS_EXCEPTION;
  if (!JS_IsException(object)) {
    JSValue handlers[2] = {JS_NewCFunctionData(ctx, on_settled, 1, 0, 1, (JSValueConst *)&object),
                           JS_NewCFunctionData(ctx, on_settled, 1, 1, 1, (JSValueConst *)&object)};
    JSAtom then = JS_NewAtom(ctx, "then");
    next = JS_Invoke(ctx, promise, then, 2, (JSValueConst *)handlers);
    JS_FreeAtom(ctx, then);
    JS_FreeValue(ctx, handlers[0]);
    JS_FreeValue(ctx, handlers[1]);
    JS_FreeValue(ctx, object);
  }
  JS_FreeValue(ctx, promise);
  if (JS_IsException(next)) return -1;
  JS_FreeValue(ctx, next);
  return 0;
}

void edge_handle(edge_connection *connection) {
  edge_host *host = connection->server->host;
  JSContext *ctx = host->ctx;
  connection->serial++;
  JSValue request = edge_request_make(ctx, connection);
  if (JS_IsUndefined(request)) {
    edge_respond_error(connection, 400);
    return;
  }
  if (JS_IsException(request)) {
    fail(ctx, connection);
    return;
  }
  JSValue handler = JS_DupValue(ctx, connection->server->handler);
  JSValue result = JS_Call(ctx, handler, JS_UNDEFINED, 1, (JSValueConst *)&request);
  JS_FreeValue(ctx, handler);
  JS_FreeValue(ctx, request);
  /* A thrown error goes the same way as a rejected promise. */
  if (wait_for(ctx, connection, result)) fail(ctx, connection);
}

int edge_handler_init(JSContext *ctx) {
  JS_NewClassID(&exchange_class);
  return JS_NewClass(JS_GetRuntime(ctx), exchange_class, &exchange_definition);
}
