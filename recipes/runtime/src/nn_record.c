/*
 * nn_record.c: an engine that keeps what models are fed, and lets another engine compute.
 *
 * libedge_record.so stands in the place of an engine's adapter on the machine that builds, where an app is run to calibrate its models; no image
 * has it. EDGE_RECORD_ENGINE names the real adapter, EDGE_RECORD_FOLDER an existing folder. Each run of a model, before it begins, leaves its
 * inputs there as NumPy files: MODEL/INPUT/RUN.npy, INPUT being the input's place from 0, RUN a number of ten digits that rises over all models.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "edge_nn.h"
#include "nn_engine.h"

#define PUBLIC __attribute__((visibility("default")))
#define PATH_BYTES 4096

/* An input as it was last set. */
typedef struct {
  edge_nn_tensor tensor; /* its data is `copy` */
  void *copy;            /* malloc, tensor.bytes; owned by the model */
} kept;

struct edge_nn_model {
  edge_nn_model *real; /* the other engine's; closed with this one */
  char *folder;        /* EDGE_RECORD_FOLDER/MODEL; malloc */
  uint32_t input_count;
  kept *inputs; /* input_count of them; calloc */
  char error[512]; /* of this file's own doing; empty: the other engine's is told */
};

static edge_engine engine;
static char trouble[512]; /* why there is no engine; empty when there is one */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_ullong runs;
static _Thread_local char open_error[512];

static void open_engine(void) {
  const char *path = getenv("EDGE_RECORD_ENGINE");
  if (!path) snprintf(trouble, sizeof trouble, "EDGE_RECORD_ENGINE is not set");
  else if (!edge_engine_open(path, &engine, trouble, sizeof trouble) && !trouble[0])
    snprintf(trouble, sizeof trouble, "%s cannot be opened", path);
}

static bool has_engine(void) {
  pthread_once(&once, open_engine);
  return !trouble[0];
}

PUBLIC uint32_t edge_nn_abi(void) { return EDGE_NN_ABI; }
PUBLIC const char *edge_nn_engine(void) { return has_engine() ? engine.name : "none"; }
PUBLIC const char *edge_nn_version(void) { return has_engine() ? engine.version : "0"; }

static edge_nn_status fail(edge_nn_model *model, const char *what, const char *path) {
  snprintf(model->error, sizeof model->error, "%s %.300s: %s", what, path, strerror(errno));
  return EDGE_NN_ERR_ENGINE;
}

static void release(edge_nn_model *model) {
  for (uint32_t i = 0; model->inputs && i < model->input_count; i++) free(model->inputs[i].copy);
  free(model->inputs);
  free(model->folder);
  free(model);
}

/* EDGE_RECORD_FOLDER and the last part of `dir`; malloc, NULL without memory or folder. */
static char *folder_of(const char *dir) {
  const char *root = getenv("EDGE_RECORD_FOLDER");
  const char *slash = strrchr(dir, '/');
  const char *name = slash ? slash + 1 : dir;
  if (!root) return NULL;
  size_t size = strlen(root) + strlen(name) + 2;
  char *path = malloc(size);
  if (path) snprintf(path, size, "%s/%s", root, name);
  return path;
}

PUBLIC edge_nn_status edge_nn_open(const char *dir, const edge_nn_options *options, edge_nn_model **out) {
  *out = NULL;
  open_error[0] = 0;
  if (!has_engine()) {
    snprintf(open_error, sizeof open_error, "%s", trouble);
    return EDGE_NN_ERR_ENGINE;
  }
  edge_nn_model *model = calloc(1, sizeof *model);
  if (!model) return EDGE_NN_ERR_MEMORY;
  edge_nn_status status = engine.open(dir, options, &model->real);
  if (status) {
    free(model);
    return status;
  }
  model->input_count = engine.input_count(model->real);
  model->inputs = calloc(model->input_count ? model->input_count : 1, sizeof *model->inputs);
  model->folder = folder_of(dir);
  if (!model->inputs || !model->folder) {
    snprintf(open_error, sizeof open_error, "no memory, or EDGE_RECORD_FOLDER is not set");
    engine.close(model->real);
    release(model);
    return EDGE_NN_ERR_MEMORY;
  }
  *out = model;
  return EDGE_NN_OK;
}

PUBLIC void edge_nn_close(edge_nn_model *model) {
  if (!model) return;
  engine.close(model->real);
  release(model);
}

PUBLIC uint32_t edge_nn_input_count(const edge_nn_model *model) { return model ? model->input_count : 0; }
PUBLIC uint32_t edge_nn_output_count(const edge_nn_model *model) { return model ? engine.output_count(model->real) : 0; }
PUBLIC const edge_nn_tensor_info *edge_nn_input_info(const edge_nn_model *model, uint32_t index) {
  return model ? engine.input_info(model->real, index) : NULL;
}
PUBLIC const edge_nn_tensor_info *edge_nn_output_info(const edge_nn_model *model, uint32_t index) {
  return model ? engine.output_info(model->real, index) : NULL;
}

PUBLIC edge_nn_status edge_nn_set_input(edge_nn_model *model, uint32_t index, const edge_nn_tensor *tensor) {
  if (!model) return EDGE_NN_ERR_ARGUMENT;
  model->error[0] = 0;
  /* What the engine refuses is no input. */
  edge_nn_status status = engine.set_input(model->real, index, tensor);
  if (status) return status;
  void *copy = malloc(tensor->bytes ? tensor->bytes : 1);
  if (!copy) return EDGE_NN_ERR_MEMORY;
  memcpy(copy, tensor->data, tensor->bytes);
  kept *input = &model->inputs[index];
  free(input->copy);
  input->tensor = *tensor;
  input->copy = copy;
  return EDGE_NN_OK;
}

/* The type as NumPy writes it, on machines whose lowest byte comes first. */
static const char *numpy_type(edge_nn_type type) {
  switch (type) {
    case EDGE_NN_F32: return "<f4";
    case EDGE_NN_I8: return "|i1";
    case EDGE_NN_U8: return "|u1";
    case EDGE_NN_I32: return "<i4";
    case EDGE_NN_I64: return "<i8";
  }
  return "";
}

/* NumPy's format 1.0: its length, with the ten bytes before it, is a multiple of 64. `header` has 256 bytes: 8 sizes of 11 characters fit. Gives the length. */
static size_t numpy_header(const edge_nn_tensor *tensor, char *header) {
  char text[200];
  int used = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (", numpy_type(tensor->type));
  for (uint32_t i = 0; i < tensor->rank; i++)
    used += snprintf(text + used, sizeof text - (size_t)used, "%d,", (int)tensor->shape[i]);
  used += snprintf(text + used, sizeof text - (size_t)used, "), }");
  size_t whole = (10 + (size_t)used + 1 + 63) / 64 * 64, length = whole - 10;
  memcpy(header, "\x93NUMPY\x01\x00", 8);
  header[8] = (char)(length & 255);
  header[9] = (char)(length >> 8);
  memset(header + 10, ' ', length);
  memcpy(header + 10, text, (size_t)used);
  header[whole - 1] = '\n';
  return whole;
}

static edge_nn_status make_folder(edge_nn_model *model, const char *path) {
  return mkdir(path, 0777) && errno != EEXIST ? fail(model, "cannot make", path) : EDGE_NN_OK;
}

static edge_nn_status record(edge_nn_model *model, uint32_t index, unsigned long long run) {
  const kept *input = &model->inputs[index];
  char path[PATH_BYTES], header[256];
  if (!input->copy) return EDGE_NN_OK; /* never set: the engine says so */
  snprintf(path, sizeof path, "%s/%u", model->folder, (unsigned)index);
  edge_nn_status status = make_folder(model, model->folder);
  if (!status) status = make_folder(model, path);
  if (status) return status;
  snprintf(path, sizeof path, "%s/%u/%010llu.npy", model->folder, (unsigned)index, run);
  FILE *file = fopen(path, "wbx");
  if (!file) return fail(model, "cannot write", path);
  size_t length = numpy_header(&input->tensor, header);
  bool written = fwrite(header, 1, length, file) == length &&
                 fwrite(input->copy, 1, input->tensor.bytes, file) == input->tensor.bytes;
  if (fclose(file) || !written) return fail(model, "cannot write", path);
  return EDGE_NN_OK;
}

PUBLIC edge_nn_status edge_nn_run(edge_nn_model *model) {
  if (!model) return EDGE_NN_ERR_ARGUMENT;
  model->error[0] = 0;
  unsigned long long run = atomic_fetch_add(&runs, 1);
  for (uint32_t i = 0; i < model->input_count; i++) {
    edge_nn_status status = record(model, i, run);
    if (status) return status;
  }
  return engine.run(model->real);
}

PUBLIC edge_nn_status edge_nn_get_output(edge_nn_model *model, uint32_t index, edge_nn_tensor *out) {
  if (!model) return EDGE_NN_ERR_ARGUMENT;
  model->error[0] = 0;
  return engine.get_output(model->real, index, out);
}

PUBLIC const char *edge_nn_last_error(const edge_nn_model *model) {
  if (!model) return open_error[0] || !has_engine() ? open_error : engine.last_error(NULL);
  return model->error[0] ? model->error : engine.last_error(model->real);
}
