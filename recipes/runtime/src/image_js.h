/* image_js.h: the operations of edge:image that answer at once. */
#ifndef EDGE_IMAGE_JS_H
#define EDGE_IMAGE_JS_H

#include <quickjs/quickjs.h>
#include <stdint.h>

/* Makes {width, height, data}; `buffer` (an ArrayBuffer) is consumed. */
JSValue edge_image_make(JSContext *ctx, int32_t width, int32_t height, JSValue buffer);

JSCFunction edge_image_js_resize, edge_image_js_crop, edge_image_js_rotate, edge_image_js_quad, edge_image_js_tensor;

#endif
