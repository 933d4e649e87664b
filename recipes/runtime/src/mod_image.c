/* edge:image */
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "image_operations.h"
#include "image_read.h"
#include "work.h"

#define DEFAULT_PIXELS 16000000

typedef struct {
  edge_work work;
  edge_view bytes; /* kept until the end */
  int64_t max_pixels;
  bool ok;
  edge_image image; /* data: malloc */
  char message[256];
} decode_work;

static void run_decode(edge_work *work) {
  decode_work *self = (decode_work *)work;
  self->ok = edge_image_decode(self->bytes.bytes, self->bytes.len, self->max_pixels, &self->image, self->message,
                               sizeof self->message);
}

static JSValue finish_decode(edge_work *work) {
  decode_work *self = (decode_work *)work;
  JSContext *ctx = work->host->ctx;
  if (!self->ok) return edge_throw(ctx, "IMAGE", "%s", self->message);
  JSValue buffer = edge_new_buffer(ctx, self->image.data, edge_image_bytes(&self->image));
  self->image.data = NULL;
  return edge_image_make(ctx, self->image.width, self->image.height, buffer);
}

static void dispose_decode(edge_work *work) {
  decode_work *self = (decode_work *)work;
  JS_FreeValue(work->host->ctx, self->bytes.owner);
  free(self->image.data);
  free(self);
}

static int prepare_decode(JSContext *ctx, decode_work *self, int argc, JSValueConst *argv) {
  static const char *const known[] = {"maxPixels", NULL};
  JSValueConst options = edge_argument(argc, argv, 1);
  self->max_pixels = DEFAULT_PIXELS;
  if (!JS_IsUndefined(options) &&
      (edge_check_keys(ctx, options, "decode's options", known) ||
       edge_get_int(ctx, options, "maxPixels", true, 1, EDGE_IMAGE_PIXELS, &self->max_pixels)))
    return -1;
  return edge_view_bytes(ctx, edge_argument(argc, argv, 0), "bytes", &self->bytes);
}

static JSValue decode(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv) {
  (void)this_value;
  decode_work *self = calloc(1, sizeof *self);
  if (!self) return JS_ThrowOutOfMemory(ctx);
  self->bytes.owner = JS_UNDEFINED;
  self->work.run = run_decode;
  self->work.finish = finish_decode;
  self->work.dispose = dispose_decode;
  JSValue promise = edge_work_promise(ctx, &self->work);
  if (JS_IsException(promise) || prepare_decode(ctx, self, argc, argv)) edge_work_settle(&self->work, JS_EXCEPTION);
  else edge_work_start(&self->work);
  return promise;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("decode", 2, decode),
    JS_CFUNC_MAGIC_DEF("resize", 3, edge_image_operate, EDGE_RESIZE),
    JS_CFUNC_MAGIC_DEF("crop", 2, edge_image_operate, EDGE_CROP),
    JS_CFUNC_MAGIC_DEF("rotate", 2, edge_image_operate, EDGE_ROTATE),
    JS_CFUNC_MAGIC_DEF("cropQuad", 4, edge_image_operate, EDGE_QUAD),
    JS_CFUNC_MAGIC_DEF("toTensor", 2, edge_image_operate, EDGE_TENSOR),
};
#define FUNCTION_COUNT (int)(sizeof functions / sizeof *functions)

static int init(JSContext *ctx, JSModuleDef *module) {
  return JS_SetModuleExportList(ctx, module, functions, FUNCTION_COUNT);
}

JSModuleDef *edge_module_image(JSContext *ctx, const char *name) {
  JSModuleDef *module = JS_NewCModule(ctx, name, init);
  if (module) JS_AddModuleExportList(ctx, module, functions, FUNCTION_COUNT);
  return module;
}
