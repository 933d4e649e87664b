#include "source_map.h"

#include <quickjs/quickjs.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"

#define MAP_LIMIT ((size_t)32 << 20)
#define SOURCES_LIMIT 65536

/* Owns all strings. */
struct edge_source_map {
  char *mappings;
  char **sources;
  uint32_t count;
};

/* A copy of property `name` as a C string, or NULL. */
static char *copy_string(JSContext *ctx, JSValueConst value) {
  if (!JS_IsString(value)) return NULL;
  const char *text = JS_ToCString(ctx, value);
  char *copy = text ? strdup(text) : NULL;
  JS_FreeCString(ctx, text);
  return copy;
}

static char *copy_property(JSContext *ctx, JSValueConst object, const char *name) {
  JSValue value = JS_GetPropertyStr(ctx, object, name);
  char *copy = copy_string(ctx, value);
  JS_FreeValue(ctx, value);
  return copy;
}

/* "../src/main.ts" is "src/main.ts" to a reader. */
static char *source_name(const char *root, const char *name) {
  edge_buf out = {0};
  if (root && *root) {
    edge_buf_str(&out, root);
    if (root[strlen(root) - 1] != '/') edge_buf_str(&out, "/");
  }
  edge_buf_str(&out, name);
  if (out.failed) return NULL;
  char *at = out.data;
  for (;;) {
    if (strncmp(at, "./", 2) == 0) at += 2;
    else if (strncmp(at, "../", 3) == 0) at += 3;
    else break;
  }
  char *copy = strdup(at);
  edge_buf_free(&out);
  return copy;
}

static bool read_sources(JSContext *ctx, JSValueConst object, edge_source_map *map) {
  bool ok = false;
  int64_t count = 0;
  char *root = copy_property(ctx, object, "sourceRoot");
  JSValue list = JS_GetPropertyStr(ctx, object, "sources");
  JSValue length = JS_GetPropertyStr(ctx, list, "length");
  if (!JS_IsArray(ctx, list) || JS_ToInt64(ctx, &count, length) || count < 1 || count > SOURCES_LIMIT) goto done;
  map->sources = calloc((size_t)count, sizeof *map->sources);
  if (!map->sources) goto done;
  for (; map->count < count; map->count++) {
    JSValue item = JS_GetPropertyUint32(ctx, list, map->count);
    char *name = copy_string(ctx, item);
    JS_FreeValue(ctx, item);
    map->sources[map->count] = source_name(root, name ? name : "?");
    free(name);
    if (!map->sources[map->count]) goto done;
  }
  ok = true;
done:
  free(root);
  JS_FreeValue(ctx, length);
  JS_FreeValue(ctx, list);
  return ok;
}

edge_source_map *edge_source_map_read(const char *path) {
  edge_buf text = {0};
  if (edge_read_file(path, MAP_LIMIT, &text)) return NULL;
  /* A runtime of its own: the app's may be out of memory or of stack by now. */
  JSRuntime *rt = JS_NewRuntime();
  JSContext *ctx = rt ? JS_NewContext(rt) : NULL;
  edge_source_map *map = ctx ? calloc(1, sizeof *map) : NULL;
  if (map) {
    JSValue object = JS_ParseJSON(ctx, text.data, text.len, "source map");
    bool ok = JS_IsObject(object);
    if (ok) map->mappings = copy_property(ctx, object, "mappings");
    ok = ok && map->mappings && read_sources(ctx, object, map);
    JS_FreeValue(ctx, object);
    if (!ok) {
      edge_source_map_free(map);
      map = NULL;
    }
  }
  if (ctx) JS_FreeContext(ctx);
  if (rt) JS_FreeRuntime(rt);
  edge_buf_free(&text);
  return map;
}

void edge_source_map_free(edge_source_map *map) {
  if (!map) return;
  for (uint32_t i = 0; i < map->count; i++) free(map->sources[i]);
  free(map->sources);
  free(map->mappings);
  free(map);
}

static int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

/* One base64 VLQ number at *at. False at the end of a segment or on nonsense. */
static bool read_vlq(const char **at, int64_t *out) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift <= 30; shift += 5) {
    int digit = base64_digit(**at);
    if (digit < 0) return false;
    (*at)++;
    value |= (uint64_t)(digit & 31) << shift;
    if (digit & 32) continue;
    int64_t size = (int64_t)(value >> 1);
    *out = value & 1 ? -size : size;
    return true;
  }
  return false;
}

int edge_source_map_find(const edge_source_map *map, int32_t line, int32_t column, edge_position *out) {
  int64_t field[4] = {0, 0, 0, 0}; /* generated column, source, line, column: running sums */
  int32_t row = 1;
  bool found = false;
  const char *at = map->mappings;
  while (*at && row <= line) {
    if (*at == ';') {
      row++;
      field[0] = 0;
      at++;
      continue;
    }
    if (*at == ',') {
      at++;
      continue;
    }
    int64_t delta;
    int count = 0;
    while (*at && *at != ',' && *at != ';') {
      if (!read_vlq(&at, &delta)) return -1;
      if (count < 4) field[count] += delta;
      count++;
    }
    if (count < 4 || row != line) continue;
    if (found && field[0] > column - 1) break;
    if (field[1] < 0 || field[1] >= map->count) continue;
    /* The last segment that starts at or before the column, else the line's first. */
    out->source = map->sources[field[1]];
    out->line = (int32_t)field[2] + 1;
    out->column = (int32_t)field[3] + 1;
    found = true;
  }
  return found ? 0 : -1;
}
