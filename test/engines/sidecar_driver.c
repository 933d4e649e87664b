/*
 * Drives the sidecar reader for nn-model.test.ts, linked with the toy engine and built with sanitizers.
 *
 *   sidecar_driver DIR                opens the model folder, says what it declares or why it is refused
 *   sidecar_driver DIR SHAPE...       then offers inputs of these shapes (1x3x48x320) and runs
 *   sidecar_driver --cache CACHE DIR SHAPE...   the same, with a folder for what is made of the model; says how far that is
 *   sidecar_driver --sha256 COUNT     SHA-256 of the first 0 to COUNT letters of abcde...xyzabc..., taken in two parts
 *   sidecar_driver --mutate DIR SEED COUNT   rewrites DIR/model.edge COUNT times with random damage and reads it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_model.h"
#include "nn_sha256.h"

static void say_percent(void *user, int percent) { printf("%s%d%%\n", (const char *)user, percent); }

static void say_not_kept(void *user, const char *why) { printf("%snot kept: %s\n", (const char *)user, why); }

static int hash(size_t count) {
  static char text[4096];
  if (count > sizeof text) return 2;
  for (size_t i = 0; i < count; i++) text[i] = (char)('a' + i % 26);
  for (size_t length = 0; length <= count; length++) {
    uint8_t digest[NN_SHA256_BYTES];
    nn_sha256 hash;
    nn_sha256_begin(&hash);
    nn_sha256_add(&hash, text, length / 3);
    nn_sha256_add(&hash, text + length / 3, length - length / 3);
    nn_sha256_end(&hash, digest);
    for (int i = 0; i < NN_SHA256_BYTES; i++) printf("%02x", digest[i]);
    printf("\n");
  }
  return 0;
}

static int describe(const char *dir, const char *cache, int count, char **shapes) {
  edge_nn_model *model;
  char made[] = "made ";
  const edge_nn_options options = {2, cache, cache ? say_percent : NULL, cache ? say_not_kept : NULL, made};
  edge_nn_status status = edge_nn_open(dir, &options, &model);
  if (status) return printf("%d %s\n", status, edge_nn_last_error(NULL)), 1;
  for (uint32_t i = 0; i < edge_nn_input_count(model); i++) {
    const edge_nn_tensor_info *info = edge_nn_input_info(model, i);
    printf("input %s %s", info->name, nn_type_name(info->type));
    for (uint32_t j = 0; j < info->rank; j++)
      printf("%c%d..%d/%d", j ? ',' : ' ', info->dims[j].min, info->dims[j].max, info->dims[j].step);
    printf(" quant %g %d blob %s\n", (double)info->scale, info->zero_point, model->inputs[i].blob);
  }
  printf("threads %d\n", nn_model_threads(model, 8));
  for (int i = 0; i < count; i++) {
    edge_nn_tensor tensor = {.type = EDGE_NN_F32}, result;
    size_t values = 1;
    for (char *s = strtok(shapes[i], "x"); s && tensor.rank < EDGE_NN_MAX_RANK; s = strtok(NULL, "x"))
      values *= (size_t)(tensor.shape[tensor.rank++] = atoi(s));
    float *data = malloc(values * sizeof *data); /* freed below */
    if (!data) return 2;
    for (size_t j = 0; j < values; j++) data[j] = 0.5f;
    tensor.data = data;
    tensor.bytes = values * sizeof *data;
    status = edge_nn_set_input(model, 0, &tensor);
    free(data);
    if (!status) status = edge_nn_run(model);
    if (!status) status = edge_nn_get_output(model, 0, &result);
    if (status) printf("%d %s\n", status, edge_nn_last_error(model));
    else printf("sum %g\n", (double)*(const float *)result.data);
  }
  edge_nn_close(model);
  return 0;
}

static uint32_t state;
static uint32_t draw(uint32_t below) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % below;
}

static const char *const bits[] = {
    "dims=", "shapes=", "blob=", "quant=", ",", ";", "..", "/", "%20", "%", "%00", "#", "\n", " ", "4294967296", "2147483647",
    "0", "1", "-1", "input x f32 ", "output y f32 ", "file model m.onnx\n", "option threads-max 4\n", "\xc3\xa9", "\xff", "f32",
    "scalar", "1..2147483647", "1,2;3,4", "../", "0.5,3", "edge-nn 1\n", "engine toy\n",
};

static int mutate(const char *dir, uint32_t seed, uint32_t count) {
  static const char base[] =
      "edge-nn 1\nengine toy\nfile model m.onnx\ninput x%20y f32 blob=in0 dims=1,3,32..64/8,8\n"
      "input z i64 shapes=1,2,3;1,2,9\noutput y f32 quant=0.5,-3 dims=1,1\noption threads-max 4\n";
  static char text[NN_MODEL_MAX_BYTES + 4096];
  char path[4096];
  snprintf(path, sizeof path, "%s/model.edge", dir);
  unsigned accepted = 0;
  state = seed;
  for (uint32_t i = 0; i < count; i++) {
    size_t length = sizeof base - 1;
    memcpy(text, base, length);
    for (uint32_t edits = 1 + draw(3); edits > 0; edits--) {
      size_t at = draw((uint32_t)length + 1), cut = draw(3) ? draw(8) : 0;
      if (cut > length - at) cut = length - at;
      const char *bit = draw(4) ? bits[draw(sizeof bits / sizeof bits[0])] : "";
      size_t added = strlen(bit);
      memmove(text + at + added, text + at + cut, length - at - cut);
      memcpy(text + at, bit, added);
      length += added - cut;
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(text, 1, length, file) != length || fclose(file)) return 2;
    edge_nn_model model = {0};
    edge_nn_status status = nn_model_read(&model, dir, "toy");
    if (status && !edge_nn_last_error(&model)[0]) return printf("refused without a word\n"), 3;
    if (!status) {
      accepted++;
      int32_t shape[EDGE_NN_MAX_RANK];
      for (uint32_t j = 0; j < model.inputs[0].info.rank; j++) shape[j] = (int32_t)draw(70);
      char byte = 0;
      edge_nn_tensor tensor = {.type = model.inputs[0].info.type, .rank = model.inputs[0].info.rank, .bytes = 1, .data = &byte};
      memcpy(tensor.shape, shape, sizeof shape);
      edge_nn_set_input(&model, 0, &tensor);
    }
    nn_model_free(&model);
  }
  printf("accepted %u of %u\n", accepted, count);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 5 && strcmp(argv[1], "--mutate") == 0)
    return mutate(argv[2], (uint32_t)strtoul(argv[3], NULL, 10), (uint32_t)strtoul(argv[4], NULL, 10));
  if (argc == 3 && strcmp(argv[1], "--sha256") == 0) return hash(strtoul(argv[2], NULL, 10));
  if (argc > 3 && strcmp(argv[1], "--cache") == 0) return describe(argv[3], argv[2], argc - 4, argv + 4);
  return argc < 2 ? 2 : describe(argv[1], NULL, argc - 2, argv + 2);
}
