/*
 * nn_model.h: what every engine's adapter has in common.
 *
 * The reader of "model.edge" (docs/architecture.md), the check of every tensor
 * against it, the storage of inputs and results, the choice among models of one
 * shape each, and what is kept for the next start. nn_adapter.c, nn_cache.c, nn_folders.c, nn_model.c and nn_sidecar.c define all functions of edge_nn.h, compiled once as C; an engine's
 * adapter, in C or C++, is linked with them and defines nn_adapter_*, below.
 *
 * An adapter's own model struct has `edge_nn_model base` as its first member,
 * so one pointer serves both. Nothing here knows any engine.
 */
#ifndef EDGE_NN_MODEL_H
#define EDGE_NN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Adapters are compiled with -fvisibility=hidden: only these are exported. */
#pragma GCC visibility push(default)
#include "edge_nn.h"
#pragma GCC visibility pop

#ifdef __cplusplus
extern "C" {
#endif

#define NN_MODEL_FILE "model.edge"
#define NN_MODEL_MAX_BYTES 65536
#define NN_MAX_PORTS 32 /* inputs, and outputs */
#define NN_MAX_FILES 16
#define NN_MAX_OPTIONS 32
#define NN_MAX_SHAPES 256 /* whole shapes of one input */
#define NN_MAX_FOLDERS 16 /* models of one shape each, in one model */
#define NN_MAX_THREADS 64
#define NN_ERROR_BYTES 512

typedef struct {
  const char *role; /* in the model's text */
  char *path;       /* folder and file name; the model's, on the heap */
} nn_file;

typedef struct {
  const char *key, *value; /* in the model's text */
} nn_option;

/* An input or an output. */
typedef struct {
  edge_nn_tensor_info info; /* info.name is in the model's text */
  const char *blob;         /* the engine's name of it; info.name unless given */
  bool declared;            /* dims or shapes were given */
  int32_t *shapes;          /* what info.shapes points at, on the heap, or NULL */
  void *data;               /* heap block of `capacity` bytes, or NULL */
  size_t capacity;
  edge_nn_tensor value; /* value.data is `data`, or memory of the engine */
  bool ready;           /* input: was set; output: holds the last run's result */
} nn_port;

struct edge_nn_model {
  char *text; /* the sidecar, cut into strings in place */
  nn_file files[NN_MAX_FILES];
  nn_option options[NN_MAX_OPTIONS];
  nn_port inputs[NN_MAX_PORTS], outputs[NN_MAX_PORTS];
  uint32_t file_count, option_count, input_count, output_count;
  uint32_t folder_count; /* 0, or models of one shape each in the folders 0, 1, ...: the n-th shape of every input */
  edge_nn_model *folders[NN_MAX_FOLDERS]; /* those that were opened, owned */
  char *dir;                              /* where they are, on the heap, or NULL */
  int threads;                            /* for each of them */
  char *cache;                            /* a folder of this model's alone, on the heap, or NULL */
  void (*progress)(void *user, int percent); /* as in edge_nn_options */
  void (*not_kept)(void *user, const char *why);
  void *user;
  int percent; /* told last, and 1 more: 0 when nothing was */
  char error[NN_ERROR_BYTES];
};

/* ---- what an adapter defines; none of it throws, aborts or prints ---- */

/* The engine's name, as its recipe and the sidecar have it. */
extern const char nn_adapter_name[];

/* The engine's own version string. */
const char *nn_adapter_version(void);

/* Bytes of the adapter's model struct. It is given zeroed memory of that size: objects with constructors go behind pointers. */
size_t nn_adapter_size(void);

/* Loads the model that *model describes, its sidecar read, and checks that the engine's inputs and outputs are the declared ones.
 * On failure the error is set, and nn_adapter_unload is called. */
edge_nn_status nn_adapter_load(edge_nn_model *model, int threads);

/* Runs the model on its inputs, which are all set. Each output is either reserved and filled (nn_model_reserve_output) or described and
 * pointed at the engine's memory (nn_model_describe_output, value.data), and then made `ready`. On failure the error is set. */
edge_nn_status nn_adapter_run(edge_nn_model *model);

/* Releases what load and run made, after a load that failed halfway too; not the base, not the struct itself. */
void nn_adapter_unload(edge_nn_model *model);

/* ---- what an adapter may call ---- */

/* Reads and checks `dir`/model.edge into *model, which must be all zero.
 * `engine` must be the one that the sidecar names. On failure
 * nn_model_error(model) tells why, and nn_model_free is still due. */
edge_nn_status nn_model_read(edge_nn_model *model, const char *dir, const char *engine);

/* For a model with folders, in place of the adapter's load, run and unload. Each folder is opened when its shape is first asked for, the
 * first at once, and stays open: all take `threads`, and a folder of the cache each. Results are the folder's memory. */
edge_nn_status nn_folders_open(edge_nn_model *model, const char *dir, int threads);
edge_nn_status nn_folders_run(edge_nn_model *model);
void nn_folders_close(edge_nn_model *model);

/* Frees what the model owns, not the struct itself. */
void nn_model_free(edge_nn_model *model);

/* The path of the file with this role; NULL, with the error set, if the
 * sidecar names none. */
const char *nn_model_file(edge_nn_model *model, const char *role);

/* The value of an option, or NULL. */
const char *nn_model_option(const edge_nn_model *model, const char *key);

/* Threads to use: what the caller asks for, at most option threads-max. */
int nn_model_threads(const edge_nn_model *model, int asked);

/* OK when every input was set. */
edge_nn_status nn_model_inputs_ready(edge_nn_model *model);

/* Forgets the results of the last run. Call before the engine runs again. */
void nn_model_forget(edge_nn_model *model);

/* Checks the type and shape of a result against the declaration and makes
 * value.type, rank, shape and bytes of the output. value.data stays unset. */
edge_nn_status nn_model_describe_output(edge_nn_model *model, uint32_t index, edge_nn_type type, uint32_t rank,
                                        const int64_t *shape);

/* The same, and gives room for value.bytes bytes in value.data. */
edge_nn_status nn_model_reserve_output(edge_nn_model *model, uint32_t index, edge_nn_type type, uint32_t rank,
                                       const int64_t *shape);

/* Bytes of one element: 1, 4 or 8. */
size_t nn_type_size(edge_nn_type type);
const char *nn_type_name(edge_nn_type type);

/* The type that a sidecar's word means; false when there is none. */
bool nn_type_named(const char *name, edge_nn_type *type);

/* Sets the error of the model and returns `status`. */
edge_nn_status nn_model_fail(edge_nn_model *model, edge_nn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether each layer is to be told before it runs: EDGE_NN_TRACE=1 in the environment, which the build's check sets to find the layer that a
 * run ends in. An engine that cannot tell leaves it. */
bool nn_model_traced(void);

/* Tells the layer that begins: a line `layer OPERATOR NAME` on standard error, not buffered, since what follows may crash. */
void nn_model_trace(const char *operator_name, const char *layer);

/* Tells how far a load is that takes long, 0 to 100; what does not rise is not told again. */
void nn_model_progress(edge_nn_model *model, int percent);

/* What nn_cache_write kept of this model, by an engine of this version with these settings: a block of *bytes bytes, the caller's to
 * free; NULL when there is none, or it was damaged. `settings` tells apart what name and version of the engine, the model's files, options and
 * ports do not: the device, a precision. */
void *nn_cache_read(edge_nn_model *model, const char *settings, size_t *bytes);

/* Keeps `data` for the next start in place of all that was kept of this model. A failure is told to whom opened the model, and is none of it. */
void nn_cache_write(edge_nn_model *model, const char *settings, const void *data, size_t bytes);

/* Sets what edge_nn_last_error(NULL) says on this thread; returns `status`.
 * Called before the model that failed to open is freed. */
edge_nn_status nn_open_fail(edge_nn_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
