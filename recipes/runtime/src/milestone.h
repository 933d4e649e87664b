/* milestone.h: the console lines that `edgeimg test` reads, one JSON object each (docs/architecture.md). */
#ifndef EDGE_MILESTONE_H
#define EDGE_MILESTONE_H

#include <quickjs/quickjs.h>

/* Milliseconds since the kernel started, sleep included: what the scripts of the board read from /proc/uptime. Async-signal-safe. */
long long edge_uptime_ms(void);

/* Prints {"edgeimg":name,"uptimeMs":N,FIELDS}; `format` gives the fields after the comma, already JSON. */
void edge_milestone(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with a name and a plain object from JavaScript. 0 or -1 (thrown). */
int edge_milestone_js(JSContext *ctx, JSValueConst name, JSValueConst fields);

#endif
