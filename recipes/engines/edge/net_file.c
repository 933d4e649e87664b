/* Opens a network's file: header, tables, names; then all that is made of it. */
#include "net.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool net_fail(net *network, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(network->error, sizeof network->error, format, args);
  va_end(args);
  return false;
}

bool net_holds(const net *network, uint32_t place, uint64_t count, uint32_t size) {
  if (place % (size == 1 ? 1 : 4) != 0 || place < NET_HEADER_BYTES || place > network->bytes) return false;
  return count <= (network->bytes - place) / size;
}

/* The table of the usual CRC-32, reversed polynomial 0xedb88320, is made anew each time: it takes less than reading it would. */
static uint32_t checksum(const uint8_t *bytes, size_t count) {
  uint32_t table[256], sum = 0xffffffffu;
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t row = i;
    for (int bit = 0; bit < 8; bit++) row = row >> 1 ^ ((row & 1) ? 0xedb88320u : 0);
    table[i] = row;
  }
  for (size_t i = 0; i < count; i++) sum = sum >> 8 ^ table[(sum ^ bytes[i]) & 0xff];
  return ~sum;
}

size_t net_value_bytes(const net *network, uint32_t value) {
  if (value < network->tensor_count) return network->tensors[value * 2 + 1];
  value -= network->tensor_count;
  return (value < network->input_count ? network->inputs[value].count : network->outputs[value - network->input_count].count) * 4;
}

static bool read_text(net *network, uint32_t place, uint32_t bytes, const char **text) {
  if (bytes > 255 || !net_holds(network, place, bytes, 1)) return net_fail(network, "a name lies outside of the file");
  *text = (const char *)network->file + place;
  return true;
}

static bool read_ports(net *network, const uint32_t *entry, net_port *ports, uint32_t count) {
  for (uint32_t i = 0; i < count; i++, entry += 11) {
    net_port *port = &ports[i];
    port->name_bytes = entry[1], port->rank = entry[2], port->count = 1;
    if (!read_text(network, entry[0], entry[1], &port->name)) return false;
    if (port->rank > 8) return net_fail(network, "an input or output has more than 8 dimensions");
    for (uint32_t d = 0; d < port->rank; d++) {
      if (entry[3 + d] < 1 || entry[3 + d] > NET_MAX_ARENA / 4 / port->count) return net_fail(network, "an input or output is empty or too large");
      port->count *= entry[3 + d];
      port->shape[d] = (int32_t)entry[3 + d];
    }
  }
  return true;
}

static bool read_tensors(net *network) {
  for (uint32_t i = 0; i < network->tensor_count; i++) {
    const uint32_t at = network->tensors[i * 2], bytes = network->tensors[i * 2 + 1];
    if (bytes < 1 || at % EDGE_ALIGNMENT != 0 || at > network->arena_bytes || bytes > network->arena_bytes - at)
      return net_fail(network, "tensor %u lies outside of the arena", i);
  }
  return true;
}

static bool read_layer(net *network, const uint32_t *entry, net_layer *layer, uint8_t *most) {
  layer->kind = entry[0], layer->name_bytes = entry[2], layer->input_count = entry[4], layer->output = entry[5], layer->param_count = entry[7];
  if (!read_text(network, entry[1], entry[2], &layer->name)) return false;
  if (!net_holds(network, entry[3], layer->input_count, 4) || !net_holds(network, entry[6], layer->param_count, 4))
    return net_fail(network, "a layer's numbers lie outside of the file");
  layer->inputs = (const uint32_t *)(const void *)(network->file + entry[3]);
  layer->params = (const int32_t *)(const void *)(network->file + entry[6]);
  return net_check_layer(network, layer, most);
}

/* The header and the tables that it points at. */
static bool read_header(net *network, const uint32_t **layers) {
  uint32_t h[NET_HEADER_BYTES / 4];
  if (network->bytes < NET_HEADER_BYTES || network->bytes > INT32_MAX) return net_fail(network, "the file has %zu bytes", network->bytes);
  memcpy(h, network->file, sizeof h);
  if (memcmp(h, "EDGENET", 8) != 0) return net_fail(network, "the file is no network of whole numbers");
  if (h[2] != NET_VERSION) return net_fail(network, "the file is of version %u, and %u is known", h[2], NET_VERSION);
  if (h[4] != network->bytes) return net_fail(network, "the file has %zu bytes, and says %u", network->bytes, h[4]);
  if (h[3] != checksum(network->file + 16, network->bytes - 16)) return net_fail(network, "the file is damaged: its checksum is another");
  network->arena_bytes = h[5];
  if (h[5] > NET_MAX_ARENA) return net_fail(network, "the network asks for %u bytes of memory", h[5]);
  network->tensor_count = h[6], network->layer_count = h[8], network->input_count = h[10], network->output_count = h[12];
  if (h[6] > NET_MAX_TENSORS || h[8] > NET_MAX_LAYERS || h[10] > NET_MAX_PORTS || h[12] > NET_MAX_PORTS)
    return net_fail(network, "the file has too many tensors, layers, inputs or outputs");
  if (!net_holds(network, h[7], h[6], 8) || !net_holds(network, h[9], h[8], 32) || !net_holds(network, h[11], h[10], 44) ||
      !net_holds(network, h[13], h[12], 44))
    return net_fail(network, "a table lies outside of the file");
  network->tensors = (const uint32_t *)(const void *)(network->file + h[7]);
  *layers = (const uint32_t *)(const void *)(network->file + h[9]);
  return read_tensors(network) &&
         read_ports(network, (const uint32_t *)(const void *)(network->file + h[11]), network->inputs, h[10]) &&
         read_ports(network, (const uint32_t *)(const void *)(network->file + h[13]), network->outputs, h[12]);
}

/* `bytes` zeros at a multiple of EDGE_ALIGNMENT; *block is what free takes. */
static uint8_t *zeros(size_t bytes, void **block) {
  *block = calloc(1, bytes + EDGE_ALIGNMENT);
  if (!*block) return NULL;
  return (uint8_t *)(((uintptr_t)*block + EDGE_ALIGNMENT - 1) / EDGE_ALIGNMENT * EDGE_ALIGNMENT);
}

/* Packs the weights of all convolutions for this processor. */
static bool pack(net *network) {
  for (uint32_t i = 0; i < network->layer_count; i++) {
    const net_layer *layer = &network->layers[i];
    if (layer->kind != NET_CONV) continue;
    edge_conv conv;
    const int32_t *at = layer->params + NET_CONV_ARRAYS;
    edge_conv_data data;
    net_conv_of(layer, &conv);
    memset(&data, 0, sizeof data);
    data.weights = network->file + at[0], data.weight_bytes = layer->plan.weight_bytes;
    data.bias = (const int32_t *)(const void *)(network->file + at[1]);
    data.multiplier = (const int32_t *)(const void *)(network->file + at[2]);
    data.shift = (const int32_t *)(const void *)(network->file + at[3]);
    edge_status status =
        edge_conv_prepare(&conv, EDGE_VARIANT_AUTO, &data, network->packed + layer->packed_at, layer->plan.packed_bytes);
    if (status) return net_fail(network, "layer %.*s: %s", (int)layer->name_bytes, layer->name, edge_status_text(status));
  }
  return true;
}

/* All layers, and how much memory they ask for. */
static bool read_each(net *network, const uint32_t *entries, uint8_t *most) {
  for (uint32_t i = 0; i < network->layer_count; i++) {
    net_layer *layer = &network->layers[i];
    if (!read_layer(network, entries + (size_t)i * 8, layer, most)) return false;
    layer->packed_at = network->packed_bytes;
    network->packed_bytes += (layer->plan.packed_bytes + EDGE_ALIGNMENT - 1) / EDGE_ALIGNMENT * EDGE_ALIGNMENT;
    if (network->packed_bytes > NET_MAX_ARENA) return net_fail(network, "the network's weights ask for more than %u bytes", NET_MAX_ARENA);
    if (layer->plan.workspace_bytes > network->workspace_bytes) network->workspace_bytes = layer->plan.workspace_bytes;
  }
  return true;
}

static bool read_layers(net *network, const uint32_t *entries) {
  /* What nobody has written is 0. */
  uint8_t *most = calloc(network->tensor_count ? network->tensor_count : 1, 1);
  if (!most) return net_fail(network, "no memory for %u tensors", network->tensor_count);
  const bool done = read_each(network, entries, most);
  free(most);
  return done;
}

/* Each output is written by one layer. */
static bool check_outputs(net *network) {
  uint32_t written[NET_MAX_PORTS] = {0};
  const uint32_t first = network->tensor_count + network->input_count;
  for (uint32_t i = 0; i < network->layer_count; i++)
    if (network->layers[i].output >= first) written[network->layers[i].output - first]++;
  for (uint32_t i = 0; i < network->output_count; i++)
    if (written[i] != 1) return net_fail(network, "output %u is written by %u layers", i, written[i]);
  return true;
}

/* The threads, and where each convolution works. */
static bool start_threads(net *network, int count) {
  network->thread_count = count < 1 ? 1 : count > NET_MAX_THREADS ? NET_MAX_THREADS : count;
  network->workspace_bytes = (network->workspace_bytes + EDGE_ALIGNMENT - 1) / EDGE_ALIGNMENT * EDGE_ALIGNMENT;
  network->workspace = zeros(network->workspace_bytes * (size_t)network->thread_count, &network->workspace_block);
  if (!network->workspace) return net_fail(network, "no memory for the kernels (%zu bytes a thread)", network->workspace_bytes);
  if (network->thread_count == 1) return true;
  network->pool = threads_start(network->thread_count);
  return network->pool ? true : net_fail(network, "%d threads could not be started", network->thread_count);
}

bool net_open(net *network, const void *file, size_t bytes, int threads) {
  const uint32_t *entries = NULL;
  network->file = file, network->bytes = bytes;
  if ((uintptr_t)file % EDGE_ALIGNMENT != 0) return net_fail(network, "the file does not lie at a multiple of %d bytes", EDGE_ALIGNMENT);
  if (!read_header(network, &entries)) return false;
  network->layers = calloc(network->layer_count ? network->layer_count : 1, sizeof *network->layers);
  if (!network->layers) return net_fail(network, "no memory for %u layers", network->layer_count);
  if (!read_layers(network, entries)) return false;
  if (!check_outputs(network)) return false;
  network->packed = zeros(network->packed_bytes, &network->packed_block);
  network->arena = zeros(network->arena_bytes, &network->arena_block);
  if (!network->packed || !network->arena)
    return net_fail(network, "no memory for weights (%zu bytes) and tensors (%zu)", network->packed_bytes, network->arena_bytes);
  return start_threads(network, threads) && pack(network);
}

void net_close(net *network) {
  threads_end(network->pool);
  free(network->layers);
  free(network->packed_block);
  free(network->arena_block);
  free(network->workspace_block);
}
