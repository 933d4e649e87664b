#include "kernels_layer.h"

#include <math.h>
#include <string.h>

static int refuse(JSContext *ctx, const char *code, const char *name, const char *problem) {
  edge_throw(ctx, code, "%s %s", name, problem);
  return -1;
}

static int to_number(JSContext *ctx, JSValueConst value, const char *name, int32_t low, int32_t high, int32_t *out) {
  double number;
  if (!JS_IsNumber(value)) return refuse(ctx, "ARGUMENT", name, "must be a number");
  if (JS_ToFloat64(ctx, &number, value)) return -1;
  if (!(number >= low && number <= high) || number != floor(number)) {
    edge_throw(ctx, "RANGE", "%s must be an integer from %d to %d", name, (int)low, (int)high);
    return -1;
  }
  *out = (int32_t)number;
  return 0;
}

static int list_numbers(JSContext *ctx, JSValueConst list, const char *name, int32_t low, int32_t high, int most,
                        int32_t *out) {
  JSValue length = JS_GetPropertyStr(ctx, list, "length");
  int32_t count = 0;
  int bad = JS_IsException(length) || to_number(ctx, length, name, 1, most, &count);
  JS_FreeValue(ctx, length);
  for (int i = 0; i < count && !bad; i++) {
    JSValue item = JS_GetPropertyUint32(ctx, list, (uint32_t)i);
    bad = JS_IsException(item) || to_number(ctx, item, name, low, high, &out[i]);
    JS_FreeValue(ctx, item);
  }
  return bad ? -1 : count;
}

/* A number, or an array of at most `most`: how many came into `out`, 0 when there is no such property, -1 (thrown). */
static int get_numbers(JSContext *ctx, JSValueConst object, const char *name, int32_t low, int32_t high, int most,
                       int32_t *out) {
  JSValue value = JS_GetPropertyStr(ctx, object, name);
  int count = -1;
  if (JS_IsException(value)) return -1;
  if (JS_IsUndefined(value)) count = 0;
  else if (most > 1 && JS_IsArray(ctx, value) == 1) count = list_numbers(ctx, value, name, low, high, most, out);
  else if (to_number(ctx, value, name, low, high, out) == 0) count = 1;
  JS_FreeValue(ctx, value);
  return count;
}

/* An optional number; *out stays as it is without one. */
static int get_number(JSContext *ctx, JSValueConst object, const char *name, int32_t low, int32_t high, int32_t *out) {
  return get_numbers(ctx, object, name, low, high, 1, out) < 0 ? -1 : 0;
}

/* N or [height, width]; 1 without one. */
static int get_pair(JSContext *ctx, JSValueConst object, const char *name, int32_t *height, int32_t *width) {
  int32_t sides[2] = {1, 1};
  int count = get_numbers(ctx, object, name, 1, EDGE_MAX_SIDE, 2, sides);
  if (count < 0) return -1;
  *height = sides[0];
  *width = count == 2 ? sides[1] : sides[0];
  return 0;
}

static int get_flag(JSContext *ctx, JSValueConst object, const char *name, int32_t *out) {
  JSValue value = JS_GetPropertyStr(ctx, object, name);
  int status = 0;
  if (JS_IsException(value)) return -1;
  if (JS_IsBool(value)) *out = JS_ToBool(ctx, value) == 1;
  else if (!JS_IsUndefined(value)) status = refuse(ctx, "ARGUMENT", name, "must be true or false");
  JS_FreeValue(ctx, value);
  return status;
}

/* Position of a string in `words` (NULL-terminated); *out stays as it is without one. */
static int get_word(JSContext *ctx, JSValueConst object, const char *name, const char *const *words, int32_t *out) {
  JSValue value = JS_GetPropertyStr(ctx, object, name);
  int status = 0;
  if (JS_IsException(value)) return -1;
  if (!JS_IsUndefined(value)) {
    const char *text = JS_IsString(value) ? JS_ToCString(ctx, value) : NULL;
    int32_t at = 0;
    while (text && words[at] && strcmp(words[at], text) != 0) at++;
    if (text && words[at]) *out = at;
    else status = refuse(ctx, "ARGUMENT", name, "has an unknown value");
    JS_FreeCString(ctx, text);
  }
  JS_FreeValue(ctx, value);
  return status;
}

/* Borrows a typed array. Its bytes, 0 and NULL when it is absent and optional. */
static int get_array(JSContext *ctx, JSValueConst object, const char *name, const char *class_name, bool optional,
                     edge_layer_source *source, const void **data, size_t *bytes) {
  edge_view view = {.owner = JS_UNDEFINED};
  JSValue value = JS_GetPropertyStr(ctx, object, name);
  int status = -1;
  *data = NULL;
  *bytes = 0;
  if (JS_IsException(value)) return -1;
  if (optional && JS_IsUndefined(value)) return 0;
  if (!edge_is_typed_array(ctx, value, class_name)) {
    edge_throw(ctx, "TYPE", "%s must be a %s", name, class_name);
  } else if (edge_view_array(ctx, value, class_name, name, &view) == 0) {
    source->owners[source->owner_count++] = view.owner;
    *data = view.bytes;
    *bytes = view.len;
    status = 0;
  }
  JS_FreeValue(ctx, value);
  return status;
}

/* The same with one 32-bit value for each output channel. */
static int get_channels(JSContext *ctx, JSValueConst object, const char *name, const char *class_name, bool optional,
                        edge_layer_source *source, const void **data) {
  size_t bytes;
  if (get_array(ctx, object, name, class_name, optional, source, data, &bytes)) return -1;
  if (*data && bytes != (size_t)source->conv.out_channels * 4)
    return refuse(ctx, "SIZE", name, "must have one value for each output channel");
  return 0;
}

static int read_shape(JSContext *ctx, JSValueConst description, edge_conv *conv) {
  int32_t input[4], pad[4] = {0, 0, 0, 0};
  int count = get_numbers(ctx, description, "input", 1, EDGE_MAX_SIDE, 4, input);
  if (count < 0) return -1;
  if (count != 4) return refuse(ctx, "ARGUMENT", "input", "must be [batch, height, width, channels]");
  conv->batch = input[0], conv->in_height = input[1], conv->in_width = input[2], conv->in_channels = input[3];
  count = get_numbers(ctx, description, "outputs", 1, EDGE_MAX_SIDE, 1, &conv->out_channels);
  if (count < 0) return -1;
  if (count != 1) return refuse(ctx, "ARGUMENT", "outputs", "must be the number of output channels");
  if (get_pair(ctx, description, "kernel", &conv->kernel_height, &conv->kernel_width) ||
      get_pair(ctx, description, "stride", &conv->stride_height, &conv->stride_width) ||
      get_pair(ctx, description, "dilation", &conv->dilation_height, &conv->dilation_width))
    return -1;
  count = get_numbers(ctx, description, "pad", 0, EDGE_MAX_SIDE, 4, pad);
  if (count < 0) return -1;
  if (count == 3) return refuse(ctx, "ARGUMENT", "pad", "must be N, [vertical, horizontal] or [top, left, bottom, right]");
  if (count == 1) pad[1] = pad[0];
  if (count == 1 || count == 2) pad[2] = pad[0], pad[3] = pad[1];
  conv->pad_top = pad[0], conv->pad_left = pad[1], conv->pad_bottom = pad[2], conv->pad_right = pad[3];
  conv->groups = 1;
  return get_number(ctx, description, "groups", 1, EDGE_MAX_SIDE, &conv->groups);
}

static int read_scheme(JSContext *ctx, JSValueConst description, edge_conv *conv) {
  /* In the order of edge_weight_format. */
  static const char *const formats[] = {"bytes", "int4", "uint2", "bits", "log4", NULL};
  static const struct {
    int32_t bits, input_bits, scheme;
  } schemes[] = {
      {8, 8, EDGE_W8A8}, {7, 7, EDGE_W7A7}, {4, 4, EDGE_W4A4}, {2, 2, EDGE_W2A2}, {1, 2, EDGE_W1A2}, {1, 1, EDGE_W1A1},
  };
  int32_t bits = 0, input_bits;
  if (get_number(ctx, description, "bits", 1, 8, &bits)) return -1;
  input_bits = bits;
  if (get_number(ctx, description, "inputBits", 1, 8, &input_bits)) return -1;
  conv->scheme = -1;
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
    if (schemes[i].bits == bits && schemes[i].input_bits == input_bits) conv->scheme = schemes[i].scheme;
  if (conv->scheme < 0) return refuse(ctx, "ARGUMENT", "bits", "must be 8, 7, 4, 2 or 1; inputBits the same, or 2 with 1");
  conv->input_signed = bits >= 4;
  conv->weight_zero2 = conv->scheme == EDGE_W2A2 ? 4 : 0;
  if (get_flag(ctx, description, "inputSigned", &conv->input_signed) ||
      get_number(ctx, description, "inputZero", -128, 255, &conv->input_zero) ||
      get_number(ctx, description, "padCode", 0, 1, &conv->pad_code) ||
      get_number(ctx, description, "weightZero2", 0, 6, &conv->weight_zero2))
    return -1;
  return get_word(ctx, description, "weightFormat", formats, &conv->weight_format);
}

static int read_threshold(JSContext *ctx, JSValueConst object, edge_layer_source *source) {
  static const char *const known[] = {"threshold", NULL};
  edge_conv *conv = &source->conv;
  const void *data;
  size_t bytes;
  if (edge_check_keys(ctx, object, "requantize with threshold", known) ||
      get_array(ctx, object, "threshold", "Int32Array", false, source, &data, &bytes))
    return -1;
  const size_t channel = (size_t)conv->out_channels * 4;
  if (bytes != channel && bytes != 3 * channel)
    return refuse(ctx, "SIZE", "threshold", "must have one or three values for each output channel");
  conv->requant = EDGE_REQUANT_THRESHOLD;
  conv->levels = (int32_t)(bytes / channel) + 1;
  source->data.threshold = data;
  return 0;
}

static int has(JSContext *ctx, JSValueConst object, const char *name) {
  JSValue value = JS_GetPropertyStr(ctx, object, name);
  if (JS_IsException(value)) return -1;
  int found = !JS_IsUndefined(value);
  JS_FreeValue(ctx, value);
  return found;
}

static int read_factors(JSContext *ctx, JSValueConst object, edge_layer_source *source) {
  const void *scale, *shift, *multiplier;
  if (get_channels(ctx, object, "scale", "Float32Array", true, source, &scale)) return -1;
  source->data.scale = scale;
  if (get_channels(ctx, object, "shift", "Int32Array", scale != NULL, source, &shift)) return -1;
  source->data.shift = shift;
  if (scale && shift) return refuse(ctx, "ARGUMENT", "requantize", "has either a scale or a shift");
  if (get_channels(ctx, object, "multiplier", "Int32Array", true, source, &multiplier)) return -1;
  source->data.multiplier = multiplier;
  if (scale && multiplier) return refuse(ctx, "ARGUMENT", "requantize", "has either a scale or a multiplier");
  source->conv.requant = scale ? EDGE_REQUANT_FLOAT : multiplier ? EDGE_REQUANT_FIXED : EDGE_REQUANT_SHIFT;
  return 0;
}

static int read_requantize(JSContext *ctx, JSValueConst object, edge_layer_source *source) {
  static const char *const known[] = {"scale", "multiplier", "shift", "threshold", "signed", "zero", "min", "max", NULL};
  edge_conv *conv = &source->conv;
  if (JS_IsUndefined(object)) return 0; /* EDGE_REQUANT_NONE */
  if (edge_check_keys(ctx, object, "requantize", known)) return -1;
  int threshold = has(ctx, object, "threshold");
  if (threshold) return threshold < 0 ? -1 : read_threshold(ctx, object, source);
  if (read_factors(ctx, object, source)) return -1;
  conv->output_signed = 1;
  if (get_flag(ctx, object, "signed", &conv->output_signed)) return -1;
  const int32_t low = conv->output_signed ? -128 : 0, high = low + 255;
  conv->clamp_low = low, conv->clamp_high = high;
  if (get_number(ctx, object, "zero", low, high, &conv->output_zero) ||
      get_number(ctx, object, "min", low, high, &conv->clamp_low))
    return -1;
  return get_number(ctx, object, "max", conv->clamp_low, high, &conv->clamp_high);
}

static int read_arrays(JSContext *ctx, JSValueConst description, edge_layer_source *source) {
  const edge_conv *conv = &source->conv;
  const bool is_signed = conv->weight_format == EDGE_WEIGHTS_BYTES && conv->scheme <= EDGE_W4A4;
  const void *bias;
  if (get_array(ctx, description, "weights", is_signed ? "Int8Array" : "Uint8Array", false, source,
                &source->data.weights, &source->data.weight_bytes) ||
      get_channels(ctx, description, "bias", "Int32Array", true, source, &bias))
    return -1;
  source->data.bias = bias;
  JSValue requantize = JS_GetPropertyStr(ctx, description, "requantize");
  int status = JS_IsException(requantize) ? -1 : read_requantize(ctx, requantize, source);
  JS_FreeValue(ctx, requantize);
  return status;
}

int edge_layer_read(JSContext *ctx, const edge_kernels *kernels, JSValueConst description, edge_layer_source *source) {
  static const char *const known[] = {
      "bits",         "inputBits", "input",   "outputs",     "kernel",      "stride",  "dilation", "pad",        "groups",
      "weightFormat", "weights",   "bias",    "inputSigned", "inputZero",   "padCode", "variant",  "requantize", "weightZero2",
      NULL};
  const char *variants[EDGE_VARIANT_NEON64 + 2] = {NULL};
  int32_t variant = EDGE_VARIANT_AUTO;
  for (int32_t i = 0; i <= EDGE_VARIANT_NEON64; i++) variants[i] = kernels->name((edge_variant)i);
  if (edge_check_keys(ctx, description, "the layer", known) || read_shape(ctx, description, &source->conv) ||
      read_scheme(ctx, description, &source->conv) || get_word(ctx, description, "variant", variants, &variant) ||
      read_arrays(ctx, description, source))
    return -1;
  source->variant = (edge_variant)variant;
  return 0;
}

void edge_layer_source_free(JSContext *ctx, edge_layer_source *source) {
  for (int i = 0; i < source->owner_count; i++) JS_FreeValue(ctx, source->owners[i]);
  source->owner_count = 0;
}
