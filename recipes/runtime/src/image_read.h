/* image_read.h: pictures and arguments of edge:image between JavaScript and C. */
#ifndef EDGE_IMAGE_READ_H
#define EDGE_IMAGE_READ_H

#include <quickjs/quickjs.h>

#include "image.h"

/* Makes {width, height, data}; `buffer` (an ArrayBuffer) is consumed. */
JSValue edge_image_make(JSContext *ctx, int32_t width, int32_t height, JSValue buffer);

/* All of these give 0, or -1 (thrown). */

/* Reads {width, height, data}; `owner` keeps the pixels and is freed by the caller. */
int edge_image_read(JSContext *ctx, JSValueConst value, edge_image *out, JSValue *owner);
/* Reads argv[index] and argv[index + 1]. */
int edge_image_read_size(JSContext *ctx, int argc, JSValueConst *argv, int index, int64_t *width, int64_t *height);
/* Reads four points. */
int edge_image_read_quad(JSContext *ctx, JSValueConst value, edge_point quad[4]);
/* Reads the options of toTensor; `width` and `height` are 0 where they are not given. */
int edge_image_read_options(JSContext *ctx, JSValueConst value, edge_tensor_options *out);

static inline JSValueConst edge_argument(int argc, JSValueConst *argv, int index) {
  return index < argc ? argv[index] : JS_UNDEFINED;
}

#endif
