/* TextEncoder and TextDecoder, UTF-8 only; atob and btoa. */
#include <string.h>
#include <strings.h>

#include "buffer.h"
#include "host.h"
#include "js_util.h"

static JSClassID encoder_class, decoder_class;

static const JSClassDef encoder_definition = {.class_name = "TextEncoder"};
static const JSClassDef decoder_definition = {.class_name = "TextDecoder"};

static JSValue construct(JSContext *ctx, JSValueConst target, JSClassID class_id) {
  JSValue proto = JS_GetPropertyStr(ctx, target, "prototype");
  if (JS_IsException(proto)) return proto;
  JSValue object = JS_NewObjectProtoClass(ctx, proto, class_id);
  JS_FreeValue(ctx, proto);
  return object;
}

static JSValue new_encoder(JSContext *ctx, JSValueConst target, int argc, JSValueConst *argv) {
  (void)argc, (void)argv;
  return construct(ctx, target, encoder_class);
}

/* Throws a TypeError when an option that is not honoured is asked for. 0 or -1. */
static int refuse_option(JSContext *ctx, JSValueConst options, const char *name) {
  if (!JS_IsObject(options)) return 0;
  JSValue value = JS_GetPropertyStr(ctx, options, name);
  int set = JS_IsException(value) ? -1 : JS_ToBool(ctx, value);
  JS_FreeValue(ctx, value);
  if (set > 0) JS_ThrowTypeError(ctx, "TextDecoder has no option \"%s\" here", name);
  return set ? -1 : 0;
}

static JSValue new_decoder(JSContext *ctx, JSValueConst target, int argc, JSValueConst *argv) {
  if (argc > 0 && !JS_IsUndefined(argv[0])) {
    const char *label = JS_ToCString(ctx, argv[0]);
    if (!label) return JS_EXCEPTION;
    bool known = strcasecmp(label, "utf-8") == 0 || strcasecmp(label, "utf8") == 0;
    JS_FreeCString(ctx, label);
    if (!known) return JS_ThrowRangeError(ctx, "TextDecoder knows utf-8 only");
  }
  if (argc > 1 && (refuse_option(ctx, argv[1], "fatal") || refuse_option(ctx, argv[1], "ignoreBOM"))) return JS_EXCEPTION;
  return construct(ctx, target, decoder_class);
}

static JSValue encode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_view view;
  (void)self;
  JSValue text = argc < 1 || JS_IsUndefined(argv[0]) ? JS_NewString(ctx, "") : JS_ToString(ctx, argv[0]);
  if (JS_IsException(text)) return text;
  int status = edge_view_data(ctx, text, "text", &view);
  JS_FreeValue(ctx, text);
  return status ? JS_EXCEPTION : edge_new_array(ctx, view.owner, JS_TYPED_ARRAY_UINT8);
}

static JSValue decode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_view view;
  (void)self;
  if (argc < 1 || JS_IsUndefined(argv[0])) return JS_NewString(ctx, "");
  if (argc > 1 && refuse_option(ctx, argv[1], "stream")) return JS_EXCEPTION;
  if (edge_view_bytes(ctx, argv[0], "bytes", &view)) return JS_EXCEPTION;
  JSValue text = edge_new_text(ctx, view.bytes, view.len, true);
  JS_FreeValue(ctx, view.owner);
  return text;
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What atob and btoa throw: a DOMException elsewhere, an Error of that name here. */
static JSValue throw_character(JSContext *ctx, const char *message) {
  JSValue error = JS_NewError(ctx);
  if (JS_IsException(error)) return error;
  const int flags = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
  JS_DefinePropertyValueStr(ctx, error, "name", JS_NewString(ctx, "InvalidCharacterError"), flags);
  JS_DefinePropertyValueStr(ctx, error, "message", JS_NewString(ctx, message), flags);
  return JS_Throw(ctx, error);
}

/* Reads the next code point of well-formed UTF-8 up to U+00FF, else -1. */
static int next_latin1(const uint8_t *text, size_t len, size_t *at) {
  uint8_t c = text[(*at)++];
  if (c < 0x80) return c;
  if ((c != 0xc2 && c != 0xc3) || *at == len) return -1;
  return (c & 3) << 6 | (text[(*at)++] & 0x3f);
}

static JSValue to_base64(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  size_t len, at = 0;
  edge_buf out = {0};
  (void)self;
  const char *text = JS_ToCStringLen(ctx, &len, argc > 0 ? argv[0] : JS_UNDEFINED);
  if (!text) return JS_EXCEPTION;
  bool ok = true;
  while (ok && at < len) {
    uint32_t bits = 0;
    int count = 0;
    for (; count < 3 && at < len && ok; count++) {
      int c = next_latin1((const uint8_t *)text, len, &at);
      ok = c >= 0;
      bits |= (uint32_t)(c & 0xff) << (16 - 8 * count);
    }
    char four[4];
    for (int i = 0; i < 4; i++) four[i] = i <= count ? base64[bits >> (18 - 6 * i) & 63] : '=';
    edge_buf_append(&out, four, sizeof four);
  }
  JS_FreeCString(ctx, text);
  JSValue result = !ok          ? throw_character(ctx, "btoa takes characters up to U+00FF")
                   : out.failed ? JS_ThrowOutOfMemory(ctx)
                                : JS_NewStringLen(ctx, out.data ? out.data : "", out.len);
  edge_buf_free(&out);
  return result;
}

/* Appends a byte as the UTF-8 of the character with that number. */
static void append_latin1(edge_buf *out, uint32_t byte) {
  char two[2] = {(char)(byte < 0x80 ? byte : (0xc0 | byte >> 6)), (char)(0x80 | (byte & 0x3f))};
  edge_buf_append(out, two, byte < 0x80 ? 1 : 2);
}

/* The forgiving decoding of infra.spec.whatwg.org: blanks are left out, padding may be missing. */
static JSValue from_base64(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  size_t len, digits = 0, padding = 0;
  uint32_t bits = 0;
  edge_buf out = {0};
  (void)self;
  const char *text = JS_ToCStringLen(ctx, &len, argc > 0 ? argv[0] : JS_UNDEFINED);
  if (!text) return JS_EXCEPTION;
  bool ok = true;
  for (size_t i = 0; ok && i < len; i++) {
    char c = text[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r') continue;
    const char *digit = c ? strchr(base64, c) : NULL;
    if (c == '=') {
      padding++;
    } else if (!digit || padding) {
      ok = false;
    } else {
      bits = bits << 6 | (uint32_t)(digit - base64);
      if (++digits % 4 == 0)
        for (int shift = 16; shift >= 0; shift -= 8) append_latin1(&out, bits >> shift & 0xff);
    }
  }
  JS_FreeCString(ctx, text);
  size_t rest = digits % 4;
  if (rest == 1 || (padding && (rest == 0 || rest + padding != 4))) ok = false;
  if (ok && rest == 2) append_latin1(&out, bits >> 4 & 0xff);
  if (ok && rest == 3) {
    append_latin1(&out, bits >> 10 & 0xff);
    append_latin1(&out, bits >> 2 & 0xff);
  }
  JSValue result = !ok          ? throw_character(ctx, "the text is no base64")
                   : out.failed ? JS_ThrowOutOfMemory(ctx)
                                : JS_NewStringLen(ctx, out.data ? out.data : "", out.len);
  edge_buf_free(&out);
  return result;
}

static const JSCFunctionListEntry base64_functions[] = {JS_CFUNC_DEF("atob", 1, from_base64),
                                                        JS_CFUNC_DEF("btoa", 1, to_base64)};
static const JSCFunctionListEntry encoder_functions[] = {JS_CFUNC_DEF("encode", 1, encode)};
static const JSCFunctionListEntry decoder_functions[] = {JS_CFUNC_DEF("decode", 1, decode)};

static int add_class(JSContext *ctx, JSValueConst global, JSClassID *id, const JSClassDef *definition,
                     JSCFunction *constructor, const JSCFunctionListEntry *functions) {
  JS_NewClassID(id);
  if (JS_NewClass(JS_GetRuntime(ctx), *id, definition) < 0) return -1;
  JSValue proto = JS_NewObject(ctx);
  if (JS_IsException(proto)) return -1;
  JS_SetPropertyFunctionList(ctx, proto, functions, 1);
  JSValue function = JS_NewCFunction2(ctx, constructor, definition->class_name, 0, JS_CFUNC_constructor, 0);
  JS_SetConstructor(ctx, function, proto);
  JS_SetClassProto(ctx, *id, proto);
  return JS_SetPropertyStr(ctx, global, definition->class_name, function) < 0 ? -1 : 0;
}

int edge_text_init(JSContext *ctx, JSValueConst global) {
  JS_SetPropertyFunctionList(ctx, global, base64_functions, 2);
  if (add_class(ctx, global, &encoder_class, &encoder_definition, new_encoder, encoder_functions)) return -1;
  return add_class(ctx, global, &decoder_class, &decoder_definition, new_decoder, decoder_functions);
}
