/* setTimeout, setInterval, queueMicrotask and performance. */
#include <math.h>
#include <stdlib.h>

#include "host.h"

/* Owned by the loop until its handle is closed. */
struct edge_timer {
  uv_timer_t handle;
  edge_host *host;
  edge_timer *next, **link; /* link: what points to this one; NULL when it is closing */
  int32_t id;
  bool repeat;
  JSValue callback;
};

static void on_closed(uv_handle_t *handle) { free(handle->data); }

static void stop(edge_timer *timer) {
  if (!timer->link) return;
  *timer->link = timer->next;
  if (timer->next) timer->next->link = timer->link;
  timer->link = NULL;
  JS_FreeValue(timer->host->ctx, timer->callback);
  timer->callback = JS_UNDEFINED;
  uv_close((uv_handle_t *)&timer->handle, on_closed);
}

static void on_timer(uv_timer_t *handle) {
  edge_timer *timer = handle->data;
  edge_host *host = timer->host;
  JSValue callback = JS_DupValue(host->ctx, timer->callback);
  if (!timer->repeat) stop(timer);
  edge_host_call(host, callback, 0, NULL);
  JS_FreeValue(host->ctx, callback);
}

/* The function, with the arguments after the time bound to it. */
static JSValue make_callback(JSContext *ctx, int argc, JSValueConst *argv) {
  if (argc < 3) return JS_DupValue(ctx, argv[0]);
  JSValueConst list[16] = {JS_UNDEFINED}; /* `this`, then the arguments */
  int count = argc - 2;
  if (count > 15) return JS_ThrowRangeError(ctx, "a timer takes at most 15 arguments");
  for (int i = 0; i < count; i++) list[i + 1] = argv[i + 2];
  JSAtom bind = JS_NewAtom(ctx, "bind");
  JSValue bound = JS_Invoke(ctx, argv[0], bind, count + 1, list);
  JS_FreeAtom(ctx, bind);
  return bound;
}

static JSValue start(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int repeat) {
  edge_host *host = edge_host_of(ctx);
  double ms = 0;
  (void)self;
  if (argc < 1 || !JS_IsFunction(ctx, argv[0])) return JS_ThrowTypeError(ctx, "a timer needs a function");
  if (argc > 1 && JS_ToFloat64(ctx, &ms, argv[1])) return JS_EXCEPTION;
  /* As everywhere: nonsense and too much are the shortest time. */
  if (!(ms >= 1 && ms <= INT32_MAX)) ms = 1;
  JSValue callback = make_callback(ctx, argc, argv);
  if (JS_IsException(callback)) return callback;
  edge_timer *timer = calloc(1, sizeof *timer);
  if (!timer) {
    JS_FreeValue(ctx, callback);
    return JS_ThrowOutOfMemory(ctx);
  }
  uv_timer_init(&host->loop, &timer->handle);
  timer->handle.data = timer;
  timer->host = host;
  timer->repeat = repeat;
  timer->callback = callback;
  timer->id = host->last_timer = host->last_timer == INT32_MAX ? 1 : host->last_timer + 1;
  timer->next = host->timers;
  if (timer->next) timer->next->link = &timer->next;
  timer->link = &host->timers;
  host->timers = timer;
  /* The loop's clock stands while JavaScript runs. */
  uv_update_time(&host->loop);
  uv_timer_start(&timer->handle, on_timer, (uint64_t)ms, repeat ? (uint64_t)ms : 0);
  return JS_NewInt32(ctx, timer->id);
}

static JSValue clear(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  int32_t id;
  (void)self;
  if (argc < 1 || !JS_IsNumber(argv[0])) return JS_UNDEFINED;
  if (JS_ToInt32(ctx, &id, argv[0])) return JS_EXCEPTION;
  edge_timer *timer = edge_host_of(ctx)->timers;
  while (timer && timer->id != id) timer = timer->next;
  if (timer) stop(timer);
  return JS_UNDEFINED;
}

static JSValue run_microtask(JSContext *ctx, int argc, JSValueConst *argv) {
  (void)argc;
  return JS_Call(ctx, argv[0], JS_UNDEFINED, 0, NULL);
}

static JSValue queue_microtask(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  if (argc < 1 || !JS_IsFunction(ctx, argv[0])) return JS_ThrowTypeError(ctx, "queueMicrotask needs a function");
  return JS_EnqueueJob(ctx, run_microtask, 1, argv) ? JS_EXCEPTION : JS_UNDEFINED;
}

static JSValue now(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  return JS_NewFloat64(ctx, (double)(uv_hrtime() - edge_host_of(ctx)->start_ns) / 1e6);
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_MAGIC_DEF("setTimeout", 2, start, 0), JS_CFUNC_MAGIC_DEF("setInterval", 2, start, 1),
    JS_CFUNC_DEF("clearTimeout", 1, clear),        JS_CFUNC_DEF("clearInterval", 1, clear),
    JS_CFUNC_DEF("queueMicrotask", 1, queue_microtask),
};

static const JSCFunctionListEntry clock_functions[] = {JS_CFUNC_DEF("now", 0, now)};

int edge_timers_init(JSContext *ctx, JSValueConst global) {
  JSValue performance = JS_NewObject(ctx);
  if (JS_IsException(performance)) return -1;
  JS_SetPropertyFunctionList(ctx, performance, clock_functions, 1);
  JS_SetPropertyFunctionList(ctx, global, functions, sizeof functions / sizeof *functions);
  return JS_SetPropertyStr(ctx, global, "performance", performance) < 0 ? -1 : 0;
}

void edge_timers_close(edge_host *host) {
  while (host->timers) stop(host->timers);
}
