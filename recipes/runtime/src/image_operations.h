/* image_operations.h: the operations of edge:image on decoded pictures. */
#ifndef EDGE_IMAGE_OPERATIONS_H
#define EDGE_IMAGE_OPERATIONS_H

#include <quickjs/quickjs.h>

typedef enum { EDGE_RESIZE, EDGE_CROP, EDGE_ROTATE, EDGE_QUAD, EDGE_TENSOR } edge_image_operation;

/* Starts the operation `magic`, off the event loop: the promise of its result. Arguments are checked at once; what is
 * wrong with them rejects. */
JSValue edge_image_operate(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv, int magic);

#endif
