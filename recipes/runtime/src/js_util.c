#include "js_util.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "utf8.h"

JSValue edge_throw(JSContext *ctx, const char *code, const char *format, ...) {
  char message[512];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  /* Made by throwing, since only that gives the error a stack. */
  JS_ThrowInternalError(ctx, "%s", "");
  JSValue bare = JS_GetException(ctx);
  JSValue stack = JS_GetPropertyStr(ctx, bare, "stack");
  JS_FreeValue(ctx, bare);
  JSValue error = JS_NewError(ctx);
  if (JS_IsException(error)) {
    JS_FreeValue(ctx, stack);
    return error;
  }
  const int flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
  JS_DefinePropertyValueStr(ctx, error, "message", JS_NewString(ctx, message), flags);
  JS_DefinePropertyValueStr(ctx, error, "code", JS_NewString(ctx, code), flags | JS_PROP_ENUMERABLE);
  JS_DefinePropertyValueStr(ctx, error, "stack", stack, flags);
  return JS_Throw(ctx, error);
}

static bool is_known(const char *name, const char *const *known) {
  for (; *known; known++)
    if (strcmp(name, *known) == 0) return true;
  return false;
}

int edge_check_keys(JSContext *ctx, JSValueConst object, const char *what, const char *const *known) {
  JSPropertyEnum *names;
  uint32_t count;
  int status = 0;
  if (!JS_IsObject(object)) {
    edge_throw(ctx, "ARGUMENT", "%s must be an object", what);
    return -1;
  }
  if (JS_GetOwnPropertyNames(ctx, &names, &count, object, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY)) return -1;
  for (uint32_t i = 0; i < count; i++) {
    const char *name = status ? NULL : JS_AtomToCString(ctx, names[i].atom);
    if (!status && (!name || !is_known(name, known))) {
      if (name) edge_throw(ctx, "ARGUMENT", "%s: there is no \"%s\"", what, name);
      status = -1;
    }
    JS_FreeCString(ctx, name);
    JS_FreeAtom(ctx, names[i].atom);
  }
  js_free(ctx, names);
  return status;
}

int edge_to_int(JSContext *ctx, JSValueConst value, const char *what, int64_t low, int64_t high, int64_t *out) {
  double number;
  if (!JS_IsNumber(value)) {
    JS_ThrowTypeError(ctx, "%s must be a number", what);
    return -1;
  }
  if (JS_ToFloat64(ctx, &number, value)) return -1;
  if (!(number >= (double)low && number <= (double)high) || number != floor(number)) {
    JS_ThrowRangeError(ctx, "%s must be an integer from %lld to %lld", what, (long long)low, (long long)high);
    return -1;
  }
  *out = (int64_t)number;
  return 0;
}

int edge_get_int(JSContext *ctx, JSValueConst object, const char *name, bool optional, int64_t low, int64_t high,
                 int64_t *out) {
  JSValue value = JS_GetPropertyStr(ctx, object, name);
  if (JS_IsException(value)) return -1;
  if (optional && JS_IsUndefined(value)) return 0;
  int status = edge_to_int(ctx, value, name, low, high, out);
  JS_FreeValue(ctx, value);
  return status;
}

int edge_to_finite(JSContext *ctx, JSValueConst value, const char *what, double *out) {
  if (!JS_IsNumber(value)) {
    JS_ThrowTypeError(ctx, "%s must be a number", what);
    return -1;
  }
  if (JS_ToFloat64(ctx, out, value)) return -1;
  if (!isfinite(*out)) {
    JS_ThrowRangeError(ctx, "%s must be finite", what);
    return -1;
  }
  return 0;
}

bool edge_is_typed_array(JSContext *ctx, JSValueConst value, const char *class_name) {
  if (!JS_IsObject(value)) return false;
  /* The getter of Symbol.toStringTag cannot be misled by own properties or prototypes. */
  JSValue tag = JS_Call(ctx, edge_host_of(ctx)->array_tag, value, 0, NULL);
  const char *name = JS_IsString(tag) ? JS_ToCString(ctx, tag) : NULL;
  bool same = name && strcmp(name, class_name) == 0;
  JS_FreeCString(ctx, name);
  JS_FreeValue(ctx, tag);
  return same;
}

int edge_view_array(JSContext *ctx, JSValueConst value, const char *class_name, const char *what, edge_view *out) {
  size_t offset, len, element, size;
  if (!edge_is_typed_array(ctx, value, class_name)) {
    JS_ThrowTypeError(ctx, "%s must be a %s", what, class_name);
    return -1;
  }
  out->owner = JS_GetTypedArrayBuffer(ctx, value, &offset, &len, &element);
  if (JS_IsException(out->owner)) return -1;
  uint8_t *bytes = JS_GetArrayBuffer(ctx, &size, out->owner);
  if (!bytes || offset > size || len > size - offset) {
    if (bytes) JS_ThrowRangeError(ctx, "%s is out of its buffer", what);
    JS_FreeValue(ctx, out->owner);
    return -1;
  }
  out->bytes = bytes + offset;
  out->len = len;
  return 0;
}

int edge_view_bytes(JSContext *ctx, JSValueConst value, const char *what, edge_view *out) {
  if (edge_is_typed_array(ctx, value, "Uint8Array")) return edge_view_array(ctx, value, "Uint8Array", what, out);
  out->bytes = JS_IsObject(value) ? JS_GetArrayBuffer(ctx, &out->len, value) : NULL;
  if (out->bytes) {
    out->owner = JS_DupValue(ctx, value);
    return 0;
  }
  if (JS_HasException(ctx)) JS_FreeValue(ctx, JS_GetException(ctx));
  JS_ThrowTypeError(ctx, "%s must be an ArrayBuffer or a Uint8Array", what);
  return -1;
}

int edge_view_data(JSContext *ctx, JSValueConst value, const char *what, edge_view *out) {
  if (!JS_IsString(value)) return edge_view_bytes(ctx, value, what, out);
  size_t len;
  const char *text = JS_ToCStringLen(ctx, &len, value);
  if (!text) return -1;
  out->owner = JS_NewArrayBufferCopy(ctx, (const uint8_t *)text, len);
  JS_FreeCString(ctx, text);
  if (JS_IsException(out->owner)) return -1;
  out->bytes = JS_GetArrayBuffer(ctx, &out->len, out->owner);
  if (out->len) edge_utf8_fix_surrogates(out->bytes, out->len);
  return 0;
}

static void free_data(JSRuntime *rt, void *opaque, void *data) {
  (void)rt, (void)opaque;
  free(data);
}

JSValue edge_new_buffer(JSContext *ctx, void *data, size_t len) {
  JSValue buffer = JS_NewArrayBuffer(ctx, data, len, free_data, NULL, false);
  if (JS_IsException(buffer)) free(data);
  return buffer;
}

JSValue edge_new_array(JSContext *ctx, JSValue buffer, JSTypedArrayEnum type) {
  if (JS_IsException(buffer)) return buffer;
  /* The function reads three arguments whatever argc says. */
  JSValueConst args[3] = {buffer, JS_UNDEFINED, JS_UNDEFINED};
  JSValue array = JS_NewTypedArray(ctx, 1, args, type);
  JS_FreeValue(ctx, buffer);
  return array;
}

JSValue edge_new_text(JSContext *ctx, const uint8_t *bytes, size_t len, bool strip_bom) {
  if (strip_bom && len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) bytes += 3, len -= 3;
  edge_buf clean = {0};
  edge_utf8_clean(&clean, bytes, len);
  JSValue text = clean.failed ? JS_ThrowOutOfMemory(ctx) : JS_NewStringLen(ctx, clean.data ? clean.data : "", clean.len);
  edge_buf_free(&clean);
  return text;
}

JSValue edge_deferred_new(JSContext *ctx, edge_deferred *deferred) {
  JSValue functions[2];
  JSValue promise = JS_NewPromiseCapability(ctx, functions);
  if (JS_IsException(promise)) {
    deferred->resolve = deferred->reject = JS_UNDEFINED;
    return promise;
  }
  deferred->resolve = functions[0];
  deferred->reject = functions[1];
  return promise;
}

void edge_deferred_settle(JSContext *ctx, edge_deferred *deferred, JSValue value) {
  JSValueConst function = deferred->resolve;
  if (JS_IsException(value)) {
    value = JS_GetException(ctx);
    function = deferred->reject;
  }
  JSValue result = JS_Call(ctx, function, JS_UNDEFINED, 1, (JSValueConst *)&value);
  JS_FreeValue(ctx, value);
  if (JS_IsException(result)) JS_FreeValue(ctx, JS_GetException(ctx));
  else JS_FreeValue(ctx, result);
  edge_deferred_free(ctx, deferred);
}

void edge_deferred_free(JSContext *ctx, edge_deferred *deferred) {
  JS_FreeValue(ctx, deferred->resolve);
  JS_FreeValue(ctx, deferred->reject);
  deferred->resolve = deferred->reject = JS_UNDEFINED;
}
