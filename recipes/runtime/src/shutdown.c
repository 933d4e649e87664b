/* SIGTERM and SIGINT: the app's callbacks, then the end, 5 s later at the latest. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error_report.h"
#include "host.h"
#include "milestone.h"

/* docs: "the process ends when the promise settles or after 5 s"; init waits a little longer. */
#define SHUTDOWN_SECONDS 5
#define SHUTDOWN_CALLBACKS 16

static edge_host *signal_host;
static volatile sig_atomic_t stopping;

/* Both handlers run while JavaScript or native code may be busy: only async-signal-safe calls. */
static void on_stop(int signal_number) {
  (void)signal_number;
  if (stopping) return;
  stopping = 1;
  alarm(SHUTDOWN_SECONDS);
  uv_async_send(&signal_host->stop_async);
}

static void on_alarm(int signal_number) {
  static const char head[] = "{\"edgeimg\":\"app-error\",\"uptimeMs\":";
  static const char tail[] = ",\"message\":\"shutdown took longer than 5 s\",\"stack\":[]}\n";
  char line[sizeof head + sizeof tail + 20]; /* 19 digits at most */
  char digits[20];
  size_t count = 0, len = sizeof head - 1;
  (void)signal_number;
  memcpy(line, head, len);
  /* printf may not be called here. */
  for (long long rest = edge_uptime_ms(); count == 0 || rest; rest /= 10) digits[count++] = (char)('0' + rest % 10);
  while (count) line[len++] = digits[--count];
  memcpy(line + len, tail, sizeof tail - 1);
  len += sizeof tail - 1;
  ssize_t ignored = write(STDOUT_FILENO, line, len);
  (void)ignored;
  _exit(1);
}

/* A script in an endless loop that has nothing to tidy up need not be waited for. */
static int on_interrupt(JSRuntime *rt, void *opaque) {
  edge_host *host = opaque;
  (void)rt;
  if (stopping && host->shutdown_count == 0) _exit(0);
  return 0;
}

static JSValue on_settled(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int failed) {
  edge_host *host = edge_host_of(ctx);
  (void)self;
  if (failed) {
    edge_error_report(host, argc > 0 ? argv[0] : JS_UNDEFINED);
    host->shutdown_failed = true;
  }
  if (--host->shutdown_pending == 0) _exit(host->shutdown_failed ? 1 : 0);
  return JS_UNDEFINED;
}

/* Waits for what a callback returned, promise or not. */
static void wait_for(edge_host *host, JSValue result) {
  JSContext *ctx = host->ctx;
  JSValue functions[2];
  JSValue promise = JS_NewPromiseCapability(ctx, functions);
  if (JS_IsException(promise)) edge_host_fail(host);
  int failed = JS_IsException(result);
  if (failed) result = JS_GetException(ctx);
  JS_FreeValue(ctx, JS_Call(ctx, functions[failed], JS_UNDEFINED, 1, (JSValueConst *)&result));
  JSAtom then = JS_NewAtom(ctx, "then");
  JSValue handlers[2] = {
      JS_NewCFunctionMagic(ctx, on_settled, "done", 1, JS_CFUNC_generic_magic, 0),
      JS_NewCFunctionMagic(ctx, on_settled, "failed", 1, JS_CFUNC_generic_magic, 1),
  };
  JS_FreeValue(ctx, JS_Invoke(ctx, promise, then, 2, (JSValueConst *)handlers));
  JS_FreeAtom(ctx, then);
  JS_FreeValue(ctx, handlers[0]);
  JS_FreeValue(ctx, handlers[1]);
  JS_FreeValue(ctx, functions[0]);
  JS_FreeValue(ctx, functions[1]);
  JS_FreeValue(ctx, promise);
  JS_FreeValue(ctx, result);
}

static void on_stop_async(uv_async_t *handle) {
  edge_host *host = handle->data;
  if (!stopping) return;
  if (host->shutdown_count == 0) _exit(0);
  /* The loop must live until the callbacks have settled. */
  uv_ref((uv_handle_t *)handle);
  host->shutdown_pending = host->shutdown_count;
  for (int i = 0; i < host->shutdown_count; i++)
    wait_for(host, JS_Call(host->ctx, host->shutdown[i], JS_UNDEFINED, 0, NULL));
  edge_host_pump(host);
}

bool edge_shutdown_init(edge_host *host) {
  signal_host = host;
  if (uv_async_init(&host->loop, &host->stop_async, on_stop_async)) return false;
  host->stop_async.data = host;
  uv_unref((uv_handle_t *)&host->stop_async);
  JS_SetInterruptHandler(host->rt, on_interrupt, host);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_flags = SA_RESTART;
  action.sa_handler = on_stop;
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, NULL);
  return true;
}

int edge_shutdown_add(edge_host *host, JSValueConst callback) {
  if (!JS_IsFunction(host->ctx, callback)) {
    JS_ThrowTypeError(host->ctx, "onShutdown needs a function");
    return -1;
  }
  if (host->shutdown_count == SHUTDOWN_CALLBACKS) {
    JS_ThrowRangeError(host->ctx, "more than %d onShutdown callbacks", SHUTDOWN_CALLBACKS);
    return -1;
  }
  if (!host->shutdown) host->shutdown = calloc(SHUTDOWN_CALLBACKS, sizeof *host->shutdown);
  if (!host->shutdown) {
    JS_ThrowOutOfMemory(host->ctx);
    return -1;
  }
  host->shutdown[host->shutdown_count++] = JS_DupValue(host->ctx, callback);
  return 0;
}

void edge_shutdown_close(edge_host *host) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  for (int i = 0; i < host->shutdown_count; i++) JS_FreeValue(host->ctx, host->shutdown[i]);
  free(host->shutdown);
  host->shutdown = NULL;
  host->shutdown_count = 0;
  uv_close((uv_handle_t *)&host->stop_async, NULL);
}
