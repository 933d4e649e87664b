/* TextEncoder and TextDecoder, UTF-8 only. */
#include <string.h>
#include <strings.h>

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

static JSValue new_decoder(JSContext *ctx, JSValueConst target, int argc, JSValueConst *argv) {
  if (argc > 0 && !JS_IsUndefined(argv[0])) {
    const char *label = JS_ToCString(ctx, argv[0]);
    if (!label) return JS_EXCEPTION;
    bool known = strcasecmp(label, "utf-8") == 0 || strcasecmp(label, "utf8") == 0;
    JS_FreeCString(ctx, label);
    if (!known) return JS_ThrowRangeError(ctx, "TextDecoder knows utf-8 only");
  }
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
  if (edge_view_bytes(ctx, argv[0], "bytes", &view)) return JS_EXCEPTION;
  JSValue text = edge_new_text(ctx, view.bytes, view.len, true);
  JS_FreeValue(ctx, view.owner);
  return text;
}

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
  if (add_class(ctx, global, &encoder_class, &encoder_definition, new_encoder, encoder_functions)) return -1;
  return add_class(ctx, global, &decoder_class, &decoder_definition, new_decoder, decoder_functions);
}
