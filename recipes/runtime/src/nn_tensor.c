#include "nn_tensor.h"

#include <stdlib.h>

static const char *array_class(edge_nn_type type) {
  switch (type) {
    case EDGE_NN_F32: return "Float32Array";
    case EDGE_NN_I8: return "Int8Array";
    case EDGE_NN_U8: return "Uint8Array";
    case EDGE_NN_I32: return "Int32Array";
    case EDGE_NN_I64: return "BigInt64Array";
  }
  return "?";
}

static JSTypedArrayEnum array_type(edge_nn_type type) {
  switch (type) {
    case EDGE_NN_F32: return JS_TYPED_ARRAY_FLOAT32;
    case EDGE_NN_I8: return JS_TYPED_ARRAY_INT8;
    case EDGE_NN_U8: return JS_TYPED_ARRAY_UINT8;
    case EDGE_NN_I32: return JS_TYPED_ARRAY_INT32;
    case EDGE_NN_I64: return JS_TYPED_ARRAY_BIG_INT64;
  }
  return JS_TYPED_ARRAY_UINT8;
}

static int refuse(JSContext *ctx, const char *code, const char *name, const char *problem) {
  edge_throw(ctx, code, "input \"%s\": %s", name, problem);
  return -1;
}

int edge_shape_read(JSContext *ctx, JSValueConst array, const char *name, uint32_t *rank, int32_t *shape) {
  int64_t length = -1;
  if (JS_IsArray(ctx, array) != 1) return refuse(ctx, "ARGUMENT", name, "shape must be an array of numbers");
  if (edge_get_int(ctx, array, "length", false, 0, EDGE_NN_MAX_RANK, &length)) return -1;
  *rank = (uint32_t)length;
  for (uint32_t i = 0; i < *rank; i++) {
    int64_t size = 0;
    JSValue item = JS_GetPropertyUint32(ctx, array, i);
    int bad = JS_IsException(item) || edge_to_int(ctx, item, "shape", 1, INT32_MAX, &size);
    JS_FreeValue(ctx, item);
    if (bad) return -1;
    shape[i] = (int32_t)size;
  }
  return 0;
}

JSValue edge_shape_make(JSContext *ctx, uint32_t rank, const int32_t *shape) {
  JSValue list = JS_NewArray(ctx);
  for (uint32_t i = 0; i < rank; i++) JS_SetPropertyUint32(ctx, list, i, JS_NewInt32(ctx, shape[i]));
  return list;
}

int edge_tensor_read(JSContext *ctx, JSValueConst value, const edge_nn_tensor_info *info, edge_nn_tensor *out,
                     edge_view *view) {
  uint64_t bytes;
  if (!JS_IsObject(value)) return refuse(ctx, "ARGUMENT", info->name, "no tensor was given");
  JSValue shape = JS_GetPropertyStr(ctx, value, "shape");
  if (JS_IsException(shape)) return -1;
  int bad = edge_shape_read(ctx, shape, info->name, &out->rank, out->shape);
  JS_FreeValue(ctx, shape);
  if (bad) return -1;
  out->type = info->type;
  JSValue data = JS_GetPropertyStr(ctx, value, "data");
  if (JS_IsException(data)) return -1;
  if (!edge_is_typed_array(ctx, data, array_class(info->type))) {
    JS_FreeValue(ctx, data);
    edge_throw(ctx, "TYPE", "input \"%s\": data must be a %s", info->name, array_class(info->type));
    return -1;
  }
  int status = edge_view_array(ctx, data, array_class(info->type), "data", view);
  JS_FreeValue(ctx, data);
  if (status) return -1;
  if (!edge_shape_bytes(out->shape, out->rank, edge_element_size(info->type), EDGE_TENSOR_LIMIT, &bytes) ||
      bytes != view->len) {
    JS_FreeValue(ctx, view->owner);
    return refuse(ctx, "ARGUMENT", info->name, "data.length is not the product of shape");
  }
  out->bytes = view->len;
  out->data = view->bytes;
  return 0;
}

JSValue edge_tensor_make(JSContext *ctx, const edge_nn_tensor *tensor, void *data) {
  JSValue array = edge_new_array(ctx, edge_new_buffer(ctx, data, tensor->bytes), array_type(tensor->type));
  if (JS_IsException(array)) return array;
  JSValue object = JS_NewObject(ctx);
  JS_SetPropertyStr(ctx, object, "shape", edge_shape_make(ctx, tensor->rank, tensor->shape));
  JS_SetPropertyStr(ctx, object, "data", array);
  return object;
}

static JSValue make_info(JSContext *ctx, const edge_nn_tensor_info *info) {
  JSValue object = JS_NewObject(ctx);
  JSValue list = JS_NewArray(ctx);
  for (uint32_t i = 0; i < info->rank && i < EDGE_NN_MAX_RANK; i++) {
    JSValue dim = JS_NewObject(ctx);
    JS_SetPropertyStr(ctx, dim, "min", JS_NewInt32(ctx, info->dims[i].min));
    JS_SetPropertyStr(ctx, dim, "max", JS_NewInt32(ctx, info->dims[i].max));
    JS_SetPropertyStr(ctx, dim, "step", JS_NewInt32(ctx, info->dims[i].step));
    JS_SetPropertyUint32(ctx, list, i, dim);
  }
  JS_SetPropertyStr(ctx, object, "name", JS_NewString(ctx, info->name));
  JS_SetPropertyStr(ctx, object, "type", JS_NewString(ctx, edge_type_name(info->type)));
  JS_SetPropertyStr(ctx, object, "dimensions", list);
  if (info->shape_count) {
    JSValue shapes = JS_NewArray(ctx);
    for (uint32_t i = 0; i < info->shape_count; i++)
      JS_SetPropertyUint32(ctx, shapes, i, edge_shape_make(ctx, info->rank, info->shapes + (size_t)i * info->rank));
    JS_SetPropertyStr(ctx, object, "shapes", shapes);
  }
  return object;
}

JSValue edge_tensor_infos(JSContext *ctx, const edge_engine *engine, const edge_nn_model *model, bool outputs) {
  uint32_t count = outputs ? engine->output_count(model) : engine->input_count(model);
  JSValue list = JS_NewArray(ctx);
  for (uint32_t i = 0; i < count; i++) {
    const edge_nn_tensor_info *info = outputs ? engine->output_info(model, i) : engine->input_info(model, i);
    if (info) JS_SetPropertyUint32(ctx, list, i, make_info(ctx, info));
  }
  return list;
}
