/* Packs the caller's weights and per-channel data. */
#include "internal.h"

#include <string.h>

static edge_status check_data(const edge_geometry *g, const edge_conv_data *data) {
  const edge_conv *c = &g->conv;
  size_t count = (size_t)g->depth * (size_t)c->out_channels;
  if (data == NULL || data->weights == NULL) return EDGE_E_ARGUMENT;
  if (data->weight_bytes < g->plan.weight_bytes) return EDGE_E_SIZE;
  if (c->requant == EDGE_REQUANT_FIXED && (data->multiplier == NULL || data->shift == NULL)) return EDGE_E_ARGUMENT;
  if (c->requant == EDGE_REQUANT_SHIFT && data->shift == NULL) return EDGE_E_ARGUMENT;
  if (c->requant == EDGE_REQUANT_FLOAT && data->scale == NULL) return EDGE_E_ARGUMENT;
  if (c->requant == EDGE_REQUANT_THRESHOLD && data->threshold == NULL) return EDGE_E_ARGUMENT;
  for (int32_t i = 0; i < c->out_channels; i++) {
    if (c->requant == EDGE_REQUANT_FIXED &&
        (data->multiplier[i] < 0 || data->shift[i] < -31 || data->shift[i] > 31))
      return EDGE_E_RANGE;
    if (c->requant == EDGE_REQUANT_SHIFT && (data->shift[i] < 0 || data->shift[i] > 31)) return EDGE_E_RANGE;
    /* Also false for a NaN. */
    if (c->requant == EDGE_REQUANT_FLOAT && !(data->scale[i] > -3.0e38f && data->scale[i] < 3.0e38f)) return EDGE_E_RANGE;
    for (int32_t t = 1; t < g->thresholds; t++)
      if (data->threshold[i * g->thresholds + t] < data->threshold[i * g->thresholds + t - 1]) return EDGE_E_RANGE;
  }
  if (c->weight_format == EDGE_WEIGHTS_BYTES || c->scheme == EDGE_W7A7)
    for (size_t i = 0; i < count; i++)
      if (!edge_weight_valid(c, edge_weight_code(c, data->weights, i))) return EDGE_E_RANGE;
  return EDGE_OK;
}

/* What the kernels subtract from the input's codes, in the form in which they see them (bytes are made signed). */
static int32_t seen_zero(const edge_conv *c) {
  return c->scheme == EDGE_W8A8 && !c->input_signed ? c->input_zero - 128 : c->input_zero;
}

static int32_t channel_base(const edge_geometry *g, const edge_header *header, int32_t bias, int64_t weight_sum) {
  const edge_conv *c = &g->conv;
  int64_t base = bias;
  switch (c->scheme) {
    case EDGE_W2A2:
      base -= header->alpha * c->input_zero * weight_sum;
      base -= (int64_t)g->depth * header->beta * c->input_zero;
      break;
    case EDGE_W1A2: base -= c->input_zero * (2 * weight_sum - g->depth); break;
    case EDGE_W1A1: base += g->depth; break;
    default: base -= seen_zero(c) * weight_sum; break;
  }
  return (int32_t)(uint32_t)(uint64_t)base;
}

/* For Winograd's kernels, whose sums are of (code - edge_winograd_zero) and, narrow ones, have an offset. */
static int32_t winograd_base(const edge_geometry *g, const void *weights, int32_t channel, int32_t bias) {
  const int32_t zero = g->conv.input_zero - edge_winograd_zero(&g->conv);
  int64_t base = bias;
  for (int32_t d = 0; d < g->depth; d++) {
    const int32_t w = edge_winograd_weight(&g->conv, weights, (size_t)channel * (size_t)g->depth + (size_t)d);
    base -= (int64_t)zero * w;
    if (g->winograd->rows == 2) base -= edge_winograd_offset(w);
  }
  return (int32_t)(uint32_t)(uint64_t)base;
}

static void pack_block(const edge_geometry *g, const void *weights, int32_t first, int32_t count, uint8_t *to) {
  const edge_kernel *k = g->kernel;
  size_t step_bytes = edge_weight_step_bytes(k);
  for (int32_t channel = 0; channel < count; channel++) {
    size_t start = (size_t)(first + channel) * (size_t)g->depth;
    for (int32_t i = 0; i < g->depth; i++) {
      int32_t code = edge_weight_code(&g->conv, weights, start + (size_t)i);
      uint8_t *step = to + (size_t)(i / k->depth) * step_bytes;
      int32_t within = i % k->depth;
      if (k->order == EDGE_ORDER_BYTES) {
        step[channel * k->depth + within] = (uint8_t)code;
      } else {
        for (int32_t plane = 0; plane < k->weight_planes; plane++) {
          uint8_t *word = step + ((channel / 2 * k->weight_planes + plane) * 2 + channel % 2) * 8;
          word[within / 8] = (uint8_t)(word[within / 8] | ((code >> plane) & 1) << (within % 8));
        }
      }
    }
  }
}

static void put(uint8_t *packed, size_t at, int32_t index, int32_t value) {
  memcpy(packed + at + (size_t)index * 4, &value, 4);
}

/* Winograd's kernels take the weights' values, not their codes. */
static void set_factors(const edge_conv *c, int winograd, edge_header *header) {
  header->alpha = 1;
  if (winograd) return;
  if (c->scheme == EDGE_W2A2) {
    int32_t odd = c->weight_zero2 & 1;
    header->alpha = odd ? 2 : 1;
    header->beta = odd ? -c->weight_zero2 : -(c->weight_zero2 / 2);
  } else if (c->scheme == EDGE_W1A2) {
    header->alpha = 2, header->beta = -1;
  } else if (c->scheme == EDGE_W1A1) {
    header->alpha = -2;
  }
}

edge_status edge_conv_prepare(const edge_conv *conv, edge_variant variant, const edge_conv_data *data, void *packed,
                              size_t packed_bytes) {
  edge_geometry g;
  edge_header header;
  uint8_t *bytes = packed;
  edge_status status;
  if (conv == NULL || packed == NULL || (uintptr_t)packed % EDGE_ALIGNMENT != 0) return EDGE_E_ARGUMENT;
  status = edge_geometry_make(conv, variant, &g);
  if (status != EDGE_OK || (status = check_data(&g, data)) != EDGE_OK) return status;
  if (packed_bytes < g.plan.packed_bytes) return EDGE_E_SIZE;

  memset(packed, 0, g.plan.packed_bytes);
  memset(&header, 0, sizeof header);
  header.magic = EDGE_MAGIC, header.version = EDGE_KERNELS_VERSION;
  header.conv = *conv, header.variant = g.plan.variant;
  set_factors(conv, g.path == 2, &header);

  for (int32_t group = 0; group < conv->groups; group++) {
    for (int32_t i = 0; i < g.group_out; i++) {
      int32_t channel = group * g.group_out + i;
      int32_t slot = g.path != 0 ? channel : group * g.group_blocks * g.kernel->channels + i;
      int64_t sum = 0;
      for (int32_t d = 0; d < g.depth; d++)
        sum += edge_weight_code(conv, data->weights, (size_t)channel * (size_t)g.depth + (size_t)d);
      const int32_t bias = data->bias == NULL ? 0 : data->bias[channel];
      put(bytes, g.at_base, slot,
          g.path == 2 ? winograd_base(&g, data->weights, channel, bias) : channel_base(&g, &header, bias, sum));
      if (conv->requant == EDGE_REQUANT_FIXED) put(bytes, g.at_multiplier, slot, data->multiplier[channel]);
      if (conv->requant == EDGE_REQUANT_FIXED || conv->requant == EDGE_REQUANT_SHIFT) {
        put(bytes, g.at_shift, slot, data->shift[channel]);
        if (data->shift[channel] < 0) header.left_shifts = 1;
      }
      if (conv->requant == EDGE_REQUANT_FLOAT) memcpy(bytes + g.at_scale + (size_t)slot * 4, &data->scale[channel], 4);
      for (int32_t t = 0; t < g.thresholds; t++)
        put(bytes, g.at_threshold, slot * g.thresholds + t, data->threshold[channel * g.thresholds + t]);
    }
    for (int32_t block = 0; g.path == 0 && block < g.group_blocks; block++) {
      int32_t first = block * g.kernel->channels;
      int32_t count = g.group_out - first < g.kernel->channels ? g.group_out - first : g.kernel->channels;
      pack_block(&g, data->weights, group * g.group_out + first, count,
                 bytes + g.at_weights + (size_t)(group * g.group_blocks + block) * g.weight_block_bytes);
    }
  }
  if (g.path == 1) edge_depthwise_prepare(&g, data, bytes);
  if (g.path == 2) {
    header.winograd_block = edge_winograd_block(&g, data);
    edge_winograd_prepare(&g, data, header.winograd_block, bytes);
  }
  header.check = edge_header_check(&header);
  memcpy(packed, &header, sizeof header);
  return EDGE_OK;
}
