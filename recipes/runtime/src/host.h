/* host.h: the state of one running app, shared by all modules. */
#ifndef EDGE_HOST_H
#define EDGE_HOST_H

#include <quickjs/quickjs.h>
#include <stdbool.h>
#include <uv.h>

#include "buffer.h"
#include "options.h"
#include "source_map.h"

#define EDGE_RUNTIME_VERSION "1"

typedef struct edge_rejection edge_rejection;
typedef struct edge_timer edge_timer;

typedef struct {
  const edge_options *options;
  uv_loop_t loop;
  JSRuntime *rt;
  JSContext *ctx;
  JSValue array_tag;           /* getter of %TypedArray%.prototype[Symbol.toStringTag] */
  edge_rejection *rejections;  /* rejected promises without a handler, so far */
  edge_timer *timers;
  int32_t last_timer;
  uv_async_t stop_async;       /* wakes the loop on SIGTERM; does not keep it alive */
  JSValue *shutdown;           /* callbacks of onShutdown */
  int shutdown_count, shutdown_pending;
  bool shutdown_failed;
  uint64_t start_ns;
  size_t body_bytes;           /* of all request bodies that are being read or that JavaScript holds */
  edge_source_map *map;        /* read at the first error */
  bool map_tried;
} edge_host;

static inline edge_host *edge_host_of(JSContext *ctx) { return JS_GetContextOpaque(ctx); }

/* Creates loop, runtime, context and globals. False after a message. */
bool edge_host_open(edge_host *host, const edge_options *options);
/* Frees everything; only when the loop has nothing left to do. */
void edge_host_close(edge_host *host);
/* Runs the bundle to its end. The exit code. */
int edge_host_run(edge_host *host);

/* Runs pending jobs; ends the process when one failed or a rejection stays unhandled.
 * Every callback of libuv that ran JavaScript ends with it. */
void edge_host_pump(edge_host *host);
/* Calls a function from the loop; `result` may be NULL. An exception ends the process. */
void edge_host_call(edge_host *host, JSValueConst function, int argc, JSValueConst *argv);
/* Reports the pending exception and ends the process with 1. */
_Noreturn void edge_host_fail(edge_host *host);

/* Module tables: js_modules.c */
JSModuleDef *edge_module_load(JSContext *ctx, const char *name, void *opaque);
JSModuleDef *edge_module_process(JSContext *ctx, const char *name);
JSModuleDef *edge_module_fs(JSContext *ctx, const char *name);
JSModuleDef *edge_module_kernels(JSContext *ctx, const char *name);
JSModuleDef *edge_module_image(JSContext *ctx, const char *name);
JSModuleDef *edge_module_nn(JSContext *ctx, const char *name);
JSModuleDef *edge_module_http(JSContext *ctx, const char *name);

/* Globals. 0 or -1 with a pending exception. */
int edge_console_init(JSContext *ctx, JSValueConst global);
int edge_timers_init(JSContext *ctx, JSValueConst global);
int edge_text_init(JSContext *ctx, JSValueConst global);
int edge_crypto_init(JSContext *ctx, JSValueConst global);
int edge_clone_init(JSContext *ctx, JSValueConst global);
void edge_timers_close(edge_host *host);

/* Shutdown: shutdown.c */
bool edge_shutdown_init(edge_host *host);
int edge_shutdown_add(edge_host *host, JSValueConst callback);
void edge_shutdown_close(edge_host *host);

/* Unhandled rejections: rejections.c */
void edge_rejections_init(edge_host *host);
/* Throws the first unhandled one's reason and returns true, or returns false. */
bool edge_rejections_throw(edge_host *host);
void edge_rejections_close(edge_host *host);

#endif
