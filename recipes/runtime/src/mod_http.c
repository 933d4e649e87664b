/* edge:http */
#include <stdlib.h>

#include "http.h"
#include "milestone.h"

#define DEFAULT_BODY ((int64_t)8 << 20)
#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_CONNECTIONS 64
#define BODY_LIMIT ((int64_t)256 << 20)
#define BODIES_LIMIT ((int64_t)1 << 30)
#define TIMEOUT_LIMIT_MS 3600000
#define CONNECTIONS_LIMIT 1024

static JSClassID server_class;

static void finalize(JSRuntime *rt, JSValue value) {
  edge_server *server = JS_GetOpaque(value, server_class);
  (void)rt;
  if (server) edge_server_release(server);
}

static const JSClassDef server_definition = {.class_name = "Server", .finalizer = finalize};

static JSValue close_server(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_server *server = JS_GetOpaque2(ctx, self, server_class);
  (void)argc, (void)argv;
  if (!server) return JS_EXCEPTION;
  edge_server_close(server);
  return JS_UNDEFINED;
}

static int read_options(JSContext *ctx, JSValueConst options, edge_server *server, int64_t *port) {
  static const char *const known[] = {"port",           "host",           "maxBodyBytes",           "maxBodiesBytes",
                                      "requestTimeoutMs", "maxConnections", "maxConnectionsPerClient", NULL};
  if (!JS_IsObject(options)) {
    JS_ThrowTypeError(ctx, "serve needs options with a port");
    return -1;
  }
  if (edge_check_keys(ctx, options, "serve's options", known)) return -1;
  server->max_body = DEFAULT_BODY;
  server->timeout_ms = DEFAULT_TIMEOUT_MS;
  server->max_connections = DEFAULT_CONNECTIONS;
  if (edge_get_int(ctx, options, "port", false, 0, 65535, port)) return -1;
  if (edge_get_int(ctx, options, "maxBodyBytes", true, 0, BODY_LIMIT, &server->max_body)) return -1;
  if (edge_get_int(ctx, options, "requestTimeoutMs", true, 10, TIMEOUT_LIMIT_MS, &server->timeout_ms)) return -1;
  if (edge_get_int(ctx, options, "maxConnections", true, 1, CONNECTIONS_LIMIT, &server->max_connections)) return -1;
  server->max_per_client = (server->max_connections * 3 + 3) / 4;
  if (edge_get_int(ctx, options, "maxConnectionsPerClient", true, 1, CONNECTIONS_LIMIT, &server->max_per_client))
    return -1;
  /* Of a container too: the smaller one counts. 0 is "no limit" or "unknown". */
  uint64_t memory = uv_get_total_memory(), constrained = uv_get_constrained_memory();
  if (constrained && constrained < memory) memory = constrained;
  server->max_bodies = (int64_t)(memory / 4 < BODIES_LIMIT ? memory / 4 : BODIES_LIMIT);
  return edge_get_int(ctx, options, "maxBodiesBytes", true, 0, BODIES_LIMIT, &server->max_bodies);
}

/* Listens with the address of options.host, or on all, unless edge-run was told another. 0 or -1 (thrown). */
static int listen_on(JSContext *ctx, JSValueConst options, edge_server *server, int asked) {
  const edge_options *told = server->host->options;
  int port = edge_options_port(told, asked);
  JSValue value = JS_GetPropertyStr(ctx, options, "host");
  if (JS_IsException(value)) return -1;
  const char *host = JS_IsUndefined(value) ? NULL : JS_ToCString(ctx, value);
  bool failed = !host && !JS_IsUndefined(value);
  JS_FreeValue(ctx, value);
  if (failed) return -1;
  const char *address = told->address ? told->address : host;
  int error = edge_server_listen(server, address, port);
  if (error) {
    edge_throw(ctx, uv_err_name(error), "%s: %s, listen on %s port %d", uv_err_name(error), uv_strerror(error),
               address ? address : "all addresses,", port);
    edge_server_close(server);
  }
  JS_FreeCString(ctx, host);
  return error ? -1 : 0;
}

/* The server's object; it holds `server` from now on. */
static JSValue make_server(JSContext *ctx, edge_server *server, JSValueConst options, JSValueConst handler) {
  int64_t port = 0;
  if (read_options(ctx, options, server, &port)) return JS_EXCEPTION;
  if (!JS_IsFunction(ctx, handler)) return JS_ThrowTypeError(ctx, "serve needs a handler function");
  server->handler = JS_DupValue(ctx, handler);
  JSValue object = JS_NewObjectClass(ctx, (int)server_class);
  if (JS_IsException(object)) return object;
  if (listen_on(ctx, options, server, (int)port)) {
    JS_FreeValue(ctx, object);
    return JS_EXCEPTION;
  }
  server->refs++;
  JS_SetOpaque(object, server);
  /* Where another port stands for it, the app is not told. */
  int bound = port ? (int)port : edge_server_port(server);
  JS_DefinePropertyValueStr(ctx, object, "port", JS_NewInt32(ctx, bound), JS_PROP_ENUMERABLE);
  edge_milestone("http", "\"port\":%d", bound);
  return object;
}

static JSValue serve(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_deferred deferred;
  (void)self;
  JSValue promise = edge_deferred_new(ctx, &deferred);
  if (JS_IsException(promise)) return promise;
  edge_server *server = calloc(1, sizeof *server);
  JSValue object = JS_EXCEPTION;
  if (server) {
    server->host = edge_host_of(ctx);
    server->handler = JS_UNDEFINED;
    server->refs = 1; /* of this function */
    object = make_server(ctx, server, argc > 0 ? argv[0] : JS_UNDEFINED, argc > 1 ? argv[1] : JS_UNDEFINED);
    edge_server_release(server);
  } else {
    JS_ThrowOutOfMemory(ctx);
  }
  edge_deferred_settle(ctx, &deferred, object);
  return promise;
}

static const JSCFunctionListEntry server_functions[] = {JS_CFUNC_DEF("close", 0, close_server)};
static const JSCFunctionListEntry functions[] = {JS_CFUNC_DEF("serve", 2, serve)};

static int init(JSContext *ctx, JSModuleDef *module) {
  JS_NewClassID(&server_class);
  if (JS_NewClass(JS_GetRuntime(ctx), server_class, &server_definition) < 0 || edge_handler_init(ctx) < 0) return -1;
  JSValue proto = JS_NewObject(ctx);
  JS_SetPropertyFunctionList(ctx, proto, server_functions, 1);
  JS_SetClassProto(ctx, server_class, proto);
  return JS_SetModuleExportList(ctx, module, functions, 1);
}

JSModuleDef *edge_module_http(JSContext *ctx, const char *name) {
  JSModuleDef *module = JS_NewCModule(ctx, name, init);
  if (module) JS_AddModuleExportList(ctx, module, functions, 1);
  return module;
}
