/* Checks a convolution's description and derives sizes and layout from it. */
#include "internal.h"

#include <string.h>

static int between(int32_t x, int32_t low, int32_t high) {
  return x >= low && x <= high;
}

static edge_status check_shape(const edge_conv *c) {
  const int32_t sides[] = {c->batch,         c->in_height,     c->in_width,        c->in_channels,    c->out_channels, c->kernel_height,
                           c->kernel_width,  c->stride_height, c->stride_width,    c->dilation_height, c->dilation_width};
  const int32_t pads[] = {c->pad_top, c->pad_left, c->pad_bottom, c->pad_right};
  for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
    if (!between(sides[i], 1, EDGE_MAX_SIDE)) return EDGE_E_RANGE;
  for (size_t i = 0; i < 4; i++)
    if (!between(pads[i], 0, EDGE_MAX_SIDE)) return EDGE_E_RANGE;
  if (c->groups < 1 || c->in_channels % c->groups != 0 || c->out_channels % c->groups != 0) return EDGE_E_RANGE;
  return EDGE_OK;
}

/* Range of the input's codes. */
static void input_range(const edge_conv *c, int32_t *low, int32_t *high) {
  switch (c->scheme) {
    case EDGE_W8A8: *low = c->input_signed ? -128 : 0, *high = c->input_signed ? 127 : 255; break;
    case EDGE_W7A7: *low = -64, *high = 63; break;
    case EDGE_W4A4: *low = c->input_signed ? -8 : 0, *high = c->input_signed ? 7 : 15; break;
    case EDGE_W1A1: *low = 0, *high = 0; break;
    default: *low = 0, *high = 3; break;
  }
}

static int format_fits(const edge_conv *c) {
  switch (c->weight_format) {
    case EDGE_WEIGHTS_BYTES: return 1;
    case EDGE_WEIGHTS_INT4: return c->scheme == EDGE_W8A8 || c->scheme == EDGE_W7A7 || c->scheme == EDGE_W4A4;
    case EDGE_WEIGHTS_UINT2: return c->scheme == EDGE_W2A2;
    case EDGE_WEIGHTS_BITS: return c->scheme == EDGE_W1A1 || c->scheme == EDGE_W1A2;
    case EDGE_WEIGHTS_LOG4: return c->scheme == EDGE_W8A8;
    default: return 0;
  }
}

static edge_status check_arithmetic(const edge_conv *c) {
  int32_t low, high;
  if (!between(c->scheme, EDGE_W8A8, EDGE_W1A1) || !between(c->requant, EDGE_REQUANT_NONE, EDGE_REQUANT_THRESHOLD) ||
      !between(c->input_signed, 0, 1) || !between(c->output_signed, 0, 1) || !format_fits(c))
    return EDGE_E_ARGUMENT;
  if (c->scheme == EDGE_W7A7 && !c->input_signed) return EDGE_E_ARGUMENT;
  if (c->scheme > EDGE_W4A4 && c->input_signed) return EDGE_E_ARGUMENT;
  input_range(c, &low, &high);
  if (!between(c->input_zero, low, high) || !between(c->pad_code, 0, c->scheme == EDGE_W1A1) ||
      !between(c->weight_zero2, 0, c->scheme == EDGE_W2A2 ? 6 : 0))
    return EDGE_E_RANGE;
  if (c->requant == EDGE_REQUANT_THRESHOLD && c->levels != 2 && c->levels != 4) return EDGE_E_RANGE;
  low = c->output_signed ? -128 : 0, high = c->output_signed ? 127 : 255;
  if (c->requant != EDGE_REQUANT_NONE && c->requant != EDGE_REQUANT_THRESHOLD &&
      (!between(c->output_zero, low, high) || !between(c->clamp_low, low, high) || !between(c->clamp_high, c->clamp_low, high)))
    return EDGE_E_RANGE;
  return EDGE_OK;
}

static int32_t out_side(int32_t in, int32_t before, int32_t after, int32_t kernel, int32_t stride, int32_t dilation) {
  int64_t room = (int64_t)in + before + after - ((int64_t)(kernel - 1) * dilation + 1);
  return room < 0 ? 0 : (int32_t)(room / stride + 1);
}

static size_t weight_bytes(int32_t format, int64_t count) {
  switch (format) {
    case EDGE_WEIGHTS_INT4:
    case EDGE_WEIGHTS_LOG4: return (size_t)((count + 1) / 2);
    case EDGE_WEIGHTS_UINT2: return (size_t)((count + 3) / 4);
    case EDGE_WEIGHTS_BITS: return (size_t)((count + 7) / 8);
    default: return (size_t)count;
  }
}

/* Every buffer stays below 2^31 bytes, so that 32-bit targets and int32 offsets are safe. */
static int too_big(int64_t bytes) {
  return bytes > INT32_MAX;
}

static edge_status lay_out(edge_geometry *g) {
  const edge_conv *c = &g->conv;
  const edge_kernel *k = g->kernel;
  edge_plan *plan = &g->plan;
  int64_t padded = (int64_t)c->groups * g->group_blocks * k->channels;
  size_t column = edge_align((size_t)padded * 4);
  size_t at = edge_align(sizeof(edge_header));
  int64_t panels, weights;

  g->steps = edge_divide_up(g->depth, k->depth);
  g->block_steps = k->max_depth / k->depth < g->steps ? k->max_depth / k->depth : g->steps;
  g->depth_blocks = edge_divide_up(g->steps, g->block_steps);
  g->weight_block_bytes = edge_align((size_t)g->steps * edge_weight_step_bytes(k));
  weights = (int64_t)g->weight_block_bytes * c->groups * g->group_blocks;
  if (too_big(padded * 4 * 8) || too_big(weights)) return EDGE_E_RANGE;

  g->at_base = at, at += column;
  g->at_multiplier = at, at += c->requant == EDGE_REQUANT_FIXED ? column : 0;
  g->at_shift = at, at += c->requant == EDGE_REQUANT_FIXED || c->requant == EDGE_REQUANT_SHIFT ? column : 0;
  g->at_scale = at, at += c->requant == EDGE_REQUANT_FLOAT ? column : 0;
  g->at_threshold = at, at += column * (size_t)g->thresholds;
  g->at_weights = at;
  if (too_big((int64_t)at + weights)) return EDGE_E_RANGE;
  plan->packed_bytes = at + (size_t)weights + EDGE_SLACK;

  g->panel_bytes = (size_t)g->steps * k->pixels * edge_input_step_bytes(k);
  panels = (int64_t)EDGE_PANEL_BUDGET / (int64_t)g->panel_bytes;
  if (panels > EDGE_MANY_TILES) {
    /* Short sums: more tiles a call, as long as they stay in the first-level cache. */
    panels = (int64_t)EDGE_PANEL_NEAR / (int64_t)g->panel_bytes;
    panels = panels < EDGE_MANY_TILES ? EDGE_MANY_TILES : panels > EDGE_MAX_TILES ? EDGE_MAX_TILES : panels;
  }
  g->tiles_per_pass = panels < 1 ? 1 : (int32_t)panels;
  plan->pixel_units = (int32_t)((g->pixels + k->pixels - 1) / k->pixels);
  plan->channel_units = c->groups * g->group_blocks;
  if (g->tiles_per_pass > plan->pixel_units) g->tiles_per_pass = plan->pixel_units;

  {
    size_t rows = (size_t)g->tiles_per_pass * k->pixels;
    size_t sums = edge_align(rows * k->channels * 4);
    g->row_bytes = edge_align((size_t)g->steps * k->depth + 64);
    g->at_row = 0, at = g->row_bytes * k->pixel_step;
    g->at_correction = at, at += edge_align(rows * 4);
    g->at_sums = at, at += sums;
    g->at_wide = at, at += g->depth_blocks > 1 ? sums : 0;
    g->at_panels = at, at += edge_align((size_t)g->tiles_per_pass * g->panel_bytes) + EDGE_SLACK;
    g->whole_planes = k->order == EDGE_ORDER_BITS && c->groups == 1 && c->in_channels % 64 == 0 && g->depth_blocks == 1 &&
                      c->kernel_height * c->kernel_width > 1;
    if (g->whole_planes) {
      g->at_planes = at, at += edge_align(plan->input_bytes / 8 * k->input_planes);
      g->at_plane_sums = at, at += edge_align(plan->input_bytes / (size_t)c->in_channels * 4);
      if (too_big((int64_t)at)) return EDGE_E_RANGE;
    }
    plan->workspace_bytes = at;
  }
  return EDGE_OK;
}

static void lay_out_depthwise(edge_geometry *g) {
  edge_plan *plan = &g->plan;
  size_t column = edge_align((size_t)edge_divide_up(g->conv.in_channels, 8) * 8 * 4);
  size_t at = edge_align(sizeof(edge_header));
  g->at_base = at, at += column;
  g->at_multiplier = at, at += column;
  g->at_shift = at, at += column;
  g->at_scale = at, at += column;
  g->at_threshold = at, at += column * (size_t)g->thresholds;
  g->at_weights = at;
  plan->packed_bytes = at + edge_align(column / 4 * (size_t)g->depth);
  plan->workspace_bytes = EDGE_ALIGNMENT;
  plan->pixel_units = g->conv.batch * plan->out_height;
  plan->channel_units = edge_divide_up(g->conv.in_channels, 8);
  plan->kernel = "depthwise";
}

/* Sums of narrow kernels are added in 16 bits: three times the sum of |w|, at most 5 in halves or 3, must fit. */
static int narrow_fits(const edge_conv *c) {
  const int32_t most = c->scheme == EDGE_W1A2 ? 1 : c->weight_zero2 == 1 || c->weight_zero2 == 5 ? 5 : 3;
  return 3 * 9 * most * (int64_t)c->in_channels < 65536;
}

/* Winograd pays where its transforms are shared by enough channels, and its tiles are well filled. */
static int winograd_fits(const edge_geometry *g, const edge_winograd *k) {
  const edge_conv *c = &g->conv;
  const int64_t tiles = (int64_t)c->batch * edge_divide_up(g->plan.out_height, k->rows) * edge_divide_up(g->plan.out_width, 4);
  return c->groups == 1 && c->kernel_height == 3 && c->kernel_width == 3 && c->stride_height == 1 && c->stride_width == 1 &&
         c->dilation_height == 1 && c->dilation_width == 1 && c->in_channels % 8 == 0 && c->out_channels % k->outputs == 0 &&
         c->in_channels >= 16 && c->out_channels >= 16 && g->pixels >= tiles * k->least && (k->rows == 4 || narrow_fits(c));
}

static edge_status lay_out_winograd(edge_geometry *g) {
  const edge_conv *c = &g->conv;
  const edge_winograd *k = g->winograd;
  edge_plan *plan = &g->plan;
  const int32_t positions = (k->rows + 2) * 6, sum_bytes = k->rows == 4 ? 4 : 2;
  const size_t column = edge_align((size_t)c->out_channels * 4), tile_bytes = (size_t)c->in_channels * (size_t)positions * 2;
  const int64_t weights = (int64_t)c->out_channels * c->in_channels * positions * 2;
  int64_t total, groups, most = EDGE_WINOGRAD_BUDGET / (int64_t)tile_bytes / EDGE_WINOGRAD_TILES;
  size_t at = edge_align(sizeof(edge_header));
  g->at_base = at, at += column;
  g->at_multiplier = at, at += column;
  g->at_shift = at, at += column;
  g->at_scale = at, at += column;
  g->at_threshold = at, at += column * (size_t)g->thresholds;
  /* Blocks of at least eight input channels. */
  g->at_offsets = at, at += k->rows == 2 ? edge_align((size_t)c->in_channels / 8 * (size_t)c->out_channels * 2) : 0;
  g->at_weights = at;
  if (too_big((int64_t)at + weights)) return EDGE_E_RANGE;
  plan->packed_bytes = at + (size_t)weights + EDGE_SLACK;
  g->tile_rows = edge_divide_up(plan->out_height, k->rows), g->tile_columns = edge_divide_up(plan->out_width, 4);
  total = (int64_t)c->batch * g->tile_rows * g->tile_columns;
  groups = (total + EDGE_WINOGRAD_TILES - 1) / EDGE_WINOGRAD_TILES;
  most = most < 1 ? 1 : most > EDGE_WINOGRAD_GROUPS ? EDGE_WINOGRAD_GROUPS : most;
  plan->pixel_units = (int32_t)((groups + most - 1) / most);
  plan->channel_units = c->out_channels / k->outputs;
  most = most * EDGE_WINOGRAD_TILES < total ? most * EDGE_WINOGRAD_TILES : total;
  g->at_row = 0, at = edge_align((size_t)c->in_channels);
  g->at_sums = at, at += (size_t)(k->rows * 4 * EDGE_WINOGRAD_TILES * k->outputs * sum_bytes);
  g->at_wide = at, at += (size_t)(positions * EDGE_WINOGRAD_TILES * k->outputs * sum_bytes);
  g->at_panels = at, at += edge_align((size_t)most * tile_bytes) + EDGE_SLACK;
  plan->workspace_bytes = at;
  plan->kernel = k->name;
  return EDGE_OK;
}

edge_status edge_geometry_make(const edge_conv *conv, edge_variant variant, edge_geometry *g) {
  const edge_variant_row *row;
  edge_status status;
  int64_t depth, count;

  memset(g, 0, sizeof *g);
  if (conv == NULL) return EDGE_E_ARGUMENT;
  g->conv = *conv;
  conv = &g->conv;
  if ((status = check_shape(conv)) != EDGE_OK || (status = check_arithmetic(conv)) != EDGE_OK) return status;
  if (variant == EDGE_VARIANT_AUTO) variant = edge_variant_detect();
  if ((status = edge_variant_check(variant)) != EDGE_OK) return status;
  row = edge_variant_find(variant);
  g->plan.variant = variant;

  g->group_in = conv->in_channels / conv->groups, g->group_out = conv->out_channels / conv->groups;
  depth = (int64_t)conv->kernel_height * conv->kernel_width * g->group_in;
  if (depth > EDGE_MAX_DEPTH) return EDGE_E_RANGE;
  g->depth = (int32_t)depth;
  g->plan.out_height = out_side(conv->in_height, conv->pad_top, conv->pad_bottom, conv->kernel_height, conv->stride_height,
                                conv->dilation_height);
  g->plan.out_width =
      out_side(conv->in_width, conv->pad_left, conv->pad_right, conv->kernel_width, conv->stride_width, conv->dilation_width);
  if (g->plan.out_height < 1 || g->plan.out_width < 1) return EDGE_E_RANGE;

  g->output_size = conv->requant == EDGE_REQUANT_NONE ? 4 : 1;
  g->thresholds = conv->requant == EDGE_REQUANT_THRESHOLD ? conv->levels - 1 : 0;
  /* Multiplied in this order no product passes 2^63: each side is at most 2^16, each checked product below 2^31. */
  count = (int64_t)conv->in_height * conv->in_width;
  if (too_big(count) || too_big(count *= conv->batch) || too_big(count *= conv->in_channels)) return EDGE_E_RANGE;
  g->plan.input_bytes = (size_t)count;
  count = (int64_t)g->plan.out_height * g->plan.out_width;
  if (too_big(count) || too_big(count *= conv->batch)) return EDGE_E_RANGE;
  g->pixels = count;
  if (too_big(count * conv->out_channels * g->output_size)) return EDGE_E_RANGE;
  g->plan.output_bytes = (size_t)(count * conv->out_channels * g->output_size);
  count = depth * conv->out_channels;
  if (too_big(count)) return EDGE_E_RANGE;
  g->plan.weight_bytes = weight_bytes(conv->weight_format, count);

  g->kernel = row->scheme[conv->scheme];
  g->plan.kernel = g->kernel->name;
  g->group_blocks = edge_divide_up(g->group_out, g->kernel->channels);
  if (conv->groups > 1 && g->group_in == 1 && g->group_out == 1 && conv->scheme == EDGE_W8A8) {
    g->path = 1;
    lay_out_depthwise(g);
    return EDGE_OK;
  }
  g->winograd = row->winograd[conv->scheme];
  if (g->winograd != NULL && winograd_fits(g, g->winograd)) {
    g->path = 2;
    return lay_out_winograd(g);
  }
  return lay_out(g);
}

edge_status edge_conv_plan(const edge_conv *conv, edge_variant variant, edge_plan *plan) {
  edge_geometry g;
  edge_status status;
  if (conv == NULL || plan == NULL) return EDGE_E_ARGUMENT;
  status = edge_geometry_make(conv, variant, &g);
  if (status == EDGE_OK) *plan = g.plan;
  return status;
}

void edge_conv_from_gemm(edge_conv *conv, int32_t rows, int32_t depth, int32_t outputs) {
  memset(conv, 0, sizeof *conv);
  conv->batch = conv->in_height = 1;
  conv->in_width = rows, conv->in_channels = depth, conv->out_channels = outputs;
  conv->kernel_height = conv->kernel_width = conv->stride_height = conv->stride_width = 1;
  conv->dilation_height = conv->dilation_width = conv->groups = 1;
  conv->input_signed = conv->output_signed = 1;
  conv->clamp_low = -128, conv->clamp_high = 127;
}

const char *edge_status_text(edge_status status) {
  switch (status) {
    case EDGE_OK: return "done";
    case EDGE_E_ARGUMENT: return "a pointer is null or misaligned, or a field holds an unknown value";
    case EDGE_E_RANGE: return "a number is out of range or sizes do not fit one another";
    case EDGE_E_SIZE: return "a buffer is too small";
    case EDGE_E_UNSUPPORTED: return "this processor or build cannot run the variant";
    case EDGE_E_CORRUPT: return "the packed weights are not usable";
    default: return "unknown status";
  }
}
