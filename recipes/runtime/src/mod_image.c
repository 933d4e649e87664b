/* edge:image */
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "image_js.h"
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
  self->max_pixels = DEFAULT_PIXELS;
  if (argc > 1 && JS_IsObject(argv[1]) &&
      edge_get_int(ctx, argv[1], "maxPixels", true, 1, EDGE_IMAGE_PIXELS, &self->max_pixels))
    return -1;
  return edge_view_bytes(ctx, argc > 0 ? argv[0] : JS_UNDEFINED, "bytes", &self->bytes);
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
    JS_CFUNC_DEF("resize", 3, edge_image_js_resize),
    JS_CFUNC_DEF("crop", 2, edge_image_js_crop),
    JS_CFUNC_DEF("rotate", 2, edge_image_js_rotate),
    JS_CFUNC_DEF("cropQuad", 4, edge_image_js_quad),
    JS_CFUNC_DEF("toTensor", 2, edge_image_js_tensor),
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
