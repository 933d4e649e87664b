/* nn_run.h: one open model and its queue of runs. */
#ifndef EDGE_NN_RUN_H
#define EDGE_NN_RUN_H

#include "host.h"
#include "nn_engine.h"

typedef struct edge_run edge_run;

/* Lives while the JavaScript object or a run refers to it. */
typedef struct {
  edge_host *host;
  const edge_engine *engine;
  edge_nn_model *model;       /* NULL once it is closed */
  char *name;                 /* owned; what the engine tells of the model bears it */
  edge_run *first, **last;    /* runs that wait */
  bool running, closing;
  uint32_t input_count, output_count;
} edge_model;

/* Checks the inputs and queues a run on `model`, whose object is `self`: the promise. */
JSValue edge_model_run(JSContext *ctx, edge_model *model, JSValueConst self, JSValueConst inputs);
/* Refuses waiting runs; the engine's model goes when the current run has ended. */
void edge_model_close(edge_model *model);

#endif
