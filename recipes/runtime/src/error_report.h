/* error_report.h: JavaScript errors as text and as "app-error" lines, with TypeScript positions. */
#ifndef EDGE_ERROR_REPORT_H
#define EDGE_ERROR_REPORT_H

#include "host.h"

/* Appends "Name: message" and, one a line, "    at src/main.ts:3:5 name". */
void edge_error_text(edge_host *host, JSValueConst error, edge_buf *out);
/* Prints {"edgeimg":"app-error","message":...,"stack":[...]}. */
void edge_error_report(edge_host *host, JSValueConst error);
/* The same for a failure without a JavaScript error. Needs no runtime. */
void edge_error_plain(const char *message);

#endif
