#include "image_js.h"

#include <string.h>

#include "image.h"
#include "js_util.h"

#define COORDINATE_LIMIT 1e6

static void free_pixels(JSRuntime *rt, void *opaque, void *data) {
  (void)opaque;
  js_free_rt(rt, data);
}

JSValue edge_image_make(JSContext *ctx, int32_t width, int32_t height, JSValue buffer) {
  JSValue array = edge_new_array(ctx, buffer, JS_TYPED_ARRAY_UINT8);
  if (JS_IsException(array)) return array;
  JSValue object = JS_NewObject(ctx);
  JS_SetPropertyStr(ctx, object, "width", JS_NewInt32(ctx, width));
  JS_SetPropertyStr(ctx, object, "height", JS_NewInt32(ctx, height));
  JS_SetPropertyStr(ctx, object, "data", array);
  return object;
}

/* Reads {width, height, data}; `owner` keeps the pixels and is freed by the caller. 0 or -1 (thrown). */
static int read_image(JSContext *ctx, JSValueConst value, edge_image *out, JSValue *owner) {
  int64_t width = 0, height = 0;
  edge_view view;
  if (!JS_IsObject(value)) {
    JS_ThrowTypeError(ctx, "image must be an object with width, height and data");
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

/* Room for a picture, counted as JavaScript memory. 0 or -1 (thrown). */
static int make_room(JSContext *ctx, int64_t width, int64_t height, edge_image *out) {
  if (width * height > EDGE_IMAGE_PIXELS) {
    JS_ThrowRangeError(ctx, "a picture of %lld x %lld is too large", (long long)width, (long long)height);
    return -1;
  }
  out->width = (int32_t)width;
  out->height = (int32_t)height;
  out->data = js_malloc(ctx, edge_image_bytes(out));
  return out->data ? 0 : -1;
}

/* Hands the picture to JavaScript. */
static JSValue take(JSContext *ctx, edge_image *image) {
  JSValue buffer = JS_NewArrayBuffer(ctx, image->data, edge_image_bytes(image), free_pixels, NULL, false);
  if (JS_IsException(buffer)) {
    js_free(ctx, image->data);
    return buffer;
  }
  return edge_image_make(ctx, image->width, image->height, buffer);
}

static JSValueConst argument(int argc, JSValueConst *argv, int index) {
  return index < argc ? argv[index] : JS_UNDEFINED;
}

static int read_size(JSContext *ctx, int argc, JSValueConst *argv, int index, int64_t *width, int64_t *height) {
  if (edge_to_int(ctx, argument(argc, argv, index), "width", 1, EDGE_IMAGE_SIDE, width)) return -1;
  return edge_to_int(ctx, argument(argc, argv, index + 1), "height", 1, EDGE_IMAGE_SIDE, height);
}

JSValue edge_image_js_resize(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_image in, out;
  JSValue owner;
  int64_t width, height;
  (void)self;
  if (read_size(ctx, argc, argv, 1, &width, &height)) return JS_EXCEPTION;
  if (read_image(ctx, argument(argc, argv, 0), &in, &owner)) return JS_EXCEPTION;
  JSValue result = JS_EXCEPTION;
  if (make_room(ctx, width, height, &out) == 0) {
    if (edge_image_resize(&in, &out)) {
      result = take(ctx, &out);
    } else {
      js_free(ctx, out.data);
      JS_ThrowOutOfMemory(ctx);
    }
  }
  JS_FreeValue(ctx, owner);
  return result;
}

JSValue edge_image_js_crop(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_image in, out;
  JSValue owner, box = argument(argc, argv, 1);
  int64_t x = 0, y = 0, width = 0, height = 0;
  (void)self;
  if (!JS_IsObject(box)) return JS_ThrowTypeError(ctx, "box must be an object");
  if (edge_get_int(ctx, box, "x", false, 0, EDGE_IMAGE_SIDE, &x) ||
      edge_get_int(ctx, box, "y", false, 0, EDGE_IMAGE_SIDE, &y) ||
      edge_get_int(ctx, box, "width", false, 1, EDGE_IMAGE_SIDE, &width) ||
      edge_get_int(ctx, box, "height", false, 1, EDGE_IMAGE_SIDE, &height))
    return JS_EXCEPTION;
  if (read_image(ctx, argument(argc, argv, 0), &in, &owner)) return JS_EXCEPTION;
  JSValue result = JS_EXCEPTION;
  if (x + width > in.width || y + height > in.height) {
    JS_ThrowRangeError(ctx, "the box passes the picture's edge");
  } else if (make_room(ctx, width, height, &out) == 0) {
    edge_image_crop(&in, (int32_t)x, (int32_t)y, &out);
    result = take(ctx, &out);
  }
  JS_FreeValue(ctx, owner);
  return result;
}

JSValue edge_image_js_rotate(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  static const int orientations[4] = {1, 6, 3, 8};
  edge_image in, out;
  JSValue owner;
  int64_t degrees;
  (void)self;
  if (edge_to_int(ctx, argument(argc, argv, 1), "degrees", 0, 270, &degrees)) return JS_EXCEPTION;
  if (degrees % 90 != 0) return JS_ThrowRangeError(ctx, "degrees must be 0, 90, 180 or 270");
  if (read_image(ctx, argument(argc, argv, 0), &in, &owner)) return JS_EXCEPTION;
  JSValue result = JS_EXCEPTION;
  bool swap = degrees % 180 != 0;
  if (make_room(ctx, swap ? in.height : in.width, swap ? in.width : in.height, &out) == 0) {
    edge_image_orient(&in, orientations[degrees / 90], &out);
    result = take(ctx, &out);
  }
  JS_FreeValue(ctx, owner);
  return result;
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

JSValue edge_image_js_quad(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_image in, out;
  edge_point quad[4];
  JSValue owner;
  int64_t width, height;
  (void)self;
  if (!JS_IsObject(argument(argc, argv, 1))) return JS_ThrowTypeError(ctx, "quad must be an array of four points");
  for (uint32_t i = 0; i < 4; i++)
    if (read_point(ctx, argv[1], i, &quad[i])) return JS_EXCEPTION;
  if (read_size(ctx, argc, argv, 2, &width, &height)) return JS_EXCEPTION;
  if (read_image(ctx, argv[0], &in, &owner)) return JS_EXCEPTION;
  JSValue result = JS_EXCEPTION;
  if (make_room(ctx, width, height, &out) == 0) {
    if (edge_image_quad(&in, quad, &out)) {
      result = take(ctx, &out);
    } else {
      js_free(ctx, out.data);
      JS_ThrowRangeError(ctx, "the four points do not make a convex quadrilateral");
    }
  }
  JS_FreeValue(ctx, owner);
  return result;
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
  bool unknown = text && strcmp(text, "rgb") != 0 && strcmp(text, "bgr") != 0;
  *bgr = text && strcmp(text, "bgr") == 0;
  JS_FreeCString(ctx, text);
  JS_FreeValue(ctx, order);
  if (unknown) JS_ThrowRangeError(ctx, "order must be \"rgb\" or \"bgr\"");
  return unknown ? -1 : 0;
}

static int read_options(JSContext *ctx, JSValueConst value, edge_tensor_options *out, int64_t *width, int64_t *height) {
  double fill = 0;
  if (!JS_IsObject(value)) {
    JS_ThrowTypeError(ctx, "options must be an object with mean and std");
    return -1;
  }
  if (read_triple(ctx, value, "mean", out->mean) || read_triple(ctx, value, "std", out->std)) return -1;
  for (int i = 0; i < 3; i++) {
    if (out->std[i] != 0) continue;
    JS_ThrowRangeError(ctx, "std must not be 0");
    return -1;
  }
  if (read_order(ctx, value, &out->bgr)) return -1;
  if (edge_get_int(ctx, value, "width", true, 1, EDGE_IMAGE_SIDE, width) ||
      edge_get_int(ctx, value, "height", true, 1, EDGE_IMAGE_SIDE, height))
    return -1;
  JSValue number = JS_GetPropertyStr(ctx, value, "fill");
  int status = JS_IsException(number) ? -1 : JS_IsUndefined(number) ? 0 : edge_to_finite(ctx, number, "fill", &fill);
  JS_FreeValue(ctx, number);
  out->fill = (float)fill;
  return status;
}

static JSValue make_tensor(JSContext *ctx, const edge_image *in, const edge_tensor_options *options) {
  size_t bytes = (size_t)options->width * (size_t)options->height * 3 * sizeof(float);
  float *data = js_malloc(ctx, bytes);
  if (!data) return JS_EXCEPTION;
  edge_image_tensor(in, options, data);
  JSValue buffer = JS_NewArrayBuffer(ctx, (uint8_t *)data, bytes, free_pixels, NULL, false);
  if (JS_IsException(buffer)) js_free(ctx, data);
  JSValue array = edge_new_array(ctx, buffer, JS_TYPED_ARRAY_FLOAT32);
  if (JS_IsException(array)) return array;
  JSValue tensor = JS_NewObject(ctx);
  JSValue shape = JS_NewArray(ctx);
  const int32_t sizes[4] = {1, 3, options->height, options->width};
  for (uint32_t i = 0; i < 4; i++) JS_SetPropertyUint32(ctx, shape, i, JS_NewInt32(ctx, sizes[i]));
  JS_SetPropertyStr(ctx, tensor, "shape", shape);
  JS_SetPropertyStr(ctx, tensor, "data", array);
  return tensor;
}

JSValue edge_image_js_tensor(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  edge_image in;
  edge_tensor_options options;
  JSValue owner;
  int64_t width = 0, height = 0;
  (void)self;
  if (read_options(ctx, argument(argc, argv, 1), &options, &width, &height)) return JS_EXCEPTION;
  if (read_image(ctx, argv[0], &in, &owner)) return JS_EXCEPTION;
  if (width == 0) width = in.width;
  if (height == 0) height = in.height;
  options.width = (int32_t)width;
  options.height = (int32_t)height;
  JSValue result = JS_EXCEPTION;
  if (width < in.width || height < in.height)
    JS_ThrowRangeError(ctx, "the tensor's size must not be below the picture's (%d x %d)", in.width, in.height);
  else if (width * height > EDGE_IMAGE_PIXELS)
    JS_ThrowRangeError(ctx, "a tensor of %lld x %lld is too large", (long long)width, (long long)height);
  else
    result = make_tensor(ctx, &in, &options);
  JS_FreeValue(ctx, owner);
  return result;
}
