/* bytecode.h: the file main.qjb: a header line, a checksum and the compiled module. */
#ifndef EDGE_BYTECODE_H
#define EDGE_BYTECODE_H

#include <quickjs/quickjs.h>

#include "options.h"

/* Compiles options->compile_in to options->compile_out. An exit code; messages on stderr. */
int edge_compile(JSContext *ctx, const edge_options *options);

/* Reads a bundle: the module, not run yet. JS_EXCEPTION after a throw (code EBUNDLE or a file error). */
JSValue edge_bundle_read(JSContext *ctx, const char *path);

#endif
