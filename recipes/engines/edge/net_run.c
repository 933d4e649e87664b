/* Runs layers: convolutions on the kernels, the rest here. Everything was checked when the network was opened. */
#include "net.h"

#include <math.h>
#include <string.h>

/* HIGH and RSHR of edge_kernels.h. */
static int32_t requantized(int32_t sum, int32_t multiplier, int32_t shift) {
  int64_t wide = shift < 0 ? (int64_t)sum * ((int64_t)1 << -shift) : sum;
  wide = wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : wide;
  wide = (wide * multiplier + ((int64_t)1 << 30)) >> 31;
  return shift > 0 ? (int32_t)((wide + ((int64_t)1 << (shift - 1))) >> shift) : (int32_t)wide;
}

static uint8_t clamped(int64_t number, int32_t low, int32_t high) { return (uint8_t)(number < low ? low : number > high ? high : number); }

static uint8_t quantized(float number, float scale, int32_t zero) {
  const float code = rintf(number / scale) + (float)zero;
  /* A NaN is not above 0. */
  return !(code > 0) ? 0 : code > 255 ? 255 : (uint8_t)code;
}

static void run_quantize(const int32_t *p, const float *from, uint8_t *to) {
  const int32_t *n = p + 2, *s = p + 6;
  const int32_t zero = p[1], count = n[3];
  const size_t step = (size_t)s[3];
  float scale;
  memcpy(&scale, p, sizeof scale);
  for (int32_t a = 0; a < n[0]; a++)
    for (int32_t b = 0; b < n[1]; b++)
      for (int32_t c = 0; c < n[2]; c++) {
        const float *at = from + (size_t)a * (size_t)s[0] + (size_t)b * (size_t)s[1] + (size_t)c * (size_t)s[2];
        for (int32_t d = 0; d < count; d++) *to++ = quantized(at[(size_t)d * step], scale, zero);
      }
}

static void run_gather(const int32_t *n, const uint8_t *restrict from, uint8_t *restrict to) {
  const int32_t *s = n + 4;
  const int32_t count = n[3];
  const size_t step = (size_t)s[3];
  for (int32_t a = 0; a < n[0]; a++)
    for (int32_t b = 0; b < n[1]; b++)
      for (int32_t c = 0; c < n[2]; c++) {
        const uint8_t *at = from + (size_t)a * (size_t)s[0] + (size_t)b * (size_t)s[1] + (size_t)c * (size_t)s[2];
        for (int32_t d = 0; d < count; d++) *to++ = at[(size_t)d * step];
      }
}

static void run_dequantize(const int32_t *n, const float *worth, const uint8_t *from, float *to) {
  const int32_t *s = n + 4;
  for (int32_t a = 0; a < n[0]; a++)
    for (int32_t b = 0; b < n[1]; b++)
      for (int32_t c = 0; c < n[2]; c++) {
        const uint8_t *at = from + (size_t)a * (size_t)s[0] + (size_t)b * (size_t)s[1] + (size_t)c * (size_t)s[2];
        for (int32_t d = 0; d < n[3]; d++) *to++ = worth[at[(size_t)d * (size_t)s[3]]];
      }
}

/* Numbers are copied out of the file first: bytes that are written could else be those, for all that the compiler knows. */
static void run_table(const uint8_t *table, const uint8_t *restrict from, uint8_t *restrict to, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = table[from[i]];
}

static void multiply_line(const int32_t *p, const uint8_t *restrict a, const uint8_t *restrict b, uint8_t *restrict to) {
  const int32_t count = p[2], a_zero = p[4], b_zero = p[5], shift = p[7], zero = p[8], low = p[9], high = p[10];
  const int64_t multiplier = p[6], half = (int64_t)1 << (shift - 1);
  for (int32_t i = 0; i < count; i++)
    to[i] = clamped((((a[i] - a_zero) * (b[i] - b_zero) * multiplier + half) >> shift) + zero, low, high);
}

static void run_multiply(const int32_t *p, const uint8_t *a, const uint8_t *b, uint8_t *to) {
  const size_t channels = (size_t)p[2];
  for (int32_t n = 0; n < p[0]; n++)
    for (int32_t pixel = 0; pixel < p[1]; pixel++, a += channels, to += channels)
      multiply_line(p, a, b + ((size_t)n * (size_t)p[3] + (p[3] == 1 ? 0 : (size_t)pixel)) * channels, to);
}

/* Sums of up to 64 channels at a time over one window. */
static void run_average(const int32_t *p, const uint8_t *from, uint8_t *to) {
  const int32_t out_height = (p[1] + p[8] + p[10] - p[4]) / p[6] + 1, out_width = (p[2] + p[9] + p[11] - p[5]) / p[7] + 1;
  for (int32_t n = 0; n < p[0]; n++, from += (size_t)p[1] * (size_t)p[2] * (size_t)p[3])
    for (int32_t y = 0; y < out_height; y++)
      for (int32_t x = 0; x < out_width; x++, to += p[3]) {
        const int32_t top = y * p[6] - p[8], left = x * p[7] - p[9];
        const int32_t y0 = top < 0 ? 0 : top, x0 = left < 0 ? 0 : left;
        const int32_t y1 = top + p[4] < p[1] ? top + p[4] : p[1], x1 = left + p[5] < p[2] ? left + p[5] : p[2];
        for (int32_t first = 0; first < p[3]; first += 64) {
          const int32_t count = p[3] - first < 64 ? p[3] - first : 64;
          int32_t sums[64] = {0};
          for (int32_t v = y0; v < y1; v++)
            for (int32_t u = x0; u < x1; u++) {
              const uint8_t *at = from + ((size_t)v * (size_t)p[2] + (size_t)u) * (size_t)p[3] + first;
              for (int32_t c = 0; c < count; c++) sums[c] += at[c];
            }
          const int32_t zeros = (y1 - y0) * (x1 - x0) * p[12];
          for (int32_t c = 0; c < count; c++)
            to[first + c] = clamped((int64_t)requantized(sums[c] - zeros, p[13], p[14]) + p[15], p[16], p[17]);
        }
      }
}

static void run_softmax(const int32_t *p, const uint32_t *worth, const uint8_t *from, float *to) {
  for (int32_t row = 0; row < p[1]; row++, from += p[2], to += p[2]) {
    uint8_t most = 0;
    uint64_t sum = 0;
    for (int32_t i = 0; i < p[2]; i++) most = from[i] > most ? from[i] : most;
    for (int32_t i = 0; i < p[2]; i++) sum += worth[most - from[i]];
    for (int32_t i = 0; i < p[2]; i++) to[i] = (float)((double)worth[most - from[i]] / (double)sum);
  }
}

static uint8_t *tensor(const net *network, uint32_t value) { return network->arena + network->tensors[value * 2]; }

static edge_status run_concat(const net *network, const net_layer *layer, uint8_t *to, size_t bytes) {
  edge_concat_input inputs[256];
  for (uint32_t i = 0; i < layer->input_count; i++)
    inputs[i] = (edge_concat_input){tensor(network, layer->inputs[i]), layer->params[1 + i], 0, 0, 0};
  return edge_concat_run(inputs, (int32_t)layer->input_count, (size_t)layer->params[0], 0, 0, to, bytes);
}

static edge_status run_conv(net *network, const net_layer *layer, const uint8_t *from, size_t in, uint8_t *to, size_t out) {
  const uint8_t *packed = network->packed + layer->packed_at;
  const size_t bytes = layer->plan.packed_bytes;
  if (!network->pool || !layer->shared)
    return edge_conv_run(packed, bytes, from, in, to, out, network->workspace, network->workspace_bytes, NULL);
  return edge_conv_run_parallel(packed, bytes, from, in, to, out, network->workspace,
                                layer->plan.workspace_bytes * (size_t)network->thread_count, network->thread_count, threads_run, network->pool);
}

/* Layers from codes to codes. */
static edge_status run_codes(net *network, const net_layer *layer) {
  const int32_t *p = layer->params;
  const uint8_t *from = tensor(network, layer->inputs[0]);
  uint8_t *to = tensor(network, layer->output);
  const size_t in = net_value_bytes(network, layer->inputs[0]), out = net_value_bytes(network, layer->output);
  switch (layer->kind) {
    case NET_CONV: return run_conv(network, layer, from, in, to, out);
    case NET_TABLE: return run_table(network->file + p[0], from, to, out), EDGE_OK;
    case NET_ADD: {
      const edge_add add = {p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], 0};
      return edge_add_run(&add, from, tensor(network, layer->inputs[1]), to, out);
    }
    case NET_MULTIPLY: return run_multiply(p, from, tensor(network, layer->inputs[1]), to), EDGE_OK;
    case NET_MAXIMUM: {
      const edge_pool pool = {p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], 0, 0};
      return edge_pool_run(&pool, from, in, to, out);
    }
    case NET_AVERAGE: return run_average(p, from, to), EDGE_OK;
    case NET_CONCAT: return run_concat(network, layer, to, out);
    case NET_RESIZE: {
      const edge_resize resize = {p[0], p[1], p[2], p[3], p[4], p[5], 0, 0};
      return edge_resize_run(&resize, from, in, to, out);
    }
    default: return run_gather(p, from, to), EDGE_OK;
  }
}

bool net_run_layer(net *network, uint32_t index, const float *const *inputs, float *const *outputs) {
  const net_layer *layer = &network->layers[index];
  const int32_t *p = layer->params;
  edge_status status = EDGE_OK;
  switch (layer->kind) {
    case NET_QUANTIZE: run_quantize(p, inputs[layer->inputs[0] - network->tensor_count], tensor(network, layer->output)); break;
    case NET_DEQUANTIZE:
    case NET_SOFTMAX: {
      float *to = outputs[layer->output - network->tensor_count - network->input_count];
      const uint8_t *from = tensor(network, layer->inputs[0]);
      if (layer->kind == NET_SOFTMAX) run_softmax(p, (const uint32_t *)(const void *)(network->file + p[0]), from, to);
      else run_dequantize(p + 1, (const float *)(const void *)(network->file + p[0]), from, to);
      break;
    }
    default: status = run_codes(network, layer);
  }
  if (status) return net_fail(network, "layer %.*s: %s", (int)layer->name_bytes, layer->name, edge_status_text(status));
  return true;
}
