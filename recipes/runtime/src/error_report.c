#include "error_report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milestone.h"

#define STACK_FRAMES 20

static const edge_source_map *source_map(edge_host *host) {
  if (host->map_tried) return host->map;
  host->map_tried = true;
  edge_buf path = {0};
  const char *bundle = host->options->bundle;
  const char *slash = bundle ? strrchr(bundle, '/') : NULL;
  if (!bundle) edge_buf_str(&path, host->options->app_dir);
  else if (slash) edge_buf_append(&path, bundle, (size_t)(slash - bundle));
  else edge_buf_str(&path, ".");
  edge_buf_str(&path, "/main.js.map");
  if (!path.failed) host->map = edge_source_map_read(path.data);
  edge_buf_free(&path);
  return host->map;
}

/* Splits "main.js:12:3" at its last two colons. False when there are no numbers. */
static bool split_place(const char *place, size_t len, size_t *file_len, int32_t *line, int32_t *column) {
  long number[2] = {0, 0};
  size_t end = len;
  for (int i = 0; i < 2; i++) {
    size_t start = end;
    while (start > 0 && place[start - 1] >= '0' && place[start - 1] <= '9') start--;
    if (start == end || start == 0 || place[start - 1] != ':' || end - start > 9) return false;
    number[i] = strtol(place + start, NULL, 10);
    end = start - 1;
  }
  *file_len = end;
  *line = (int32_t)number[1];
  *column = (int32_t)number[0];
  return true;
}

/* Turns one line of QuickJS's `stack` into "src/main.ts:3:5 name". False for lines that tell nothing. */
static bool format_frame(edge_host *host, const char *text, size_t len, edge_buf *out) {
  while (len && *text == ' ') text++, len--;
  if (len > 3 && strncmp(text, "at ", 3) == 0) text += 3, len -= 3;
  const char *place = text;
  size_t place_len = len, name_len = 0;
  for (size_t i = 0; i + 1 < len; i++) {
    if (text[i] == ' ' && text[i + 1] == '(' && text[len - 1] == ')') {
      name_len = i;
      place = text + i + 2;
      place_len = len - i - 3;
    }
  }
  size_t file_len;
  int32_t line, column;
  edge_position position;
  if (!split_place(place, place_len, &file_len, &line, &column)) return false;
  const edge_source_map *map = source_map(host);
  if (map && file_len == 7 && strncmp(place, "main.js", 7) == 0 &&
      edge_source_map_find(map, line, column, &position) == 0)
    edge_buf_printf(out, "%s:%d:%d", position.source, (int)position.line, (int)position.column);
  else
    edge_buf_append(out, place, place_len);
  if (name_len && strncmp(text, "<anonymous>", name_len) != 0 && strncmp(text, "<eval>", name_len) != 0) {
    edge_buf_str(out, " ");
    edge_buf_append(out, text, name_len);
  }
  return !out->failed;
}

/* The string of a property, or NULL; never throws. JS_FreeCString by the caller. */
static const char *text_of(JSContext *ctx, JSValueConst object, const char *name) {
  JSValue value = JS_GetPropertyStr(ctx, object, name);
  const char *text = JS_IsString(value) ? JS_ToCString(ctx, value) : NULL;
  if (JS_IsException(value) || (JS_IsString(value) && !text)) JS_FreeValue(ctx, JS_GetException(ctx));
  JS_FreeValue(ctx, value);
  return text;
}

static void append_message(JSContext *ctx, JSValueConst error, edge_buf *out) {
  if (JS_IsError(ctx, error)) {
    const char *name = text_of(ctx, error, "name");
    const char *message = text_of(ctx, error, "message");
    edge_buf_str(out, name ? name : "Error");
    if (message && *message) edge_buf_printf(out, ": %s", message);
    JS_FreeCString(ctx, name);
    JS_FreeCString(ctx, message);
    return;
  }
  const char *text = JS_ToCString(ctx, error);
  if (!text) JS_FreeValue(ctx, JS_GetException(ctx));
  edge_buf_str(out, text ? text : "an error that cannot be shown");
  JS_FreeCString(ctx, text);
}

typedef void emit_frame(edge_buf *out, const edge_buf *frame, int index);

static void append_frames(edge_host *host, JSValueConst error, edge_buf *out, emit_frame *emit) {
  const char *stack = JS_IsObject(error) ? text_of(host->ctx, error, "stack") : NULL;
  int index = 0;
  for (const char *at = stack; at && *at && index < STACK_FRAMES;) {
    const char *end = strchrnul(at, '\n');
    edge_buf frame = {0};
    if (format_frame(host, at, (size_t)(end - at), &frame)) emit(out, &frame, index++);
    edge_buf_free(&frame);
    at = *end ? end + 1 : end;
  }
  JS_FreeCString(host->ctx, stack);
}

static void emit_json(edge_buf *out, const edge_buf *frame, int index) {
  if (index) edge_buf_str(out, ",");
  edge_buf_json(out, frame->data, frame->len);
}

static void emit_text(edge_buf *out, const edge_buf *frame, int index) {
  (void)index;
  edge_buf_printf(out, "\n    at %s", frame->data);
}

void edge_error_text(edge_host *host, JSValueConst error, edge_buf *out) {
  append_message(host->ctx, error, out);
  append_frames(host, error, out, emit_text);
}

void edge_error_report(edge_host *host, JSValueConst error) {
  edge_buf line = {0}, message = {0};
  /* Out of memory in the app must not keep its report from being made. */
  JS_SetMemoryLimit(host->rt, (size_t)-1);
  append_message(host->ctx, error, &message);
  edge_buf_printf(&line, "{\"edgeimg\":\"app-error\",\"uptimeMs\":%lld,\"message\":", edge_uptime_ms());
  edge_buf_json(&line, message.data ? message.data : "", message.len);
  edge_buf_str(&line, ",\"stack\":[");
  append_frames(host, error, &line, emit_json);
  edge_buf_str(&line, "]}\n");
  if (!line.failed) edge_write_all(STDOUT_FILENO, line.data, line.len);
  edge_buf_free(&message);
  edge_buf_free(&line);
  JS_SetMemoryLimit(host->rt, host->options->memory_limit ? host->options->memory_limit : (size_t)-1);
}

void edge_error_plain(const char *message) {
  edge_buf line = {0};
  edge_buf_printf(&line, "{\"edgeimg\":\"app-error\",\"uptimeMs\":%lld,\"message\":", edge_uptime_ms());
  edge_buf_json(&line, message, strlen(message));
  edge_buf_str(&line, ",\"stack\":[]}\n");
  if (!line.failed) edge_write_all(STDOUT_FILENO, line.data, line.len);
  edge_buf_free(&line);
}
