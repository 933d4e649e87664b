/* Rejected promises that nobody handles by the time the job queue is empty. */
#include <stdlib.h>

#include "host.h"

struct edge_rejection {
  edge_rejection *next;
  JSValue promise, reason;
};

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, JS_BOOL handled, void *opaque) {
  edge_host *host = opaque;
  if (!handled) {
    edge_rejection *item = malloc(sizeof *item);
    if (!item) return;
    item->promise = JS_DupValue(ctx, promise);
    item->reason = JS_DupValue(ctx, reason);
    /* Kept in order of time: the first is the cause of the others. */
    edge_rejection **end = &host->rejections;
    while (*end) end = &(*end)->next;
    item->next = NULL;
    *end = item;
    return;
  }
  for (edge_rejection **at = &host->rejections; *at; at = &(*at)->next) {
    edge_rejection *item = *at;
    if (JS_VALUE_GET_PTR(item->promise) != JS_VALUE_GET_PTR(promise)) continue;
    *at = item->next;
    JS_FreeValue(ctx, item->promise);
    JS_FreeValue(ctx, item->reason);
    free(item);
    return;
  }
}

void edge_rejections_init(edge_host *host) { JS_SetHostPromiseRejectionTracker(host->rt, on_rejection, host); }

bool edge_rejections_throw(edge_host *host) {
  edge_rejection *item = host->rejections;
  if (!item) return false;
  host->rejections = item->next;
  JS_FreeValue(host->ctx, item->promise);
  JS_Throw(host->ctx, item->reason);
  free(item);
  return true;
}

void edge_rejections_close(edge_host *host) {
  JS_SetHostPromiseRejectionTracker(host->rt, NULL, NULL);
  while (edge_rejections_throw(host)) JS_FreeValue(host->ctx, JS_GetException(host->ctx));
}
