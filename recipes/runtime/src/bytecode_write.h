/* bytecode_write.h: compiles an app to a bytecode bundle. Needs QuickJS only, so that the build machine can do it as well. */
#ifndef EDGE_BYTECODE_WRITE_H
#define EDGE_BYTECODE_WRITE_H

#include <quickjs/quickjs.h>
#include <stddef.h>
#include <stdint.h>

/* Version of the QuickJS that the program is linked with. The library does not
 * tell it, so the build may define it from the package's version. */
#ifndef EDGE_QUICKJS_VERSION
#define EDGE_QUICKJS_VERSION "2025-04-26"
#endif

#define EDGE_BYTECODE_FAMILY "edge-run bytecode "
#define EDGE_BYTECODE_HEADER 128 /* bytes of the longest header with its end */
#define EDGE_BYTECODE_LIMIT ((size_t)64 << 20) /* bytes of the largest file, source or bundle */
#define EDGE_BYTECODE_CHECKSUM 8 /* crc32 in hexadecimal: QuickJS does not survive damaged bytecode */

/* What a runtime that writes or reads bundles must be set to: it decides the bytecode, and so the header. */
void edge_bytecode_setup(JSRuntime *rt);
/* The header of bundles of this QuickJS. 0 or -1 (thrown). */
int edge_bytecode_header(JSContext *ctx, char header[EDGE_BYTECODE_HEADER]);
void edge_bytecode_checksum(const uint8_t *code, size_t len, char text[EDGE_BYTECODE_CHECKSUM + 1]);
/* Compiles the module in the file `in` to the bundle `out`. An exit code, after a message when it is not 0. */
int edge_bytecode_compile(JSContext *ctx, const char *in, const char *out);

#endif
