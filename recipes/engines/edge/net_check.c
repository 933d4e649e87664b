/* Checks one layer completely: what passes here can run without looking again. */
#include "net.h"

#include <string.h>

static bool within(int64_t number, int64_t low, int64_t high) { return number >= low && number <= high; }

static bool code(int32_t number) { return within(number, 0, 255); }

static bool bad(net *network, const net_layer *layer, const char *why) {
  return net_fail(network, "layer %s %.*s: %s", net_kind_name(layer->kind), (int)layer->name_bytes, layer->name, why);
}

/* The product of `count` sizes, each 1 .. EDGE_MAX_SIDE * EDGE_MAX_SIDE, or 0 when one is not or it passes 2^31. */
static uint64_t product(const int32_t *sizes, uint32_t count) {
  uint64_t total = 1;
  for (uint32_t i = 0; i < count; i++) {
    if (sizes[i] < 1) return 0;
    total *= (uint64_t)sizes[i];
    if (total > INT32_MAX) return 0;
  }
  return total;
}

/* Sizes and steps: `written` elements come of `read` ones. */
static bool check_loops(const int32_t *sizes, uint64_t written, uint64_t read) {
  uint64_t last = 0;
  if (product(sizes, 4) != written) return false;
  for (int i = 0; i < 4; i++) {
    if (sizes[4 + i] < 0) return false;
    last += (uint64_t)(sizes[i] - 1) * (uint64_t)sizes[4 + i];
  }
  return last < read;
}

void net_conv_of(const net_layer *layer, edge_conv *conv) {
  const int32_t *p = layer->params;
  memset(conv, 0, sizeof *conv);
  conv->batch = p[0], conv->in_height = p[1], conv->in_width = p[2], conv->in_channels = p[3], conv->out_channels = p[4];
  conv->kernel_height = p[5], conv->kernel_width = p[6], conv->stride_height = p[7], conv->stride_width = p[8];
  conv->dilation_height = p[9], conv->dilation_width = p[10];
  conv->pad_top = p[11], conv->pad_left = p[12], conv->pad_bottom = p[13], conv->pad_right = p[14], conv->groups = p[15];
  conv->scheme = p[16], conv->weight_format = p[17], conv->weight_zero2 = p[18];
  conv->input_zero = p[19], conv->output_zero = p[20], conv->clamp_low = p[21], conv->clamp_high = p[22];
  conv->requant = EDGE_REQUANT_FIXED;
}

/* The largest code that a scheme multiplies, or -1 for one that is not known. */
static int32_t scheme_most(int32_t scheme) {
  switch (scheme) {
    case EDGE_W8A8: return 255;
    case EDGE_W4A4: return 15;
    case EDGE_W2A2:
    case EDGE_W1A2: return 3;
    default: return -1;
  }
}

static bool check_conv(net *network, net_layer *layer, size_t in, size_t out, const uint8_t *most) {
  edge_conv conv;
  const int32_t *at = layer->params + NET_CONV_ARRAYS;
  net_conv_of(layer, &conv);
  if (scheme_most(conv.scheme) < 0) return bad(network, layer, "a scheme that is not known");
  if (most[layer->inputs[0]] > scheme_most(conv.scheme)) return bad(network, layer, "codes of more bits than its scheme has");
  edge_status status = edge_conv_plan(&conv, EDGE_VARIANT_AUTO, &layer->plan);
  if (status) return bad(network, layer, edge_status_text(status));
  if (layer->plan.input_bytes != in || layer->plan.output_bytes != out) return bad(network, layer, "tensors of other sizes");
  layer->shared = (uint64_t)out * (uint64_t)conv.kernel_height * (uint64_t)conv.kernel_width * (uint64_t)(conv.in_channels / conv.groups) >= NET_LEAST_SHARED;
  if (!net_holds(network, (uint32_t)at[0], layer->plan.weight_bytes, 1)) return bad(network, layer, "weights outside of the file");
  for (int i = 1; i < 4; i++)
    if (!net_holds(network, (uint32_t)at[i], (uint64_t)conv.out_channels, 4)) return bad(network, layer, "numbers outside of the file");
  return true;
}

/* Clamps and requantization, which several kinds have: zero, lowest and highest code. */
static bool check_codes(const int32_t *p) { return code(p[0]) && code(p[1]) && code(p[2]) && p[1] <= p[2]; }

static bool check_pool(net *network, net_layer *layer, size_t in, size_t out) {
  const int32_t *p = layer->params;
  const edge_pool pool = {p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], 0, 0};
  edge_plan plan;
  edge_status status = edge_pool_plan(&pool, &plan);
  if (status) return bad(network, layer, edge_status_text(status));
  if (plan.input_bytes != in || plan.output_bytes != out) return bad(network, layer, "tensors of other sizes");
  if (layer->kind == NET_MAXIMUM) return true;
  /* A sum of so many codes stays within 31 bits. */
  if ((int64_t)p[4] * p[5] > 1 << 22 || !code(p[12]) || p[13] < 0 || !within(p[14], -31, 31) || !check_codes(p + 15))
    return bad(network, layer, "numbers out of range");
  return true;
}

static bool check_multiply(net *network, net_layer *layer, size_t out) {
  const int32_t *p = layer->params;
  if (product(p, 3) != out || net_value_bytes(network, layer->inputs[0]) != out) return bad(network, layer, "tensors of other sizes");
  if ((p[3] != 1 && p[3] != p[1]) || net_value_bytes(network, layer->inputs[1]) != (uint64_t)p[0] * (uint64_t)p[3] * (uint64_t)p[2])
    return bad(network, layer, "a second tensor of another size");
  if (!code(p[4]) || !code(p[5]) || p[6] < 0 || !within(p[7], 1, 62) || !check_codes(p + 8)) return bad(network, layer, "numbers out of range");
  return true;
}

static bool check_concat(net *network, net_layer *layer, size_t out) {
  const int32_t *p = layer->params;
  uint64_t all = 0;
  if (p[0] < 1) return bad(network, layer, "numbers out of range");
  for (uint32_t i = 0; i < layer->input_count; i++) {
    if (!within(p[1 + i], 1, EDGE_MAX_SIDE)) return bad(network, layer, "numbers out of range");
    if (net_value_bytes(network, layer->inputs[i]) != (uint64_t)p[0] * (uint64_t)p[1 + i]) return bad(network, layer, "tensors of other sizes");
    all += (uint64_t)p[0] * (uint64_t)p[1 + i];
  }
  return all == out ? true : bad(network, layer, "tensors of other sizes");
}

static bool check_resize(net *network, net_layer *layer, size_t in, size_t out) {
  const int32_t *p = layer->params;
  const int32_t result[4] = {p[0], p[4], p[5], p[3]};
  for (int i = 0; i < 6; i++)
    if (!within(p[i], 1, EDGE_MAX_SIDE)) return bad(network, layer, "numbers out of range");
  return product(p, 4) == in && product(result, 4) == out ? true : bad(network, layer, "tensors of other sizes");
}

static bool check_add(net *network, net_layer *layer, size_t in, size_t out) {
  const int32_t *p = layer->params;
  if (in != out || net_value_bytes(network, layer->inputs[1]) != out) return bad(network, layer, "tensors of other sizes");
  if (!code(p[0]) || p[1] < 0 || !code(p[2]) || p[3] < 0 || !within(p[4], 0, 31) || !check_codes(p + 5)) return bad(network, layer, "numbers out of range");
  return true;
}

static bool check_floats(net *network, net_layer *layer, size_t in, size_t out) {
  const int32_t *p = layer->params;
  float scale;
  switch (layer->kind) {
    case NET_QUANTIZE:
      memcpy(&scale, p, sizeof scale);
      /* Also false for a NaN. */
      if (!(scale > 0 && scale < 3.0e38f) || !code(p[1])) return bad(network, layer, "numbers out of range");
      return check_loops(p + 2, out, in / 4) ? true : bad(network, layer, "tensors of other sizes");
    case NET_DEQUANTIZE:
      if (!net_holds(network, (uint32_t)p[0], 256, 4)) return bad(network, layer, "numbers outside of the file");
      return check_loops(p + 1, out / 4, in) ? true : bad(network, layer, "tensors of other sizes");
    default: {
      const uint32_t *worth = (const uint32_t *)(const void *)(network->file + (uint32_t)p[0]);
      if (!net_holds(network, (uint32_t)p[0], 256, 4)) return bad(network, layer, "numbers outside of the file");
      if (worth[0] == 0 || product(p + 1, 2) != in || in != out / 4) return bad(network, layer, "tensors of other sizes");
      return true;
    }
  }
}

static const struct {
  const char *name;
  uint32_t inputs, params; /* 0 inputs: one or more, and a parameter more for each */
} kinds[] = {
    {"?", 1, 0},        {"QuantizeLinear", 1, 10}, {"Conv", 1, 27},   {"Table", 1, 1},   {"Add", 2, 8},     {"Mul", 2, 11},
    {"MaxPool", 1, 12}, {"AveragePool", 1, 18},    {"Concat", 0, 1}, {"Resize", 1, 6}, {"Transpose", 1, 8}, {"DequantizeLinear", 1, 9},
    {"Softmax", 1, 3},
};

const char *net_kind_name(uint32_t kind) { return kind < sizeof kinds / sizeof kinds[0] ? kinds[kind].name : "?"; }

/* Whether each value is of the kind that the layer takes or gives. */
static bool check_values(net *network, const net_layer *layer) {
  const uint32_t tensors = network->tensor_count, inputs = tensors + network->input_count, all = inputs + network->output_count;
  const bool fed = layer->kind == NET_QUANTIZE, given = layer->kind == NET_DEQUANTIZE || layer->kind == NET_SOFTMAX;
  for (uint32_t i = 0; i < layer->input_count; i++) {
    const uint32_t value = layer->inputs[i];
    if (fed ? value < tensors || value >= inputs : value >= tensors) return bad(network, layer, "an input of the wrong kind");
  }
  if (given ? layer->output < inputs || layer->output >= all : layer->output >= tensors) return bad(network, layer, "an output of the wrong kind");
  return true;
}

/* The largest code that a layer can give. */
static uint8_t most_of(const net *network, const net_layer *layer, const uint8_t *most) {
  const int32_t *p = layer->params;
  uint8_t found = 0;
  switch (layer->kind) {
    case NET_CONV: return (uint8_t)p[22];
    case NET_TABLE:
      for (int i = 0; i <= most[layer->inputs[0]]; i++) {
        const uint8_t code = network->file[(size_t)p[0] + (size_t)i];
        found = code > found ? code : found;
      }
      return found;
    case NET_ADD: return (uint8_t)p[7];
    case NET_MULTIPLY: return (uint8_t)p[10];
    case NET_AVERAGE: return (uint8_t)p[17];
    case NET_QUANTIZE: return 255;
    default:
      for (uint32_t i = 0; i < layer->input_count; i++) found = most[layer->inputs[i]] > found ? most[layer->inputs[i]] : found;
      return found;
  }
}

static bool check_kind(net *network, net_layer *layer, const uint8_t *most) {
  if (layer->kind < 1 || layer->kind >= sizeof kinds / sizeof kinds[0]) return net_fail(network, "a layer of the unknown kind %u", layer->kind);
  const uint32_t inputs = kinds[layer->kind].inputs, params = kinds[layer->kind].params;
  if (inputs == 0 ? layer->input_count < 1 || layer->input_count > 256 : layer->input_count != inputs) return bad(network, layer, "another number of inputs");
  if (layer->param_count != params + (inputs == 0 ? layer->input_count : 0)) return bad(network, layer, "another number of parameters");
  if (!check_values(network, layer)) return false;
  const size_t in = net_value_bytes(network, layer->inputs[0]), out = net_value_bytes(network, layer->output);
  switch (layer->kind) {
    case NET_CONV: return check_conv(network, layer, in, out, most);
    case NET_TABLE:
      if (!net_holds(network, (uint32_t)layer->params[0], 256, 1)) return bad(network, layer, "a table outside of the file");
      return in == out ? true : bad(network, layer, "tensors of other sizes");
    case NET_ADD: return check_add(network, layer, in, out);
    case NET_MULTIPLY: return check_multiply(network, layer, out);
    case NET_MAXIMUM:
    case NET_AVERAGE: return check_pool(network, layer, in, out);
    case NET_CONCAT: return check_concat(network, layer, out);
    case NET_RESIZE: return check_resize(network, layer, in, out);
    case NET_GATHER: return check_loops(layer->params, out, in) ? true : bad(network, layer, "tensors of other sizes");
    default: return check_floats(network, layer, in, out);
  }
}

/* What a layer reads does not lie where it writes. */
static bool check_places(net *network, const net_layer *layer) {
  if (layer->output >= network->tensor_count) return true;
  const uint32_t *to = &network->tensors[layer->output * 2];
  for (uint32_t i = 0; i < layer->input_count; i++) {
    if (layer->inputs[i] >= network->tensor_count) continue;
    const uint32_t *from = &network->tensors[layer->inputs[i] * 2];
    if ((uint64_t)from[0] < (uint64_t)to[0] + to[1] && (uint64_t)to[0] < (uint64_t)from[0] + from[1])
      return bad(network, layer, "it reads where it writes");
  }
  return true;
}

bool net_check_layer(net *network, net_layer *layer, uint8_t *most) {
  if (!check_kind(network, layer, most) || !check_places(network, layer)) return false;
  if (layer->output < network->tensor_count) most[layer->output] = most_of(network, layer, most);
  return true;
}
