/* console: strings as they are, errors with TypeScript positions, other objects as JSON. */
#include <string.h>
#include <unistd.h>

#include "buffer.h"
#include "error_report.h"
#include "host.h"
#include "js_util.h"

#define LINE_LIMIT 16384

/* Appends e.g. "Float32Array(1000)" for array buffers and typed arrays. */
static bool append_array(JSContext *ctx, JSValueConst value, edge_buf *out) {
  size_t len;
  JSValue tag = JS_Call(ctx, edge_host_of(ctx)->array_tag, value, 0, NULL);
  const char *name = JS_IsString(tag) ? JS_ToCString(ctx, tag) : NULL;
  bool done = name != NULL;
  int64_t count = 0;
  if (name) {
    JSValue length = JS_GetPropertyStr(ctx, value, "length");
    if (JS_ToInt64(ctx, &count, length)) JS_FreeValue(ctx, JS_GetException(ctx));
    JS_FreeValue(ctx, length);
    edge_buf_printf(out, "%s(%lld)", name, (long long)count);
  } else if (JS_GetArrayBuffer(ctx, &len, value)) {
    edge_buf_printf(out, "ArrayBuffer(%zu)", len);
    done = true;
  } else if (JS_HasException(ctx)) {
    JS_FreeValue(ctx, JS_GetException(ctx));
  }
  JS_FreeCString(ctx, name);
  JS_FreeValue(ctx, tag);
  return done;
}

static bool append_json(JSContext *ctx, JSValueConst value, edge_buf *out) {
  JSValue json = JS_JSONStringify(ctx, value, JS_UNDEFINED, JS_UNDEFINED);
  const char *text = JS_IsString(json) ? JS_ToCString(ctx, json) : NULL;
  if (JS_IsException(json)) JS_FreeValue(ctx, JS_GetException(ctx));
  if (text) edge_buf_str(out, text);
  JS_FreeCString(ctx, text);
  JS_FreeValue(ctx, json);
  return text != NULL;
}

static void append_value(edge_host *host, JSValueConst value, edge_buf *out) {
  JSContext *ctx = host->ctx;
  if (JS_IsError(ctx, value)) {
    edge_error_text(host, value, out);
    return;
  }
  if (JS_IsObject(value) && !JS_IsFunction(ctx, value) &&
      (append_array(ctx, value, out) || append_json(ctx, value, out)))
    return;
  const char *text = JS_IsSymbol(value) ? NULL : JS_ToCString(ctx, value);
  if (!text && JS_HasException(ctx)) JS_FreeValue(ctx, JS_GetException(ctx));
  edge_buf_str(out, text ? text : "(?)");
  JS_FreeCString(ctx, text);
}

static JSValue print(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int fd) {
  edge_buf line = {0};
  (void)self;
  for (int i = 0; i < argc && line.len < LINE_LIMIT; i++) {
    if (i) edge_buf_str(&line, " ");
    append_value(edge_host_of(ctx), argv[i], &line);
  }
  if (line.len > LINE_LIMIT) {
    line.len = LINE_LIMIT;
    edge_buf_str(&line, "...");
  }
  /* One write a line, so that lines of the engine or of other programs do not fall into it. */
  edge_buf_str(&line, "\n");
  if (!line.failed) edge_write_all(fd, line.data, line.len);
  edge_buf_free(&line);
  return JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_MAGIC_DEF("log", 0, print, STDOUT_FILENO),  JS_CFUNC_MAGIC_DEF("info", 0, print, STDOUT_FILENO),
    JS_CFUNC_MAGIC_DEF("debug", 0, print, STDOUT_FILENO), JS_CFUNC_MAGIC_DEF("warn", 0, print, STDERR_FILENO),
    JS_CFUNC_MAGIC_DEF("error", 0, print, STDERR_FILENO),
};

int edge_console_init(JSContext *ctx, JSValueConst global) {
  JSValue console = JS_NewObject(ctx);
  if (JS_IsException(console)) return -1;
  JS_SetPropertyFunctionList(ctx, console, functions, sizeof functions / sizeof *functions);
  return JS_SetPropertyStr(ctx, global, "console", console) < 0 ? -1 : 0;
}
