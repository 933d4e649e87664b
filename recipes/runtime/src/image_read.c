#include "image_read.h"

#include <string.h>

#include "js_util.h"

#define COORDINATE_LIMIT 1e6

JSValue edge_image_make(JSContext *ctx, int32_t width, int32_t height, JSValue buffer) {
  JSValue array = edge_new_array(ctx, buffer, JS_TYPED_ARRAY_UINT8);
  if (JS_IsException(array)) return array;
  JSValue object = JS_NewObject(ctx);
  JS_SetPropertyStr(ctx, object, "width", JS_NewInt32(ctx, width));
  JS_SetPropertyStr(ctx, object, "height", JS_NewInt32(ctx, height));
  JS_SetPropertyStr(ctx, object, "data", array);
  return object;
}

int edge_image_read(JSContext *ctx, JSValueConst value, edge_image *out, JSValue *owner) {
  int64_t width = 0, height = 0;
  edge_view view;
  if (!JS_IsObject(value)) {
    JS_ThrowTypeError(ctx, "image must be an object with width, height and data");
    return -1;
  }
  if ((int)JS_PromiseState(ctx, value) >= 0) {
    JS_ThrowTypeError(ctx, "image is a promise: await it");
    return -1;
  }
  if (edge_get_int(ctx, value, "width", false, 1, EDGE_IMAGE_SIDE, &width) ||
      edge_get_int(ctx, value, "height", false, 1, EDGE_IMAGE_SIDE, &height))
    return -1;
  JSValue data = JS_GetPropertyStr(ctx, value, "data");
  int status = JS_IsException(data) ? -1 : edge_view_array(ctx, data, "Uint8Array", "image.data", &view);
  JS_FreeValue(ctx, data);
  if (status) return -1;
  out->width = (int32_t)width;
  out->height = (int32_t)height;
  out->data = view.bytes;
  if (view.len != edge_image_bytes(out)) {
    JS_FreeValue(ctx, view.owner);
    JS_ThrowRangeError(ctx, "image.data has %zu bytes, width * height * 3 is %zu", view.len, edge_image_bytes(out));
    return -1;
  }
  *owner = view.owner;
  return 0;
}

int edge_image_read_size(JSContext *ctx, int argc, JSValueConst *argv, int index, int64_t *width, int64_t *height) {
  if (edge_to_int(ctx, edge_argument(argc, argv, index), "width", 1, EDGE_IMAGE_SIDE, width)) return -1;
  return edge_to_int(ctx, edge_argument(argc, argv, index + 1), "height", 1, EDGE_IMAGE_SIDE, height);
}

static int read_point(JSContext *ctx, JSValueConst quad, uint32_t index, edge_point *out) {
  static const char *const names[2] = {"x", "y"};
  double *const slots[2] = {&out->x, &out->y};
  JSValue point = JS_GetPropertyUint32(ctx, quad, index);
  if (JS_IsException(point)) return -1;
  int status = 0;
  for (int i = 0; i < 2 && !status; i++) {
    JSValue value = JS_GetPropertyStr(ctx, point, names[i]);
    status = JS_IsException(value) || edge_to_finite(ctx, value, "a point's coordinate", slots[i]) ? -1 : 0;
    JS_FreeValue(ctx, value);
    if (!status && !(*slots[i] >= -COORDINATE_LIMIT && *slots[i] <= COORDINATE_LIMIT)) {
      JS_ThrowRangeError(ctx, "a point is too far away");
      status = -1;
    }
  }
  JS_FreeValue(ctx, point);
  return status;
}

int edge_image_read_quad(JSContext *ctx, JSValueConst value, edge_point quad[4]) {
  if (!JS_IsObject(value)) {
    JS_ThrowTypeError(ctx, "quad must be an array of four points");
    return -1;
  }
  for (uint32_t i = 0; i < 4; i++)
    if (read_point(ctx, value, i, &quad[i])) return -1;
  return 0;
}

static int read_triple(JSContext *ctx, JSValueConst options, const char *name, double out[3]) {
  JSValue list = JS_GetPropertyStr(ctx, options, name);
  int status = JS_IsException(list) ? -1 : 0;
  for (uint32_t i = 0; i < 3 && !status; i++) {
    JSValue value = JS_GetPropertyUint32(ctx, list, i);
    status = JS_IsException(value) ? -1 : edge_to_finite(ctx, value, name, &out[i]);
    JS_FreeValue(ctx, value);
  }
  JS_FreeValue(ctx, list);
  return status;
}

static int read_order(JSContext *ctx, JSValueConst options, bool *bgr) {
  JSValue order = JS_GetPropertyStr(ctx, options, "order");
  if (JS_IsException(order)) return -1;
  const char *text = JS_IsUndefined(order) ? NULL : JS_ToCString(ctx, order);
  bool failed = !text && !JS_IsUndefined(order);
  bool unknown = text && strcmp(text, "rgb") != 0 && strcmp(text, "bgr") != 0;
  *bgr = text && strcmp(text, "bgr") == 0;
  JS_FreeCString(ctx, text);
  JS_FreeValue(ctx, order);
  if (unknown) JS_ThrowRangeError(ctx, "order must be \"rgb\" or \"bgr\"");
  return failed || unknown ? -1 : 0;
}

int edge_image_read_options(JSContext *ctx, JSValueConst value, edge_tensor_options *out) {
  static const char *const known[] = {"mean", "std", "order", "width", "height", "fill", NULL};
  int64_t width = 0, height = 0;
  double fill = 0;
  if (!JS_IsObject(value)) {
    JS_ThrowTypeError(ctx, "options must be an object with mean and std");
    return -1;
  }
  if (edge_check_keys(ctx, value, "toTensor's options", known) || read_triple(ctx, value, "mean", out->mean) ||
      read_triple(ctx, value, "std", out->std))
    return -1;
  for (int i = 0; i < 3; i++) {
    if (out->std[i] != 0) continue;
    JS_ThrowRangeError(ctx, "std must not be 0");
    return -1;
  }
  if (read_order(ctx, value, &out->bgr)) return -1;
  if (edge_get_int(ctx, value, "width", true, 1, EDGE_IMAGE_SIDE, &width) ||
      edge_get_int(ctx, value, "height", true, 1, EDGE_IMAGE_SIDE, &height))
    return -1;
  JSValue number = JS_GetPropertyStr(ctx, value, "fill");
  int status = JS_IsException(number) ? -1 : JS_IsUndefined(number) ? 0 : edge_to_finite(ctx, number, "fill", &fill);
  JS_FreeValue(ctx, number);
  out->fill = (float)fill;
  out->width = (int32_t)width;
  out->height = (int32_t)height;
  return status;
}
