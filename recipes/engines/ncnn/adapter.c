/*
 * ncnn behind edge_nn.h, through ncnn's own C interface.
 *
 * ncnn knows no batch dimension: it calls [1, c, h, w] a matrix of c channels.
 * A tensor of rank 2..5 therefore must begin with 1; a tensor of rank 1 goes as
 * it is. Results get their declared shape: sizes of 1 come and go in ncnn, a
 * scalar is a matrix of one value. Where no shape is declared they get the
 * leading 1 back.
 *
 * Storage and arithmetic in 16 bits are switched off: they cost 5e-4 (a
 * classifier) to 2e-3 (a text recognizer) of absolute error, and buy nothing on
 * cores without half-precision arithmetic.
 */
#include "nn_model.h"

#include <ncnn/c_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_MEMORY (-100) /* what ncnn returns when an allocation failed */

typedef struct {
  edge_nn_model base; /* first: one pointer serves both */
  ncnn_net_t net;
  ncnn_option_t option;
} ncnn_model;

const char nn_adapter_name[] = "ncnn";

const char *nn_adapter_version(void) { return ncnn_version(); }

size_t nn_adapter_size(void) { return sizeof(ncnn_model); }

/* Names the layers that this ncnn does not have. Its own loader would say so on
 * stderr only. A file that is no .param at all is left to that loader. */
static edge_nn_status check_layers(edge_nn_model *model, const char *path) {
  FILE *file = fopen(path, "re");
  if (!file) return nn_model_fail(model, EDGE_NN_ERR_MODEL, "cannot open %s", path);
  char *line = NULL; /* getline's, freed below */
  size_t size = 0;
  char names[256] = "";
  unsigned unknown = 0, number = 0;
  while (getline(&line, &size, file) >= 0) {
    char *rest, *type = strtok_r(line, " \t\r\n", &rest), *name = type ? strtok_r(NULL, " \t\r\n", &rest) : NULL;
    if (++number <= 2 || !name || ncnn_layer_type_to_index(type) >= 0) continue;
    size_t used = strlen(names);
    if (unknown++ < 4) snprintf(names + used, sizeof names - used, "%s%.48s (%.48s)", used ? ", " : "", type, name);
  }
  free(line);
  fclose(file);
  if (!unknown) return EDGE_NN_OK;
  return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "ncnn does not have the operators of %u of the layers: %s%s", unknown,
                       names, unknown > 4 ? ", ..." : "");
}

/* Every declared blob must be the net's, and every input of the net declared. */
static edge_nn_status check_blobs(ncnn_model *m) {
  edge_nn_model *model = &m->base;
  int inputs = ncnn_net_get_input_count(m->net), outputs = ncnn_net_get_output_count(m->net);
  if (inputs != (int)model->input_count)
    return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the net has %d inputs, declared are %u", inputs,
                         model->input_count);
  for (uint32_t i = 0; i < model->input_count; i++) {
    nn_port *port = &model->inputs[i];
    int j = 0;
    while (j < inputs && strcmp(ncnn_net_get_input_name(m->net, j), port->blob) != 0) j++;
    if (j == inputs)
      return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the net has no input %s (%s)", port->blob, port->info.name);
    if (port->info.type != EDGE_NN_F32 && port->info.type != EDGE_NN_I32)
      return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "input %s: ncnn takes f32 and i32, not %s", port->info.name,
                           nn_type_name(port->info.type));
    if (port->info.rank < 1 || port->info.rank > 5 || (port->info.rank > 1 && port->info.dims[0].max != 1))
      return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "input %s: ncnn takes ranks 1 to 5, and only batch size 1",
                           port->info.name);
  }
  for (uint32_t i = 0; i < model->output_count; i++) {
    nn_port *port = &model->outputs[i];
    int j = 0;
    while (j < outputs && strcmp(ncnn_net_get_output_name(m->net, j), port->blob) != 0) j++;
    if (j == outputs)
      return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the net has no output %s (%s)", port->blob, port->info.name);
    if (port->info.type != EDGE_NN_F32 && port->info.type != EDGE_NN_I32)
      return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s: ncnn gives f32 and i32, not %s", port->info.name,
                           nn_type_name(port->info.type));
  }
  return EDGE_NN_OK;
}

edge_nn_status nn_adapter_load(edge_nn_model *model, int threads) {
  ncnn_model *m = (ncnn_model *)model;
  edge_nn_status status;
  const char *param = nn_model_file(model, "param");
  const char *weights = param ? nn_model_file(model, "weights") : NULL;
  if (!weights) return EDGE_NN_ERR_MODEL;
  if ((status = check_layers(model, param))) return status;

  m->net = ncnn_net_create();
  m->option = ncnn_option_create();
  if (!m->net || !m->option) return nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for a net");
  ncnn_option_set_num_threads(m->option, threads);
  ncnn_option_set_use_vulkan_compute(m->option, 0);
  ncnn_option_set_use_fp16_packed(m->option, 0);
  ncnn_option_set_use_fp16_storage(m->option, 0);
  ncnn_option_set_use_fp16_arithmetic(m->option, 0);
  ncnn_option_set_use_bf16_packed(m->option, 0);
  ncnn_option_set_use_bf16_storage(m->option, 0);
  ncnn_net_set_option(m->net, m->option);

  if (ncnn_net_load_param(m->net, param) != 0)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "ncnn cannot read %s", param);
  int result = ncnn_net_load_model(m->net, weights);
  if (result != 0)
    return nn_model_fail(model, result == NO_MEMORY ? EDGE_NN_ERR_MEMORY : EDGE_NN_ERR_ENGINE,
                         "ncnn cannot load %s (%d)", weights, result);
  return check_blobs(m);
}

void nn_adapter_unload(edge_nn_model *model) {
  ncnn_model *m = (ncnn_model *)model;
  if (m->net) ncnn_net_destroy(m->net);
  if (m->option) ncnn_option_destroy(m->option);
}

/* A matrix with a copy of a dense tensor of 4-byte elements; NULL without
 * memory. Each channel of the matrix begins at a multiple of its cstep. */
static ncnn_mat_t make_mat(const edge_nn_tensor *t) {
  const int32_t *s = t->rank > 1 ? t->shape + 1 : t->shape; /* without the batch */
  uint32_t dims = t->rank > 1 ? t->rank - 1 : 1;
  ncnn_mat_t mat = dims == 1   ? ncnn_mat_create_1d(s[0], NULL)
                   : dims == 2 ? ncnn_mat_create_2d(s[1], s[0], NULL)
                   : dims == 3 ? ncnn_mat_create_3d(s[2], s[1], s[0], NULL)
                               : ncnn_mat_create_4d(s[3], s[2], s[1], s[0], NULL);
  char *to = mat ? ncnn_mat_get_data(mat) : NULL;
  if (!to) {
    if (mat) ncnn_mat_destroy(mat);
    return NULL;
  }
  size_t channels = dims < 3 ? 1 : (size_t)s[0], bytes = t->bytes / channels;
  size_t step = dims < 3 ? bytes : ncnn_mat_get_cstep(mat) * 4;
  for (size_t c = 0; c < channels; c++) memcpy(to + c * step, (const char *)t->data + c * bytes, bytes);
  return mat;
}

/* Whether the sizes of `shape` (rank of the port) are declared ones. */
static bool fits(const nn_port *port, const int64_t *shape) {
  for (uint32_t i = 0; i < port->info.rank; i++) {
    const edge_nn_dim *dim = &port->info.dims[i];
    if (shape[i] < dim->min || shape[i] > dim->max || (shape[i] - dim->min) % dim->step != 0) return false;
  }
  return true;
}

/* Gives the axes below `axis` the `count` sizes, none of them 1, in their order, and 1 to the others, as declared; from the last axis on,
 * so that sizes of 1 come first where both would do. At most 2^8 steps. */
static bool spread(const nn_port *port, uint32_t axis, const int64_t *sizes, uint32_t count, int64_t *shape) {
  if (axis == 0) return count == 0 && fits(port, shape);
  if (count > axis) return false;
  if (count > 0) {
    shape[axis - 1] = sizes[count - 1];
    if (spread(port, axis - 1, sizes, count - 1, shape)) return true;
  }
  shape[axis - 1] = 1;
  return spread(port, axis - 1, sizes, count, shape);
}

/* The declared shape that a matrix of the sizes full[1..dims] holds, into `shape` of EDGE_NN_MAX_RANK; full[0] is 1, the batch. Its
 * elements and their order stay. The rank; that of `full` when nothing declared is like it. */
static uint32_t output_shape(const nn_port *port, const int64_t *full, uint32_t dims, int64_t *shape) {
  uint32_t rank = port->info.rank, count = 0;
  int64_t sizes[4];
  memcpy(shape, full, (dims + 1) * sizeof *shape);
  if (!port->declared || (rank == dims + 1 && fits(port, full))) return dims + 1;
  for (uint32_t i = 1; i <= dims; i++)
    if (full[i] != 1) sizes[count++] = full[i];
  int64_t found[EDGE_NN_MAX_RANK];
  if (rank == dims && fits(port, full + 1)) memcpy(found, full + 1, dims * sizeof *found);
  else if (!spread(port, rank, sizes, count, found)) return dims + 1;
  memcpy(shape, found, rank * sizeof *shape);
  return rank;
}

/* Copies a matrix of 4-byte elements, not packed, into output `index`. */
static edge_nn_status take_mat(edge_nn_model *model, uint32_t index, ncnn_mat_t mat) {
  nn_port *port = &model->outputs[index];
  int dims = ncnn_mat_get_dims(mat);
  const char *from = ncnn_mat_get_data(mat);
  if (!from || dims < 1 || dims > 4 || ncnn_mat_get_n(mat) > 1 || ncnn_mat_get_elempack(mat) != 1 ||
      ncnn_mat_get_elemsize(mat) != 4)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s: %d dimensions of %zu-byte elements", port->info.name,
                         dims, ncnn_mat_get_elemsize(mat));
  int64_t c = ncnn_mat_get_c(mat), d = ncnn_mat_get_d(mat), h = ncnn_mat_get_h(mat), w = ncnn_mat_get_w(mat);
  const int64_t shapes[4][5] = {{1, w}, {1, h, w}, {1, c, h, w}, {1, c, d, h, w}};
  int64_t shape[EDGE_NN_MAX_RANK];
  uint32_t rank = output_shape(port, shapes[dims - 1], (uint32_t)dims, shape);
  edge_nn_status status = nn_model_reserve_output(model, index, port->info.type, rank, shape);
  if (status) return status;
  size_t channels = dims < 3 ? 1 : (size_t)c, bytes = port->value.bytes / channels;
  size_t step = dims < 3 ? bytes : ncnn_mat_get_cstep(mat) * 4;
  for (size_t i = 0; i < channels; i++) memcpy((char *)port->data + i * bytes, from + i * step, bytes);
  port->ready = true;
  return EDGE_NN_OK;
}

/* Whether the declared shape is one only, without elements: ncnn has no such matrix, and there is nothing to compute. */
static bool is_empty(const nn_port *port) {
  bool empty = false;
  for (uint32_t i = 0; i < port->info.rank; i++) {
    if (port->info.dims[i].min != port->info.dims[i].max) return false;
    empty = empty || port->info.dims[i].max == 0;
  }
  return empty;
}

static edge_nn_status give_nothing(edge_nn_model *model, uint32_t index) {
  nn_port *port = &model->outputs[index];
  int64_t shape[EDGE_NN_MAX_RANK];
  for (uint32_t i = 0; i < port->info.rank; i++) shape[i] = port->info.dims[i].min;
  edge_nn_status status = nn_model_reserve_output(model, index, port->info.type, port->info.rank, shape);
  port->ready = !status;
  return status;
}

static edge_nn_status extract(ncnn_model *m, ncnn_extractor_t extractor, uint32_t index) {
  edge_nn_model *model = &m->base;
  nn_port *port = &model->outputs[index];
  if (is_empty(port)) return give_nothing(model, index);
  ncnn_mat_t mat = NULL; /* ours, also after a failure */
  edge_nn_status status;
  int result = ncnn_extractor_extract(extractor, port->blob, &mat);
  if (result != 0) {
    status = nn_model_fail(model, result == NO_MEMORY ? EDGE_NN_ERR_MEMORY : EDGE_NN_ERR_ENGINE,
                           "ncnn failed to compute %s (%d)", port->info.name, result);
  } else if (ncnn_mat_get_elempack(mat) != 1) {
    ncnn_mat_t dense = NULL; /* ours */
    ncnn_convert_packing(mat, &dense, 1, m->option);
    status = dense ? take_mat(model, index, dense)
                   : nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for output %s", port->info.name);
    if (dense) ncnn_mat_destroy(dense);
  } else {
    status = take_mat(model, index, mat);
  }
  if (mat) ncnn_mat_destroy(mat);
  return status;
}

/* Computes the results of one line of the .param file, `line`, which is cut up: TYPE NAME INPUTS OUTPUTS names of inputs, of outputs. */
static edge_nn_status trace_line(ncnn_model *m, ncnn_extractor_t extractor, char *line) {
  char *rest, *type = strtok_r(line, " \t\r\n", &rest), *name = type ? strtok_r(NULL, " \t\r\n", &rest) : NULL;
  long counts[2] = {0, 0};
  for (int i = 0; i < 2; i++) {
    char *word = name ? strtok_r(NULL, " \t\r\n", &rest) : NULL;
    counts[i] = word ? strtol(word, NULL, 10) : 0;
  }
  if (!name || strcmp(type, "Input") == 0) return EDGE_NN_OK;
  nn_model_trace(type, name);
  for (long i = 0; i < counts[0] + counts[1]; i++) {
    char *blob = strtok_r(NULL, " \t\r\n", &rest);
    if (!blob) break;
    if (i < counts[0]) continue;
    ncnn_mat_t mat = NULL; /* ours, also after a failure */
    int result = ncnn_extractor_extract(extractor, blob, &mat);
    if (mat) ncnn_mat_destroy(mat);
    if (result != 0)
      return nn_model_fail(&m->base, result == NO_MEMORY ? EDGE_NN_ERR_MEMORY : EDGE_NN_ERR_ENGINE,
                           "ncnn failed to compute layer %s (%s) (%d)", name, type, result);
  }
  return EDGE_NN_OK;
}

/* Computes layer by layer, each told before it begins. The file has them in the order of their dependences; what was extracted stays. */
static edge_nn_status trace_layers(ncnn_model *m, ncnn_extractor_t extractor) {
  const char *path = nn_model_file(&m->base, "param");
  FILE *file = path ? fopen(path, "re") : NULL;
  if (!file) return nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "cannot open the layers");
  char *line = NULL; /* getline's, freed below */
  size_t size = 0;
  edge_nn_status status = EDGE_NN_OK;
  for (unsigned number = 1; !status && getline(&line, &size, file) >= 0; number++)
    if (number > 2) status = trace_line(m, extractor, line);
  free(line);
  fclose(file);
  return status;
}

edge_nn_status nn_adapter_run(edge_nn_model *model) {
  ncnn_model *m = (ncnn_model *)model;
  edge_nn_status status = EDGE_NN_OK;
  ncnn_extractor_t extractor = ncnn_extractor_create(m->net);
  if (!extractor) return nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory to run the net");
  for (uint32_t i = 0; i < model->input_count && !status; i++) {
    const nn_port *port = &model->inputs[i];
    ncnn_mat_t mat = make_mat(&port->value);
    if (!mat)
      status = nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for input %s", port->info.name);
    else if (ncnn_extractor_input(extractor, port->blob, mat) != 0)
      status = nn_model_fail(model, EDGE_NN_ERR_ENGINE, "ncnn refuses input %s", port->info.name);
    if (mat) ncnn_mat_destroy(mat); /* the extractor holds its own reference */
  }
  if (!status && nn_model_traced()) status = trace_layers(m, extractor);
  for (uint32_t i = 0; i < model->output_count && !status; i++) status = extract(m, extractor, i);
  ncnn_extractor_destroy(extractor);
  return status;
}
