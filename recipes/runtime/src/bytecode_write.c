#include "bytecode_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "buffer.h"

/* First line of a bundle. QuickJS's bytecode has no stable form: only the very
 * version that wrote it may read it. Its library does not tell its version, so
 * the line has the checksum of a probe's bytecode as well. */
#define HEADER_FORMAT EDGE_BYTECODE_FAMILY "1 quickjs " EDGE_QUICKJS_VERSION " abi %s\n"

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

void edge_bytecode_setup(JSRuntime *rt) { JS_SetStripInfo(rt, JS_STRIP_SOURCE); /* keeps positions, not the source */ }

void edge_bytecode_checksum(const uint8_t *code, size_t len, char text[EDGE_BYTECODE_CHECKSUM + 1]) {
  snprintf(text, EDGE_BYTECODE_CHECKSUM + 1, "%08lx", crc32_z(0, code, len) & 0xffffffff);
}

int edge_bytecode_header(JSContext *ctx, char header[EDGE_BYTECODE_HEADER]) {
  static const char probe[] =
      "(async function* f({ a = 1, ...b }, [c], ...d) { for await (const x of a) try { yield* x?.y ?? b[c]; }"
      " catch { delete d.z; } finally { class E extends f { #p = 2n; static get q() { return super.q || /r/u; } } }"
      " switch (a) { case 1: a **= -c; default: new f(`${a}`, ...d); } with_: while (a in b) continue with_; })";
  char sum[EDGE_BYTECODE_CHECKSUM + 1];
  size_t len;
  JSValue function = JS_Eval(ctx, probe, sizeof probe - 1, "probe", JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(function)) return -1;
  uint8_t *code = JS_WriteObject(ctx, &len, function, JS_WRITE_OBJ_BYTECODE);
  JS_FreeValue(ctx, function);
  if (!code) return -1;
  edge_bytecode_checksum(code, len, sum);
  js_free(ctx, code);
  snprintf(header, EDGE_BYTECODE_HEADER, HEADER_FORMAT, sum);
  return 0;
}

static int write_bundle(const char *path, const char *header, const uint8_t *code, size_t len) {
  char sum[EDGE_BYTECODE_CHECKSUM + 1];
  edge_bytecode_checksum(code, len, sum);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return say(path, strerror(errno));
  bool ok = edge_write_all(fd, header, strlen(header)) && edge_write_all(fd, sum, EDGE_BYTECODE_CHECKSUM) &&
            edge_write_all(fd, code, len);
  int error = errno;
  if (close(fd) != 0 && ok) {
    ok = false;
    error = errno;
  }
  return ok ? 0 : say(path, strerror(error));
}

int edge_bytecode_compile(JSContext *ctx, const char *in, const char *out) {
  edge_buf source = {0};
  int error = edge_read_file(in, EDGE_BYTECODE_LIMIT, &source);
  if (error) return say(in, strerror(error));
  /* The name is part of the bytecode: a fixed one keeps paths of the build out. */
  JSValue module = JS_Eval(ctx, source.data ? source.data : "", source.len, "main.js",
                           JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  edge_buf_free(&source);
  if (JS_IsException(module)) return say_exception(ctx);
  size_t len;
  char header[EDGE_BYTECODE_HEADER];
  uint8_t *code = JS_WriteObject(ctx, &len, module, JS_WRITE_OBJ_BYTECODE);
  JS_FreeValue(ctx, module);
  if (!code || edge_bytecode_header(ctx, header)) {
    js_free(ctx, code);
    return say_exception(ctx);
  }
  int status = write_bundle(out, header, code, len);
  js_free(ctx, code);
  return status;
}
