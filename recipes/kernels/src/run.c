/* Runs a packed convolution: panels of input pixels times blocks of output channels. */
#include "internal.h"

#include <string.h>

/* A finish whose arrays start at the first channel. */
static void start_finish(const edge_geometry *g, const edge_header *header, const uint8_t *packed, edge_finish *finish) {
  const edge_conv *c = &g->conv;
  memset(finish, 0, sizeof *finish);
  finish->base = (const int32_t *)(const void *)(packed + g->at_base);
  if (c->requant == EDGE_REQUANT_FIXED) finish->multiplier = (const int32_t *)(const void *)(packed + g->at_multiplier);
  if (c->requant == EDGE_REQUANT_FIXED || c->requant == EDGE_REQUANT_SHIFT)
    finish->shift = (const int32_t *)(const void *)(packed + g->at_shift);
  if (c->requant == EDGE_REQUANT_FLOAT) finish->scale = (const float *)(const void *)(packed + g->at_scale);
  if (g->thresholds != 0) finish->threshold = (const int32_t *)(const void *)(packed + g->at_threshold);
  finish->alpha = header->alpha, finish->left_shifts = header->left_shifts;
  finish->row_channels = finish->channels = g->path == 0 ? g->kernel->channels : 8;
  finish->output_stride = (size_t)c->out_channels * (size_t)g->output_size;
  finish->conv = c;
}

static void point_finish(const edge_geometry *g, const edge_header *header, const uint8_t *packed, int32_t unit,
                         const int32_t *corrections, edge_finish *finish) {
  const int32_t left = g->group_out - unit % g->group_blocks * g->kernel->channels;
  start_finish(g, header, packed, finish);
  edge_finish_seek(g, finish, unit * g->kernel->channels);
  finish->correction = header->beta != 0 ? corrections : NULL;
  if (left < finish->channels) finish->channels = left;
}

/* Whole tiles in one call, then the narrower last one. */
static void multiply(const edge_kernel *k, const uint8_t *weights, const uint8_t *panels, size_t steps, int32_t pixels,
                     uint8_t *sums) {
  const size_t tiles = (size_t)(pixels / k->pixels);
  const int32_t rest = pixels % k->pixels;
  const size_t wide = k->pixels;
  if (tiles > 0) k->run[k->pixels / k->pixel_step - 1](weights, panels, steps, sums, tiles, k, wide);
  if (rest > 0) {
    const int32_t narrow = edge_divide_up(rest, k->pixel_step);
    k->run[narrow - 1](weights, panels + tiles * wide * steps * edge_input_step_bytes(k), steps,
                       sums + tiles * wide * k->channels * (k->narrow ? 2 : 4), 1, k, (size_t)narrow * k->pixel_step);
  }
}

static void widen_add(const edge_kernel *k, const uint8_t *sums, size_t count, int32_t *wide, int first) {
  for (size_t i = 0; i < count; i++) {
    int32_t sum;
    if (k->narrow) {
      uint16_t narrow;
      memcpy(&narrow, sums + i * 2, 2);
      sum = narrow;
    } else {
      memcpy(&sum, sums + i * 4, 4);
    }
    wide[i] = first ? sum : edge_wrap_add(wide[i], sum);
  }
}

/* Sums of `pixels` pixels of one block; returns where they are. */
static const void *multiply_deep(const edge_geometry *g, const uint8_t *weights, uint8_t *workspace, int32_t pixels,
                                 int32_t *narrow) {
  const edge_kernel *k = g->kernel;
  uint8_t *sums = workspace + g->at_sums;
  int32_t *wide = (int32_t *)(workspace + g->at_wide);
  const uint8_t *panels = workspace + g->at_panels;
  const size_t block_bytes = (size_t)g->tiles_per_pass * k->pixels * (size_t)g->block_steps * edge_input_step_bytes(k);
  *narrow = k->narrow && g->depth_blocks == 1;
  for (int32_t block = 0; block < g->depth_blocks; block++) {
    const int32_t first = block * g->block_steps;
    const int32_t steps = g->steps - first < g->block_steps ? g->steps - first : g->block_steps;
    multiply(k, weights + (size_t)first * edge_weight_step_bytes(k), panels + (size_t)block * block_bytes, (size_t)steps,
             pixels, sums);
    if (g->depth_blocks > 1) widen_add(k, sums, (size_t)pixels * k->channels, wide, block == 0);
  }
  return g->depth_blocks > 1 ? (const void *)wide : (const void *)sums;
}

static void run_panels(const edge_geometry *g, const edge_header *header, const uint8_t *packed, const uint8_t *input,
                       uint8_t *output, uint8_t *workspace, const edge_part *part) {
  const edge_kernel *k = g->kernel;
  int32_t *corrections = (int32_t *)(workspace + g->at_correction);
  if (g->whole_planes && part->pixel_begin < part->pixel_end && part->channel_begin < part->channel_end) {
    const int64_t end = (int64_t)part->pixel_end * k->pixels;
    edge_plane_rows(g, (int64_t)part->pixel_begin * k->pixels, end < g->pixels ? end : g->pixels, input, workspace);
  }
  for (int32_t tile = part->pixel_begin; tile < part->pixel_end; tile += g->tiles_per_pass) {
    const int32_t tiles = part->pixel_end - tile < g->tiles_per_pass ? part->pixel_end - tile : g->tiles_per_pass;
    const int64_t pixel = (int64_t)tile * k->pixels;
    const int64_t room = (int64_t)tiles * k->pixels;
    const int32_t pixels = (int32_t)(g->pixels - pixel < room ? g->pixels - pixel : room);
    int32_t packed_group = -1;
    for (int32_t unit = part->channel_begin; unit < part->channel_end; unit++) {
      const int32_t group = unit / g->group_blocks, block = unit % g->group_blocks;
      edge_finish finish;
      const void *sums;
      if (group != packed_group) {
        edge_pack_pixels(g, group, pixel, pixels, input, header->beta, workspace);
        packed_group = group;
      }
      point_finish(g, header, packed, unit, corrections, &finish);
      sums = multiply_deep(g, packed + g->at_weights + (size_t)unit * g->weight_block_bytes, workspace, pixels, &finish.narrow);
      finish.pixels = (size_t)pixels;
      edge_finish_rows(&finish, sums,
                       output + ((size_t)pixel * (size_t)g->conv.out_channels + (size_t)group * (size_t)g->group_out +
                                 (size_t)block * k->channels) *
                                    (size_t)g->output_size);
    }
  }
}

static edge_status open_packed(const void *packed, size_t packed_bytes, edge_header *header, edge_geometry *g) {
  edge_status status;
  if (packed == NULL || (uintptr_t)packed % EDGE_ALIGNMENT != 0) return EDGE_E_ARGUMENT;
  if (packed_bytes < sizeof *header) return EDGE_E_SIZE;
  memcpy(header, packed, sizeof *header);
  if (header->magic != EDGE_MAGIC || header->version != EDGE_KERNELS_VERSION || header->check != edge_header_check(header) ||
      header->variant == EDGE_VARIANT_AUTO)
    return EDGE_E_CORRUPT;
  status = edge_geometry_make(&header->conv, (edge_variant)header->variant, g);
  if (status == EDGE_E_UNSUPPORTED) return status;
  if (status != EDGE_OK || (g->path == 2 && (header->winograd_block < 8 || header->winograd_block % 8 != 0))) return EDGE_E_CORRUPT;
  return packed_bytes < g->plan.packed_bytes ? EDGE_E_SIZE : EDGE_OK;
}

edge_status edge_conv_run(const void *packed, size_t packed_bytes, const void *input, size_t input_bytes, void *output,
                          size_t output_bytes, void *workspace, size_t workspace_bytes, const edge_part *part) {
  edge_header header;
  edge_geometry g;
  edge_part all;
  edge_status status = open_packed(packed, packed_bytes, &header, &g);
  if (status != EDGE_OK) return status;
  if (input == NULL || output == NULL || workspace == NULL || (uintptr_t)workspace % EDGE_ALIGNMENT != 0 ||
      (uintptr_t)output % (size_t)g.output_size != 0)
    return EDGE_E_ARGUMENT;
  if (input_bytes < g.plan.input_bytes || output_bytes < g.plan.output_bytes || workspace_bytes < g.plan.workspace_bytes)
    return EDGE_E_SIZE;
  all.pixel_begin = 0, all.pixel_end = g.plan.pixel_units;
  all.channel_begin = 0, all.channel_end = g.plan.channel_units;
  if (part == NULL) part = &all;
  if (part->pixel_begin < 0 || part->pixel_end > all.pixel_end || part->pixel_begin > part->pixel_end ||
      part->channel_begin < 0 || part->channel_end > all.channel_end || part->channel_begin > part->channel_end)
    return EDGE_E_RANGE;
  if (g.path == 1)
    edge_depthwise_run(&g, &header, (const uint8_t *)packed, input, output, part);
  else if (g.path == 2) {
    edge_finish finish;
    start_finish(&g, &header, packed, &finish);
    edge_winograd_run(&g, header.winograd_block, packed, input, output, workspace, part, &finish);
  } else
    run_panels(&g, &header, packed, input, output, workspace, part);
  return EDGE_OK;
}

typedef struct parallel_job {
  const void *packed, *input;
  uint8_t *output, *workspace;
  size_t packed_bytes, input_bytes, output_bytes, each_bytes;
  const edge_plan *plan;
  int32_t threads;
  int by_channel;
} parallel_job;

static void parallel_task(void *argument, int32_t index) {
  const parallel_job *job = argument;
  const int64_t units = job->by_channel ? job->plan->channel_units : job->plan->pixel_units;
  const int32_t begin = (int32_t)(units * index / job->threads), end = (int32_t)(units * (index + 1) / job->threads);
  edge_part part = {0, job->plan->pixel_units, 0, job->plan->channel_units};
  if (job->by_channel)
    part.channel_begin = begin, part.channel_end = end;
  else
    part.pixel_begin = begin, part.pixel_end = end;
  /* Everything was checked before the threads started. */
  (void)edge_conv_run(job->packed, job->packed_bytes, job->input, job->input_bytes, job->output, job->output_bytes,
                      job->workspace + (size_t)index * job->each_bytes, job->each_bytes, &part);
}

edge_status edge_conv_run_parallel(const void *packed, size_t packed_bytes, const void *input, size_t input_bytes,
                                   void *output, size_t output_bytes, void *workspace, size_t workspace_bytes,
                                   int32_t threads, edge_parallel_for *parallel, void *context) {
  edge_header header;
  edge_geometry g;
  parallel_job job;
  edge_part nothing = {0, 0, 0, 0};
  edge_status status = open_packed(packed, packed_bytes, &header, &g);
  if (status != EDGE_OK) return status;
  if (parallel == NULL) return EDGE_E_ARGUMENT;
  if (threads < 1 || threads > 1024) return EDGE_E_RANGE;
  if (workspace_bytes / (size_t)threads < g.plan.workspace_bytes) return EDGE_E_SIZE;
  status = edge_conv_run(packed, packed_bytes, input, input_bytes, output, output_bytes, workspace, workspace_bytes, &nothing);
  if (status != EDGE_OK) return status;
  job.packed = packed, job.packed_bytes = packed_bytes;
  job.input = input, job.input_bytes = input_bytes;
  job.output = output, job.output_bytes = output_bytes;
  job.workspace = workspace, job.each_bytes = g.plan.workspace_bytes;
  job.plan = &g.plan, job.threads = threads;
  /* Few pixels, as in a fully connected layer: split the channels instead. */
  job.by_channel = g.plan.pixel_units < 2 * threads && g.plan.channel_units > g.plan.pixel_units;
  parallel(context, threads, parallel_task, &job);
  return EDGE_OK;
}
