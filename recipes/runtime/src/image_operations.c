/* Each operation reads its arguments and makes room on the loop, and works on a pool thread: a large picture takes
 * seconds on a small core. */
#include "image_operations.h"

#include <stdlib.h>

#include "image_read.h"
#include "work.h"

typedef struct {
  edge_work work;
  edge_image in; /* its pixels are `owner`'s */
  JSValue owner;
  edge_image out;
  void *result; /* js_malloc, counted as JavaScript memory: out's pixels, or a tensor's values; NULL once handed over */
  size_t bytes; /* of `result` */
  enum { DONE, NO_MEMORY, NOT_CONVEX } status;
  union {
    struct {
      int32_t x, y;
    } corner;
    int orientation; /* as in EXIF */
    edge_point quad[4];
    edge_tensor_options tensor;
  } with;
} operation;

static int make_room(JSContext *ctx, operation *self, size_t bytes) {
  self->result = js_malloc(ctx, bytes);
  self->bytes = bytes;
  return self->result ? 0 : -1;
}

/* Room for a picture. 0 or -1 (thrown). */
static int make_picture(JSContext *ctx, operation *self, int64_t width, int64_t height) {
  if (width * height > EDGE_IMAGE_PIXELS) {
    JS_ThrowRangeError(ctx, "a picture of %lld x %lld is too large", (long long)width, (long long)height);
    return -1;
  }
  self->out.width = (int32_t)width;
  self->out.height = (int32_t)height;
  if (make_room(ctx, self, edge_image_bytes(&self->out))) return -1;
  self->out.data = self->result;
  return 0;
}

static int read_image(JSContext *ctx, operation *self, int argc, JSValueConst *argv) {
  return edge_image_read(ctx, edge_argument(argc, argv, 0), &self->in, &self->owner);
}

static int prepare_resize(JSContext *ctx, operation *self, int argc, JSValueConst *argv) {
  int64_t width, height;
  if (edge_image_read_size(ctx, argc, argv, 1, &width, &height) || read_image(ctx, self, argc, argv)) return -1;
  return make_picture(ctx, self, width, height);
}

static void run_resize(edge_work *work) {
  operation *self = (operation *)work;
  if (!edge_image_resize(&self->in, &self->out)) self->status = NO_MEMORY;
}

static int prepare_crop(JSContext *ctx, operation *self, int argc, JSValueConst *argv) {
  JSValueConst box = edge_argument(argc, argv, 1);
  int64_t x = 0, y = 0, width = 0, height = 0;
  if (!JS_IsObject(box)) {
    JS_ThrowTypeError(ctx, "box must be an object");
    return -1;
  }
  if (edge_get_int(ctx, box, "x", false, 0, EDGE_IMAGE_SIDE, &x) ||
      edge_get_int(ctx, box, "y", false, 0, EDGE_IMAGE_SIDE, &y) ||
      edge_get_int(ctx, box, "width", false, 1, EDGE_IMAGE_SIDE, &width) ||
      edge_get_int(ctx, box, "height", false, 1, EDGE_IMAGE_SIDE, &height) || read_image(ctx, self, argc, argv))
    return -1;
  if (x + width > self->in.width || y + height > self->in.height) {
    JS_ThrowRangeError(ctx, "the box passes the picture's edge");
    return -1;
  }
  self->with.corner.x = (int32_t)x;
  self->with.corner.y = (int32_t)y;
  return make_picture(ctx, self, width, height);
}

static void run_crop(edge_work *work) {
  operation *self = (operation *)work;
  edge_image_crop(&self->in, self->with.corner.x, self->with.corner.y, &self->out);
}

static int prepare_rotate(JSContext *ctx, operation *self, int argc, JSValueConst *argv) {
  static const int orientations[4] = {1, 6, 3, 8};
  int64_t degrees;
  if (edge_to_int(ctx, edge_argument(argc, argv, 1), "degrees", 0, 270, &degrees)) return -1;
  if (degrees % 90 != 0) {
    JS_ThrowRangeError(ctx, "degrees must be 0, 90, 180 or 270");
    return -1;
  }
  if (read_image(ctx, self, argc, argv)) return -1;
  self->with.orientation = orientations[degrees / 90];
  const bool swap = degrees % 180 != 0;
  return make_picture(ctx, self, swap ? self->in.height : self->in.width, swap ? self->in.width : self->in.height);
}

static void run_rotate(edge_work *work) {
  operation *self = (operation *)work;
  edge_image_orient(&self->in, self->with.orientation, &self->out);
}

static int prepare_quad(JSContext *ctx, operation *self, int argc, JSValueConst *argv) {
  int64_t width, height;
  if (edge_image_read_quad(ctx, edge_argument(argc, argv, 1), self->with.quad) ||
      edge_image_read_size(ctx, argc, argv, 2, &width, &height) || read_image(ctx, self, argc, argv))
    return -1;
  return make_picture(ctx, self, width, height);
}

static void run_quad(edge_work *work) {
  operation *self = (operation *)work;
  if (!edge_image_quad(&self->in, self->with.quad, &self->out)) self->status = NOT_CONVEX;
}

static int prepare_tensor(JSContext *ctx, operation *self, int argc, JSValueConst *argv) {
  edge_tensor_options *options = &self->with.tensor;
  if (edge_image_read_options(ctx, edge_argument(argc, argv, 1), options) || read_image(ctx, self, argc, argv)) return -1;
  if (options->width == 0) options->width = self->in.width;
  if (options->height == 0) options->height = self->in.height;
  if (options->width < self->in.width || options->height < self->in.height) {
    JS_ThrowRangeError(ctx, "the tensor's size must not be below the picture's (%d x %d)", (int)self->in.width,
                       (int)self->in.height);
    return -1;
  }
  if ((int64_t)options->width * options->height > EDGE_IMAGE_PIXELS) {
    JS_ThrowRangeError(ctx, "a tensor of %d x %d is too large", (int)options->width, (int)options->height);
    return -1;
  }
  return make_room(ctx, self, (size_t)options->width * (size_t)options->height * 3 * sizeof(float));
}

static void run_tensor(edge_work *work) {
  operation *self = (operation *)work;
  edge_image_tensor(&self->in, &self->with.tensor, self->result);
}

static void free_result(JSRuntime *rt, void *opaque, void *data) {
  (void)opaque;
  js_free_rt(rt, data);
}

/* Hands the result to JavaScript as an ArrayBuffer. */
static JSValue take_result(JSContext *ctx, operation *self) {
  JSValue buffer = JS_NewArrayBuffer(ctx, self->result, self->bytes, free_result, NULL, false);
  if (!JS_IsException(buffer)) self->result = NULL;
  return buffer;
}

static JSValue finish_picture(edge_work *work) {
  operation *self = (operation *)work;
  JSContext *ctx = work->host->ctx;
  if (self->status == NO_MEMORY) return JS_ThrowOutOfMemory(ctx);
  if (self->status == NOT_CONVEX)
    return JS_ThrowRangeError(ctx, "the four points do not make a convex quadrilateral");
  return edge_image_make(ctx, self->out.width, self->out.height, take_result(ctx, self));
}

static JSValue finish_tensor(edge_work *work) {
  operation *self = (operation *)work;
  JSContext *ctx = work->host->ctx;
  JSValue array = edge_new_array(ctx, take_result(ctx, self), JS_TYPED_ARRAY_FLOAT32);
  if (JS_IsException(array)) return array;
  JSValue tensor = JS_NewObject(ctx);
  JSValue shape = JS_NewArray(ctx);
  const int32_t sizes[4] = {1, 3, self->with.tensor.height, self->with.tensor.width};
  for (uint32_t i = 0; i < 4; i++) JS_SetPropertyUint32(ctx, shape, i, JS_NewInt32(ctx, sizes[i]));
  JS_SetPropertyStr(ctx, tensor, "shape", shape);
  JS_SetPropertyStr(ctx, tensor, "data", array);
  return tensor;
}

static void dispose(edge_work *work) {
  operation *self = (operation *)work;
  JS_FreeValue(work->host->ctx, self->owner);
  js_free(work->host->ctx, self->result);
  free(self);
}

static const struct {
  int (*prepare)(JSContext *ctx, operation *self, int argc, JSValueConst *argv); /* 0 or -1 (thrown) */
  void (*run)(edge_work *work);
  JSValue (*finish)(edge_work *work);
} operations[] = {
    [EDGE_RESIZE] = {prepare_resize, run_resize, finish_picture},
    [EDGE_CROP] = {prepare_crop, run_crop, finish_picture},
    [EDGE_ROTATE] = {prepare_rotate, run_rotate, finish_picture},
    [EDGE_QUAD] = {prepare_quad, run_quad, finish_picture},
    [EDGE_TENSOR] = {prepare_tensor, run_tensor, finish_tensor},
};

JSValue edge_image_operate(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv, int magic) {
  (void)this_value;
  operation *self = calloc(1, sizeof *self);
  if (!self) return JS_ThrowOutOfMemory(ctx);
  self->owner = JS_UNDEFINED;
  self->work.run = operations[magic].run;
  self->work.finish = operations[magic].finish;
  self->work.dispose = dispose;
  JSValue promise = edge_work_promise(ctx, &self->work);
  if (JS_IsException(promise) || operations[magic].prepare(ctx, self, argc, argv))
    edge_work_settle(&self->work, JS_EXCEPTION);
  else edge_work_start(&self->work);
  return promise;
}
