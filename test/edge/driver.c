/*
 * Runs a network layer by layer and writes what each gives: driver THREADS NETWORK INPUT...
 *
 * Each input is a file of floats. Standard output has, for each layer, its bytes as 32 bits and then those. Ends with 1 and a line on standard error
 * when the network is refused.
 */
#include "net.h"

#include <stdio.h>
#include <stdlib.h>

/* All of a file, at a multiple of EDGE_ALIGNMENT; never freed. */
static void *whole(const char *path, size_t *bytes) {
  FILE *file = fopen(path, "rb");
  if (!file) exit(2);
  fseek(file, 0, SEEK_END);
  *bytes = (size_t)ftell(file);
  rewind(file);
  uint8_t *data = aligned_alloc(EDGE_ALIGNMENT, (*bytes / EDGE_ALIGNMENT + 1) * EDGE_ALIGNMENT);
  if (!data || fread(data, 1, *bytes, file) != *bytes) exit(2);
  fclose(file);
  return data;
}

int main(int argc, char **argv) {
  static net network;
  static const float *inputs[NET_MAX_PORTS];
  static float *outputs[NET_MAX_PORTS];
  size_t bytes;
  const void *file = argc > 2 ? whole(argv[2], &bytes) : NULL;
  if (!file) return 2;
  if (!net_open(&network, file, bytes, atoi(argv[1]))) return fprintf(stderr, "%s\n", network.error), net_close(&network), 1;
  fprintf(stderr, "%s: %zu bytes of weights, %zu of tensors, %zu for the kernels\n", edge_variant_name(edge_variant_detect()),
          network.packed_bytes, network.arena_bytes, network.workspace_bytes);
  for (uint32_t i = 0; i < network.input_count; i++) {
    if ((int)i + 3 >= argc) return 2;
    inputs[i] = whole(argv[i + 3], &bytes);
    if (bytes != network.inputs[i].count * 4) return 2;
  }
  for (uint32_t i = 0; i < network.output_count; i++) outputs[i] = calloc(network.outputs[i].count, 4);
  for (uint32_t i = 0; i < network.layer_count; i++) {
    const uint32_t output = network.layers[i].output, first = network.tensor_count + network.input_count;
    const uint32_t size = (uint32_t)net_value_bytes(&network, output);
    if (!net_run_layer(&network, i, inputs, outputs)) return fprintf(stderr, "%s\n", network.error), 1;
    fwrite(&size, 4, 1, stdout);
    fwrite(output < first ? (const void *)(network.arena + network.tensors[output * 2]) : outputs[output - first], 1, size, stdout);
  }
  net_close(&network);
  return 0;
}
