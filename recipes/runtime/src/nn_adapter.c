/*
 * nn_adapter.c: opens, runs and closes any engine's models, by the five functions of its adapter.
 */
#include <stdlib.h>
#include <string.h>

#include "nn_model.h"

const char *edge_nn_engine(void) { return nn_adapter_name; }

const char *edge_nn_version(void) { return nn_adapter_version(); }

static edge_nn_status open_model(edge_nn_model *model, const char *dir, const edge_nn_options *options) {
  model->progress = options->progress;
  model->not_kept = options->not_kept;
  model->user = options->user;
  edge_nn_status status = nn_model_read(model, dir, nn_adapter_name);
  if (status) return status;
  model->cache = options->cache ? strdup(options->cache) : NULL;
  if (options->cache && !model->cache) return nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for a path");
  return model->folder_count ? nn_folders_open(model, dir, options->threads)
                             : nn_adapter_load(model, nn_model_threads(model, options->threads));
}

edge_nn_status edge_nn_open(const char *dir, const edge_nn_options *options, edge_nn_model **out) {
  if (!out) return nn_open_fail(EDGE_NN_ERR_ARGUMENT, "open: nowhere to put the model");
  *out = NULL;
  if (!dir || !options || options->threads < 1)
    return nn_open_fail(EDGE_NN_ERR_ARGUMENT, "open: no folder, or fewer than 1 thread");
  edge_nn_model *model = calloc(1, nn_adapter_size());
  if (!model) return nn_open_fail(EDGE_NN_ERR_MEMORY, "no memory for a model");
  edge_nn_status status = open_model(model, dir, options);
  if (status) {
    nn_open_fail(status, "%s", model->error);
    edge_nn_close(model);
    return status;
  }
  *out = model;
  return EDGE_NN_OK;
}

void edge_nn_close(edge_nn_model *model) {
  if (!model) return;
  if (model->folder_count) nn_folders_close(model);
  else nn_adapter_unload(model);
  nn_model_free(model);
  free(model);
}

edge_nn_status edge_nn_run(edge_nn_model *model) {
  if (!model) return EDGE_NN_ERR_ARGUMENT;
  edge_nn_status status = nn_model_inputs_ready(model);
  if (status) return status;
  nn_model_forget(model);
  status = model->folder_count ? nn_folders_run(model) : nn_adapter_run(model);
  if (status) nn_model_forget(model);
  return status;
}
