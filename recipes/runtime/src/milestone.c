#include "milestone.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buffer.h"

long long edge_uptime_ms(void) {
  struct timespec now = {0};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void edge_milestone(const char *name, const char *format, ...) {
  edge_buf line = {0};
  char fields[2048];
  va_list args;
  va_start(args, format);
  int len = vsnprintf(fields, sizeof fields, format, args);
  va_end(args);
  if (len < 0 || (size_t)len >= sizeof fields) return;
  edge_buf_printf(&line, "{\"edgeimg\":\"%s\",\"uptimeMs\":%lld,%s}\n", name, edge_uptime_ms(), fields);
  if (!line.failed) edge_write_all(STDOUT_FILENO, line.data, line.len);
  edge_buf_free(&line);
}

int edge_milestone_js(JSContext *ctx, JSValueConst name, JSValueConst fields) {
  edge_buf line = {0};
  size_t name_len, len = 0;
  const char *name_text = JS_ToCStringLen(ctx, &name_len, name);
  if (!name_text) return -1;
  edge_buf_str(&line, "{\"edgeimg\":");
  edge_buf_json(&line, name_text, name_len);
  JS_FreeCString(ctx, name_text);
  edge_buf_printf(&line, ",\"uptimeMs\":%lld", edge_uptime_ms());
  if (JS_IsObject(fields)) {
    JSValue json = JS_JSONStringify(ctx, fields, JS_UNDEFINED, JS_UNDEFINED);
    const char *text = JS_IsString(json) ? JS_ToCStringLen(ctx, &len, json) : NULL;
    bool plain = text && len >= 2 && text[0] == '{';
    if (plain && len > 2) {
      edge_buf_str(&line, ",");
      edge_buf_append(&line, text + 1, len - 2);
    }
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, json);
    if (!plain) {
      edge_buf_free(&line);
      if (!JS_IsException(json)) JS_ThrowTypeError(ctx, "the fields of a report must be a plain object");
      return -1;
    }
  }
  edge_buf_str(&line, "}\n");
  if (!line.failed) edge_write_all(STDOUT_FILENO, line.data, line.len);
  edge_buf_free(&line);
  return 0;
}
