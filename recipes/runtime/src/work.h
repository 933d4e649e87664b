/* work.h: work on libuv's thread pool that settles a promise. */
#ifndef EDGE_WORK_H
#define EDGE_WORK_H

#include <uv.h>

#include "host.h"
#include "js_util.h"

/* First member of each kind of work. */
typedef struct edge_work {
  uv_work_t request;
  edge_host *host;
  edge_deferred deferred;
  JSValue stack; /* of the caller: an error made on the loop has none of its own */
  /* On a pool thread: must not touch JavaScript. */
  void (*run)(struct edge_work *work);
  /* On the loop: the value, or JS_EXCEPTION after a throw. Not called when it was cancelled. */
  JSValue (*finish)(struct edge_work *work);
  /* On the loop, at the end: frees everything, the work itself too. */
  void (*dispose)(struct edge_work *work);
} edge_work;

/* Prepares host, deferred and stack; the promise. On an exception the caller disposes. */
JSValue edge_work_promise(JSContext *ctx, edge_work *work);
/* Queues the work. It is disposed after it has settled. */
void edge_work_start(edge_work *work);
/* Settles (with finish's value, or the exception) and disposes. */
void edge_work_settle(edge_work *work, JSValue value);

#endif
