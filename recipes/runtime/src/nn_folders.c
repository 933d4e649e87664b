/*
 * nn_folders.c: one model out of several of one shape each, for engines that fix shapes when they convert.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_model.h"

/* "DIR/INDEX" on the heap, the caller's; NULL without memory. */
static char *folder_path(const char *dir, uint32_t index) {
  size_t size = strlen(dir) + sizeof "/4294967295";
  char *path = malloc(size);
  if (path) snprintf(path, size, "%s/%u", dir, index);
  return path;
}

/* Whether a folder's model takes and gives what the whole one tells. */
static bool same_ports(const edge_nn_model *model, const edge_nn_model *folder) {
  if (folder->folder_count || folder->input_count != model->input_count || folder->output_count != model->output_count)
    return false;
  for (uint32_t i = 0; i < model->input_count; i++)
    if (strcmp(folder->inputs[i].info.name, model->inputs[i].info.name) != 0) return false;
  for (uint32_t i = 0; i < model->output_count; i++)
    if (strcmp(folder->outputs[i].info.name, model->outputs[i].info.name) != 0 ||
        folder->outputs[i].info.type != model->outputs[i].info.type)
      return false;
  return true;
}

static edge_nn_status open_folder(edge_nn_model *model, uint32_t index) {
  if (model->folders[index]) return EDGE_NN_OK;
  char *path = folder_path(model->dir, index), *cache = model->cache ? folder_path(model->cache, index) : NULL;
  edge_nn_model *folder = NULL;
  edge_nn_status status = EDGE_NN_ERR_MEMORY;
  if (path && (cache || !model->cache)) {
    const edge_nn_options options = {model->threads, cache, model->progress, model->not_kept, model->user};
    status = edge_nn_open(path, &options, &folder);
  } else {
    nn_open_fail(status, "no memory for a path");
  }
  free(path);
  free(cache);
  if (status) return nn_model_fail(model, status, "shape %u: %s", index, edge_nn_last_error(NULL));
  if (!same_ports(model, folder)) {
    edge_nn_close(folder);
    return nn_model_fail(model, EDGE_NN_ERR_MODEL, "shape %u has other inputs or outputs than the model", index);
  }
  model->folders[index] = folder;
  return EDGE_NN_OK;
}

edge_nn_status nn_folders_open(edge_nn_model *model, const char *dir, int threads) {
  model->threads = threads;
  model->dir = strdup(dir);
  if (!model->dir) return nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for a path");
  return open_folder(model, 0);
}

void nn_folders_close(edge_nn_model *model) {
  for (uint32_t i = 0; i < model->folder_count; i++) edge_nn_close(model->folders[i]);
  free(model->dir);
}

/* Whether all inputs have the shapes of a folder. */
static bool has_shapes(const edge_nn_model *model, uint32_t index) {
  for (uint32_t i = 0; i < model->input_count; i++) {
    const nn_port *port = &model->inputs[i];
    uint32_t rank = port->info.rank;
    if (port->info.shape_count < 2) continue;
    if (memcmp(port->shapes + (size_t)index * rank, port->value.shape, rank * sizeof *port->shapes) != 0) return false;
  }
  return true;
}

edge_nn_status nn_folders_run(edge_nn_model *model) {
  uint32_t index = 0;
  while (index < model->folder_count && !has_shapes(model, index)) index++;
  if (index == model->folder_count)
    return nn_model_fail(model, EDGE_NN_ERR_SHAPE, "the inputs' shapes were declared, but not together");
  edge_nn_status status = open_folder(model, index);
  if (status) return status;
  edge_nn_model *folder = model->folders[index];
  for (uint32_t i = 0; i < model->input_count && !status; i++)
    status = edge_nn_set_input(folder, i, &model->inputs[i].value);
  if (!status) status = edge_nn_run(folder);
  for (uint32_t i = 0; i < model->output_count && !status; i++) {
    status = edge_nn_get_output(folder, i, &model->outputs[i].value);
    model->outputs[i].ready = !status;
  }
  return status ? nn_model_fail(model, status, "%s", folder->error) : EDGE_NN_OK;
}
