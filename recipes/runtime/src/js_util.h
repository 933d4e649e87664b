/* js_util.h: small helpers around the QuickJS interface. */
#ifndef EDGE_JS_UTIL_H
#define EDGE_JS_UTIL_H

#include <quickjs/quickjs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Throws an Error with `code`. Always JS_EXCEPTION. */
JSValue edge_throw(JSContext *ctx, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Reads a property that must be an integer from low to high. A missing one leaves *out
 * as it is when `optional`. `what` names it in the message. 0 or -1 (thrown). */
int edge_get_int(JSContext *ctx, JSValueConst object, const char *name, bool optional, int64_t low, int64_t high,
                 int64_t *out);
/* The same for a value. */
int edge_to_int(JSContext *ctx, JSValueConst value, const char *what, int64_t low, int64_t high, int64_t *out);
/* Checks that `object` is one and that its own keys are among `known` (NULL-terminated): a misspelt option would be
 * left out without a word. `what` names it in the message. 0 or -1 (thrown, code "ARGUMENT"). */
int edge_check_keys(JSContext *ctx, JSValueConst object, const char *what, const char *const *known);
/* A finite number. */
int edge_to_finite(JSContext *ctx, JSValueConst value, const char *what, double *out);

/* Names of typed array classes as JavaScript has them ("Uint8Array"); false when `value` is none. */
bool edge_is_typed_array(JSContext *ctx, JSValueConst value, const char *class_name);

/* A borrowed view of bytes and the buffer that keeps them alive (the caller frees `owner`). */
typedef struct {
  uint8_t *bytes;
  size_t len;
  JSValue owner;
} edge_view;

/* The elements of a typed array of class `class_name`. 0 or -1 (thrown TypeError naming `what`). */
int edge_view_array(JSContext *ctx, JSValueConst value, const char *class_name, const char *what, edge_view *out);
/* ArrayBuffer or Uint8Array. */
int edge_view_bytes(JSContext *ctx, JSValueConst value, const char *what, edge_view *out);
/* ArrayBuffer, Uint8Array or string (as UTF-8; the view then owns a copy inside an ArrayBuffer). */
int edge_view_data(JSContext *ctx, JSValueConst value, const char *what, edge_view *out);

/* Makes an ArrayBuffer of malloc'ed memory and takes it (it is freed on failure too). */
JSValue edge_new_buffer(JSContext *ctx, void *data, size_t len);
/* A typed array over all of `buffer`, which is consumed. */
JSValue edge_new_array(JSContext *ctx, JSValue buffer, JSTypedArrayEnum type);
/* A string from bytes of any content, without a byte order mark when `strip_bom`. */
JSValue edge_new_text(JSContext *ctx, const uint8_t *bytes, size_t len, bool strip_bom);

typedef struct {
  JSValue resolve, reject;
} edge_deferred;

/* A promise and the means to settle it, once, by either of the two below (which consume both). */
JSValue edge_deferred_new(JSContext *ctx, edge_deferred *deferred);
/* Settles: `value` is consumed; JS_EXCEPTION rejects with the pending exception. */
void edge_deferred_settle(JSContext *ctx, edge_deferred *deferred, JSValue value);
void edge_deferred_free(JSContext *ctx, edge_deferred *deferred);

#endif
