/*
 * The quantized kernels as an engine behind edge_nn.h.
 *
 * A model is one file, a network of whole numbers (net.h), which is mapped read-only. Opening checks all of it, packs the weights for this
 * processor and sets aside the memory of all tensors; a run allocates nothing.
 */
#include "nn_model.h"
#include "net.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION "1"

typedef struct {
  edge_nn_model base; /* first: one pointer serves both */
  net network;
  void *file; /* mapped, or NULL */
  size_t bytes;
  /* Where the network's ports are among the declared ones. */
  uint32_t input_places[NET_MAX_PORTS], output_places[NET_MAX_PORTS];
} edge_model;

const char nn_adapter_name[] = "edge";

size_t nn_adapter_size(void) { return sizeof(edge_model); }

const char *nn_adapter_version(void) { return VERSION; }

static edge_nn_status map_file(edge_model *m, const char *path) {
  struct stat about;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "%s cannot be opened", path);
  if (fstat(fd, &about) == 0 && about.st_size > 0) {
    m->bytes = (size_t)about.st_size;
    m->file = mmap(NULL, m->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (m->file == MAP_FAILED) m->file = NULL;
  }
  close(fd);
  return m->file ? EDGE_NN_OK : nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "%s is empty or cannot be mapped", path);
}

/* Finds the declared port of the network's port `index`, by name, type and shape: places[index]. Those before it have others. */
static edge_nn_status bind(edge_model *m, const net_port *own, uint32_t index, nn_port *ports, uint32_t count, uint32_t *places) {
  own += index;
  for (uint32_t i = 0; i < count; i++) {
    const edge_nn_tensor_info *info = &ports[i].info;
    if (strlen(ports[i].blob) != own->name_bytes || memcmp(ports[i].blob, own->name, own->name_bytes) != 0) continue;
    if (info->type != EDGE_NN_F32) return nn_model_fail(&m->base, EDGE_NN_ERR_TYPE, "%s is f32 in the model", info->name);
    bool fits = info->rank == own->rank || !ports[i].declared;
    for (uint32_t d = 0; fits && ports[i].declared && d < own->rank; d++)
      fits = info->dims[d].min <= own->shape[d] && own->shape[d] <= info->dims[d].max;
    if (!fits) return nn_model_fail(&m->base, EDGE_NN_ERR_SHAPE, "%s has another shape in the model than the declared one", info->name);
    for (uint32_t other = 0; other < index; other++)
      if (places[other] == i) return nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "the model has %s twice", info->name);
    places[index] = i;
    return EDGE_NN_OK;
  }
  return nn_model_fail(&m->base, EDGE_NN_ERR_MODEL, "the model's %.*s is not declared", (int)own->name_bytes, own->name);
}

static edge_nn_status reserve(edge_model *m, uint32_t output) {
  const net_port *own = &m->network.outputs[output];
  int64_t shape[EDGE_NN_MAX_RANK];
  for (uint32_t d = 0; d < own->rank; d++) shape[d] = own->shape[d];
  return nn_model_reserve_output(&m->base, m->output_places[output], EDGE_NN_F32, own->rank, shape);
}

edge_nn_status nn_adapter_load(edge_nn_model *model, int threads) {
  edge_model *m = (edge_model *)model;
  const char *path = nn_model_file(model, "model");
  if (!path) return EDGE_NN_ERR_MODEL;
  edge_nn_status status = map_file(m, path);
  if (status) return status;
  net *network = &m->network;
  if (!net_open(network, m->file, m->bytes, threads)) return nn_model_fail(model, EDGE_NN_ERR_MODEL, "%s", network->error);
  if (network->input_count != model->input_count || network->output_count != model->output_count)
    return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model has %u inputs and %u outputs, not the declared ones", network->input_count, network->output_count);
  for (uint32_t i = 0; i < network->input_count && !status; i++)
    status = bind(m, network->inputs, i, model->inputs, model->input_count, m->input_places);
  for (uint32_t i = 0; i < network->output_count && !status; i++) {
    status = bind(m, network->outputs, i, model->outputs, model->output_count, m->output_places);
    if (!status) status = reserve(m, i);
  }
  return status;
}

void nn_adapter_unload(edge_nn_model *model) {
  edge_model *m = (edge_model *)model;
  net_close(&m->network);
  if (m->file) munmap(m->file, m->bytes);
}

/* A port's bytes must be those of the network: the declaration may allow other shapes. */
static edge_nn_status take_inputs(edge_model *m, const float **inputs) {
  for (uint32_t i = 0; i < m->network.input_count; i++) {
    const nn_port *port = &m->base.inputs[m->input_places[i]];
    if (port->value.bytes != m->network.inputs[i].count * 4 ||
        memcmp(port->value.shape, m->network.inputs[i].shape, m->network.inputs[i].rank * sizeof(int32_t)) != 0)
      return nn_model_fail(&m->base, EDGE_NN_ERR_SHAPE, "%s has another shape than the model was made for", port->info.name);
    inputs[i] = port->data;
  }
  return EDGE_NN_OK;
}

edge_nn_status nn_adapter_run(edge_nn_model *model) {
  edge_model *m = (edge_model *)model;
  net *network = &m->network;
  const float *inputs[NET_MAX_PORTS];
  float *outputs[NET_MAX_PORTS];
  edge_nn_status status = take_inputs(m, inputs);
  for (uint32_t i = 0; i < network->output_count && !status; i++) {
    status = reserve(m, i);
    outputs[i] = model->outputs[m->output_places[i]].data;
  }
  const bool traced = nn_model_traced();
  for (uint32_t i = 0; i < network->layer_count && !status; i++) {
    const net_layer *layer = &network->layers[i];
    char name[256];
    if (traced) {
      snprintf(name, sizeof name, "%.*s", (int)layer->name_bytes, layer->name);
      nn_model_trace(net_kind_name(layer->kind), name);
    }
    if (!net_run_layer(network, i, inputs, outputs)) status = nn_model_fail(model, EDGE_NN_ERR_ENGINE, "%s", network->error);
  }
  for (uint32_t i = 0; i < network->output_count && !status; i++) model->outputs[m->output_places[i]].ready = true;
  return status;
}
