/*
 * edge_nn.h: one C interface to every inference engine of edgeimg.
 *
 * An engine's adapter is a shared library, libedge_nn.so, that exports the
 * functions below and nothing else. The runtime links against it at start; an
 * image holds exactly one. The model folder format ("model.edge" and the files
 * it names) is read by recipes/runtime/src/nn_sidecar.c, which each adapter
 * links, so that names, types and allowed shapes are checked before the engine
 * is called: a shape that was not declared at build time is refused, never
 * answered.
 *
 * Threads: one model may be used by one thread at a time; different models may
 * be used at once. No function throws, aborts or prints.
 *
 * Ownership: a pointer returned by a function stays valid until the model is
 * closed, unless said otherwise; the caller never frees it.
 */
#ifndef EDGE_NN_H
#define EDGE_NN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDGE_NN_ABI 3
#define EDGE_NN_MAX_RANK 8

typedef enum {
  EDGE_NN_F32 = 1,
  EDGE_NN_I8 = 2,
  EDGE_NN_U8 = 3,
  EDGE_NN_I32 = 4,
  EDGE_NN_I64 = 5
} edge_nn_type;

typedef enum {
  EDGE_NN_OK = 0,
  EDGE_NN_ERR_ARGUMENT = 1, /* null pointer, index out of range, wrong size */
  EDGE_NN_ERR_MODEL = 2,    /* folder, sidecar or engine file unreadable */
  EDGE_NN_ERR_SHAPE = 3,    /* shape not declared when the image was built */
  EDGE_NN_ERR_TYPE = 4,     /* element type differs from the declared one */
  EDGE_NN_ERR_ENGINE = 5,   /* the engine refused or failed */
  EDGE_NN_ERR_MEMORY = 6
} edge_nn_status;

/* Allowed sizes of one dimension: min, min + step, ..., max (step >= 1).
 * A fixed dimension has min == max. */
typedef struct {
  int32_t min, max, step;
} edge_nn_dim;

/* What the model declares of an input or output. An output's dims may be
 * unknown before a run: then rank is 0. */
typedef struct {
  const char *name; /* the name in the original model */
  edge_nn_type type;
  uint32_t rank;
  edge_nn_dim dims[EDGE_NN_MAX_RANK]; /* row-major order of the original model */
  float scale;                        /* per-tensor quantization; 0 = none */
  int32_t zero_point;
  uint32_t shape_count;  /* 0: any shape within dims; else only the whole shapes below, which dims encloses */
  const int32_t *shapes; /* shape_count * rank numbers, or NULL */
} edge_nn_tensor_info;

/* A dense row-major tensor. bytes = product(shape) * element size. A result may
 * be empty: a detector that found nothing gives a size of 0, and 0 bytes. Inputs
 * have no size of 0. */
typedef struct {
  edge_nn_type type;
  uint32_t rank;
  int32_t shape[EDGE_NN_MAX_RANK];
  size_t bytes;
  const void *data; /* edge_nn_set_input: caller's, read during the call only.
                       edge_nn_get_output: the model's, valid until the next
                       run or close; never NULL, not even of 0 bytes. */
} edge_nn_tensor;

typedef struct edge_nn_model edge_nn_model;

uint32_t edge_nn_abi(void);              /* EDGE_NN_ABI of the adapter */
const char *edge_nn_engine(void);        /* "ncnn" */
const char *edge_nn_version(void);       /* the engine's own version string */

/* How a model is opened. The texts are read during edge_nn_open only; the
 * functions may be called, with `user`, until the model is closed, by the thread
 * that opens or runs it. */
typedef struct {
  int threads; /* >= 1 */
  /* A folder for what the engine makes of this model on this device, this model's
   * alone; it need not exist. NULL: nothing is kept. */
  const char *cache;
  /* What takes long is under way: 0 to 100, rising. NULL: nobody listens. */
  void (*progress)(void *user, int percent);
  /* What was made could not be kept, and will be made again at the next open:
   * why. The model works all the same. NULL: nobody listens. */
  void (*not_kept)(void *user, const char *why);
  void *user;
} edge_nn_options;

/* Opens the model folder `dir`. On success *out is the caller's to close. On
 * failure *out is NULL and edge_nn_last_error(NULL) tells why (per thread). */
edge_nn_status edge_nn_open(const char *dir, const edge_nn_options *options, edge_nn_model **out);
void edge_nn_close(edge_nn_model *model); /* NULL is allowed */

uint32_t edge_nn_input_count(const edge_nn_model *model);
uint32_t edge_nn_output_count(const edge_nn_model *model);
const edge_nn_tensor_info *edge_nn_input_info(const edge_nn_model *model, uint32_t index);
const edge_nn_tensor_info *edge_nn_output_info(const edge_nn_model *model, uint32_t index);

edge_nn_status edge_nn_set_input(edge_nn_model *model, uint32_t index, const edge_nn_tensor *tensor);
edge_nn_status edge_nn_run(edge_nn_model *model);
edge_nn_status edge_nn_get_output(edge_nn_model *model, uint32_t index, edge_nn_tensor *out);

/* One sentence on the last failure of this model (or, with NULL, of the last
 * edge_nn_open on this thread). Never NULL. Valid until the next call. */
const char *edge_nn_last_error(const edge_nn_model *model);

#ifdef __cplusplus
}
#endif
#endif
