/* crypto: random bytes of the kernel. */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "host.h"
#include "js_util.h"

#define QUOTA 65536 /* of the standard */

/* Fills all of `bytes`. 0 or -1 (thrown). */
static int fill(JSContext *ctx, uint8_t *bytes, size_t len) {
  while (len > 0) {
    ssize_t count = getrandom(bytes, len, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      edge_throw(ctx, "RANDOM", "the kernel gives no random bytes");
      return -1;
    }
    bytes += count;
    len -= (size_t)count;
  }
  return 0;
}

static JSValue throw_named(JSContext *ctx, const char *name, const char *message) {
  edge_throw(ctx, name, "%s", message);
  JSValue error = JS_GetException(ctx);
  JS_DefinePropertyValueStr(ctx, error, "name", JS_NewString(ctx, name), JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
  return JS_Throw(ctx, error);
}

static JSValue get_random_values(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  static const char *const classes[] = {"Int8Array",   "Uint8Array", "Uint8ClampedArray", "Int16Array",   "Uint16Array",
                                        "Int32Array",  "Uint32Array", "BigInt64Array",    "BigUint64Array"};
  JSValueConst array = argc > 0 ? argv[0] : JS_UNDEFINED;
  edge_view view;
  (void)self;
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
    if (!edge_is_typed_array(ctx, array, classes[i])) continue;
    if (edge_view_array(ctx, array, classes[i], "the array", &view)) return JS_EXCEPTION;
    int status = 0;
    if (view.len > QUOTA) {
      throw_named(ctx, "QuotaExceededError", "getRandomValues fills at most 65536 bytes");
      status = -1;
    } else {
      status = fill(ctx, view.bytes, view.len);
    }
    JS_FreeValue(ctx, view.owner);
    return status ? JS_EXCEPTION : JS_DupValue(ctx, array);
  }
  return throw_named(ctx, "TypeMismatchError", "getRandomValues needs a typed array of integers");
}

/* Version 4 of RFC 9562: 122 random bits. */
static JSValue random_uuid(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  uint8_t b[16];
  char text[37];
  (void)self, (void)argc, (void)argv;
  if (fill(ctx, b, sizeof b)) return JS_EXCEPTION;
  b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
  b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
  snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
           b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
  return JS_NewString(ctx, text);
}

static const JSCFunctionListEntry functions[] = {JS_CFUNC_DEF("getRandomValues", 1, get_random_values),
                                                 JS_CFUNC_DEF("randomUUID", 0, random_uuid)};

int edge_crypto_init(JSContext *ctx, JSValueConst global) {
  JSValue crypto = JS_NewObject(ctx);
  if (JS_IsException(crypto)) return -1;
  JS_SetPropertyFunctionList(ctx, crypto, functions, sizeof functions / sizeof *functions);
  return JS_SetPropertyStr(ctx, global, "crypto", crypto) < 0 ? -1 : 0;
}
