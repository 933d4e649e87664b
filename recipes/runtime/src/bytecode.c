#include "bytecode.h"

#include <stdio.h>
#include <string.h>

#include "buffer.h"
#include "bytecode_write.h"
#include "host.h"
#include "js_util.h"

int edge_compile(JSContext *ctx, const edge_options *options) {
  return edge_bytecode_compile(ctx, options->compile_in, options->compile_out);
}

/* The first line without its end, for a message; at most 80 bytes. */
static int line_length(const char *text) {
  size_t len = strcspn(text, "\r\n");
  return (int)(len < 80 ? len : 80);
}

JSValue edge_bundle_read(JSContext *ctx, const char *path) {
  edge_buf file = {0};
  char header[EDGE_BYTECODE_HEADER], sum[EDGE_BYTECODE_CHECKSUM + 1] = "";
  int error = edge_read_file(path, EDGE_BYTECODE_LIMIT, &file);
  if (error) return edge_throw(ctx, "EBUNDLE", "%s: %s", path, strerror(error));
  JSValue module = JS_EXCEPTION;
  if (edge_bytecode_header(ctx, header) == 0) {
    const size_t header_len = strlen(header), start = header_len + EDGE_BYTECODE_CHECKSUM;
    const uint8_t *code = file.len > start ? (const uint8_t *)file.data + start : NULL;
    if (code) edge_bytecode_checksum(code, file.len - start, sum);
    if (file.len < sizeof EDGE_BYTECODE_FAMILY ||
        strncmp(file.data, EDGE_BYTECODE_FAMILY, sizeof EDGE_BYTECODE_FAMILY - 1) != 0)
      edge_throw(ctx, "EBUNDLE", "%s is no bundle of edge-run", path);
    else if (file.len < header_len || memcmp(file.data, header, header_len) != 0)
      edge_throw(ctx, "EBUNDLE", "%s was made by \"%.*s\", this runtime needs \"%.*s\": build the app again", path,
                 line_length(file.data), file.data, line_length(header), header);
    else if (!code || memcmp(file.data + header_len, sum, EDGE_BYTECODE_CHECKSUM) != 0)
      edge_throw(ctx, "EBUNDLE", "%s is damaged: its checksum is wrong", path);
    else
      module = JS_ReadObject(ctx, code, file.len - start, JS_READ_OBJ_BYTECODE);
  }
  edge_buf_free(&file);
  if (JS_IsException(module) || JS_VALUE_GET_TAG(module) == JS_TAG_MODULE) return module;
  JS_FreeValue(ctx, module);
  return edge_throw(ctx, "EBUNDLE", "%s holds no module", path);
}
