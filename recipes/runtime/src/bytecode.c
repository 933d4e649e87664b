#include "bytecode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "buffer.h"
#include "host.h"
#include "js_util.h"

/* First line of a bundle. QuickJS's bytecode has no stable form: only the very
 * version that wrote it may read it. Its library does not tell its version, so
 * the line has the checksum of a probe's bytecode as well. */
#define HEADER_FAMILY "edge-run bytecode "
#define HEADER_FORMAT HEADER_FAMILY "1 quickjs " EDGE_QUICKJS_VERSION " abi %s\n"
#define HEADER_LIMIT 128
#define CHECKSUM_BYTES 8 /* crc32 in hexadecimal: QuickJS does not survive damaged bytecode */
#define BUNDLE_LIMIT ((size_t)64 << 20)

static int say(const char *path, const char *problem) {
  fprintf(stderr, "edge-run: %s: %s\n", path, problem);
  return 1;
}

/* Prints "main.js:3:7: SyntaxError: ..." of the pending exception. */
static int say_exception(JSContext *ctx) {
  JSValue error = JS_GetException(ctx);
  const char *text = JS_ToCString(ctx, error);
  JSValue stack_value = JS_GetPropertyStr(ctx, error, "stack");
  const char *stack = JS_IsString(stack_value) ? JS_ToCString(ctx, stack_value) : NULL;
  fprintf(stderr, "edge-run: %s\n%s", text ? text : "cannot compile", stack ? stack : "");
  JS_FreeCString(ctx, stack);
  JS_FreeCString(ctx, text);
  JS_FreeValue(ctx, stack_value);
  JS_FreeValue(ctx, error);
  return 1;
}

static void checksum(const uint8_t *code, size_t len, char text[CHECKSUM_BYTES + 1]) {
  snprintf(text, CHECKSUM_BYTES + 1, "%08lx", crc32_z(0, code, len) & 0xffffffff);
}

/* The header of this runtime. 0 or -1 (thrown). */
static int make_header(JSContext *ctx, char header[HEADER_LIMIT]) {
  static const char probe[] =
      "(async function* f({ a = 1, ...b }, [c], ...d) { for await (const x of a) try { yield* x?.y ?? b[c]; }"
      " catch { delete d.z; } finally { class E extends f { #p = 2n; static get q() { return super.q || /r/u; } } }"
      " switch (a) { case 1: a **= -c; default: new f(`${a}`, ...d); } with_: while (a in b) continue with_; })";
  char sum[CHECKSUM_BYTES + 1];
  size_t len;
  JSValue function = JS_Eval(ctx, probe, sizeof probe - 1, "probe", JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(function)) return -1;
  uint8_t *code = JS_WriteObject(ctx, &len, function, JS_WRITE_OBJ_BYTECODE);
  JS_FreeValue(ctx, function);
  if (!code) return -1;
  checksum(code, len, sum);
  js_free(ctx, code);
  snprintf(header, HEADER_LIMIT, HEADER_FORMAT, sum);
  return 0;
}

static int write_bundle(const char *path, const char *header, const uint8_t *code, size_t len) {
  char sum[CHECKSUM_BYTES + 1];
  checksum(code, len, sum);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return say(path, strerror(errno));
  bool ok = edge_write_all(fd, header, strlen(header)) && edge_write_all(fd, sum, CHECKSUM_BYTES) &&
            edge_write_all(fd, code, len);
  int error = errno;
  if (close(fd) != 0 && ok) {
    ok = false;
    error = errno;
  }
  return ok ? 0 : say(path, strerror(error));
}

int edge_compile(JSContext *ctx, const edge_options *options) {
  edge_buf source = {0};
  int error = edge_read_file(options->compile_in, BUNDLE_LIMIT, &source);
  if (error) return say(options->compile_in, strerror(error));
  /* The name is part of the bytecode: a fixed one keeps paths of the build out. */
  JSValue module = JS_Eval(ctx, source.data ? source.data : "", source.len, "main.js",
                           JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  edge_buf_free(&source);
  if (JS_IsException(module)) return say_exception(ctx);
  size_t len;
  char header[HEADER_LIMIT];
  uint8_t *code = JS_WriteObject(ctx, &len, module, JS_WRITE_OBJ_BYTECODE);
  JS_FreeValue(ctx, module);
  if (!code || make_header(ctx, header)) {
    js_free(ctx, code);
    return say_exception(ctx);
  }
  int status = write_bundle(options->compile_out, header, code, len);
  js_free(ctx, code);
  return status;
}

/* The first line without its end, for a message; at most 80 bytes. */
static int line_length(const char *text) {
  size_t len = strcspn(text, "\r\n");
  return (int)(len < 80 ? len : 80);
}

JSValue edge_bundle_read(JSContext *ctx, const char *path) {
  edge_buf file = {0};
  char header[HEADER_LIMIT], sum[CHECKSUM_BYTES + 1] = "";
  int error = edge_read_file(path, BUNDLE_LIMIT, &file);
  if (error) return edge_throw(ctx, "EBUNDLE", "%s: %s", path, strerror(error));
  JSValue module = JS_EXCEPTION;
  if (make_header(ctx, header) == 0) {
    const size_t header_len = strlen(header), start = header_len + CHECKSUM_BYTES;
    const uint8_t *code = file.len > start ? (const uint8_t *)file.data + start : NULL;
    if (code) checksum(code, file.len - start, sum);
    if (file.len < sizeof HEADER_FAMILY || strncmp(file.data, HEADER_FAMILY, sizeof HEADER_FAMILY - 1) != 0)
      edge_throw(ctx, "EBUNDLE", "%s is no bundle of edge-run", path);
    else if (file.len < header_len || memcmp(file.data, header, header_len) != 0)
      edge_throw(ctx, "EBUNDLE", "%s was made by \"%.*s\", this runtime needs \"%.*s\": build the app again", path,
                 line_length(file.data), file.data, line_length(header), header);
    else if (!code || memcmp(file.data + header_len, sum, CHECKSUM_BYTES) != 0)
      edge_throw(ctx, "EBUNDLE", "%s is damaged: its checksum is wrong", path);
    else
      module = JS_ReadObject(ctx, code, file.len - start, JS_READ_OBJ_BYTECODE);
  }
  edge_buf_free(&file);
  if (JS_IsException(module) || JS_VALUE_GET_TAG(module) == JS_TAG_MODULE) return module;
  JS_FreeValue(ctx, module);
  return edge_throw(ctx, "EBUNDLE", "%s holds no module", path);
}
