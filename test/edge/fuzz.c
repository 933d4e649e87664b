/*
 * Damages a network and opens what comes of it, as often as told: fuzz NETWORK COUNT SEED
 *
 * Most files have their checksum and length set right again, so that the damage reaches what reads the content. What is accepted is run. Writes counts
 * as JSON; a fault is the sanitizers' to tell.
 */
#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Floats of a port, and multiplications of a layer, that are still tried. */
#define MOST_FLOATS (1u << 20)
#define MOST_WORK (1ull << 24)

static uint32_t state;

/* A whole number below `below` (mulberry32). */
static uint32_t roll(uint32_t below) {
  state += 0x6d2b79f5u;
  uint32_t mixed = (state ^ state >> 15) * (state | 1);
  mixed ^= mixed + (mixed ^ mixed >> 7) * (mixed | 61);
  return (mixed ^ mixed >> 14) % below;
}

static uint32_t table[256];

static uint32_t checksum(const uint8_t *bytes, size_t count) {
  uint32_t sum = 0xffffffffu;
  for (size_t i = 0; i < count; i++) sum = sum >> 8 ^ table[(sum ^ bytes[i]) & 0xff];
  return ~sum;
}

static uint32_t changed(uint32_t word) {
  static const uint32_t extremes[] = {0, 1, 2, 31, 32, 63, 64, 255, 256, 65535, 65536, 65537, 1u << 30, 0x7fffffff, 0x80000000, 0xffffffff};
  switch (roll(4)) {
    case 0: return extremes[roll(sizeof extremes / sizeof *extremes)];
    case 1: return word + roll(9) - 4;
    case 2: return word ^ 1u << roll(32);
    default: return roll(0xffffffffu) >> roll(32);
  }
}

/* Where the words of tables, layers and parameters are: weights are let alone three times in four. */
static size_t some_word(const uint8_t *file, size_t bytes) {
  uint32_t h[16], entry[8];
  memcpy(h, file, sizeof h);
  if (roll(4) == 0) return roll((uint32_t)(bytes / 4));
  switch (roll(4)) {
    case 0: return roll(16);
    case 1: return h[7] / 4 + roll(h[6] * 2);
    case 2: return h[9] / 4 + roll(h[8] * 8);
    default:
      memcpy(entry, file + h[9] + roll(h[8]) * 32, sizeof entry);
      return entry[6] / 4 + roll(entry[7]);
  }
}

/* Damages `file` in place; gives its new length. `whole` is the file before. */
static size_t damage(const uint8_t *whole, uint8_t *file, size_t bytes) {
  memcpy(file, whole, bytes);
  for (uint32_t count = 1 + roll(4); count > 0; count--) {
    const size_t at = some_word(whole, bytes) * 4;
    uint32_t word;
    memcpy(&word, file + at, 4);
    word = changed(word);
    memcpy(file + at, &word, 4);
  }
  if (roll(16) == 0) bytes = roll((uint32_t)bytes + 1);
  if (roll(16) == 0 || bytes < NET_HEADER_BYTES) return bytes;
  const uint32_t length = (uint32_t)bytes;
  memcpy(file + 16, &length, 4);
  const uint32_t sum = checksum(file + 16, bytes - 16);
  memcpy(file + 12, &sum, 4);
  return bytes;
}

static bool cheap(const net *network) {
  for (uint32_t i = 0; i < network->layer_count; i++) {
    const net_layer *layer = &network->layers[i];
    const int32_t *p = layer->params;
    uint64_t work = net_value_bytes(network, layer->output);
    if (layer->kind == NET_CONV) work *= (uint64_t)p[5] * (uint64_t)p[6] * (uint64_t)(p[3] / p[15]);
    if (layer->kind == NET_MAXIMUM || layer->kind == NET_AVERAGE) work *= (uint64_t)p[4] * (uint64_t)p[5];
    if (work > MOST_WORK) return false;
  }
  return true;
}

static bool run(net *network) {
  const float *inputs[NET_MAX_PORTS];
  float *outputs[NET_MAX_PORTS];
  bool done = true;
  /* Of just their size, so that the sanitizers see what lies beyond. */
  for (uint32_t i = 0; i < network->input_count; i++) inputs[i] = calloc(network->inputs[i].count, 4);
  for (uint32_t i = 0; i < network->output_count; i++) outputs[i] = calloc(network->outputs[i].count, 4);
  for (uint32_t i = 0; i < network->layer_count && done; i++) done = net_run_layer(network, i, inputs, outputs);
  for (uint32_t i = 0; i < network->input_count; i++) free((void *)(uintptr_t)inputs[i]);
  for (uint32_t i = 0; i < network->output_count; i++) free(outputs[i]);
  return done;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  FILE *from = fopen(argv[1], "rb");
  static uint8_t whole[1 << 20];
  const size_t bytes = from ? fread(whole, 1, sizeof whole, from) : 0;
  if (bytes < NET_HEADER_BYTES || bytes == sizeof whole) return 2;
  state = (uint32_t)strtoul(argv[3], NULL, 10);
  for (uint32_t i = 0; i < 256; i++) {
    table[i] = i;
    for (int bit = 0; bit < 8; bit++) table[i] = table[i] >> 1 ^ ((table[i] & 1) ? 0xedb88320u : 0);
  }
  unsigned long refused = 0, ran = 0, large = 0, failed = 0;
  for (unsigned long left = strtoul(argv[2], NULL, 10); left > 0; left--) {
    static uint8_t made[sizeof whole];
    const size_t length = damage(whole, made, bytes);
    /* A block of its own that ends where the file does. */
    void *file = NULL;
    if (posix_memalign(&file, EDGE_ALIGNMENT, length + (length == 0)) != 0) return 2;
    memcpy(file, made, length);
    net network;
    memset(&network, 0, sizeof network);
    bool small = true;
    const bool accepted = net_open(&network, file, length, roll(64) == 0 ? 3 : 1);
    for (uint32_t i = 0; i < network.input_count && accepted; i++) small = small && network.inputs[i].count <= MOST_FLOATS;
    for (uint32_t i = 0; i < network.output_count && accepted; i++) small = small && network.outputs[i].count <= MOST_FLOATS;
    if (!accepted) refused++;
    else if (!small || !cheap(&network)) large++;
    else if (run(&network)) ran++;
    else failed++;
    net_close(&network);
    free(file);
  }
  printf("{\"refused\":%lu,\"ran\":%lu,\"large\":%lu,\"failed\":%lu}\n", refused, ran, large, failed);
  return 0;
}
