/* kernels_library.h: libedge_kernels.so, opened with dlopen: only images that ask for it carry it. */
#ifndef EDGE_KERNELS_LIBRARY_H
#define EDGE_KERNELS_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "edge_kernels.h"

/* The functions of edge_kernels.h that the module uses. */
typedef struct {
  const char *(*status_text)(edge_status status);
  edge_variant (*detect)(void);
  edge_status (*check)(edge_variant variant);
  const char *(*name)(edge_variant variant);
  edge_status (*plan)(const edge_conv *conv, edge_variant variant, edge_plan *plan);
  edge_status (*prepare)(const edge_conv *conv, edge_variant variant, const edge_conv_data *data, void *packed,
                         size_t packed_bytes);
  edge_status (*run)(const void *packed, size_t packed_bytes, const void *input, size_t input_bytes, void *output,
                     size_t output_bytes, void *workspace, size_t workspace_bytes, const edge_part *part);
} edge_kernels;

/* Fills `kernels`. The library stays open until the process ends. On failure false and a sentence in `message`. */
bool edge_kernels_open(const char *path, edge_kernels *kernels, char *message, size_t size);

/* "ARGUMENT", "RANGE", "SIZE", "UNSUPPORTED" or "CORRUPT": the `code` of errors. */
const char *edge_kernels_code(edge_status status);

#endif
