/* edge-nn-run: runs one model once on raw tensors. The build checks converted models with it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "nn_engine.h"

#define EXIT_USAGE 2
#define EXIT_REFUSED 3
#define FILES_LIMIT 64
#define INPUT_LIMIT ((uint64_t)1 << 30)

static const char usage[] =
    "usage: edge-nn-run --engine libedge_nn.so --model DIR [--threads N] [--cache DIR]\n"
    "                   --input NAME FILE 1x3x48x320 ... [--output NAME FILE ...]\n"
    "Tensors are raw, little-endian, row-major. Prints one JSON line for the engine and one for each output.\n"
    "With --cache, what the engine makes of the model is kept there, and how far that is comes before: {\"percent\":40}.\n";

/* An --input or --output, each part an argument of its own, since names of ports hold anything: the strings are argv's. */
typedef struct {
  const char *name, *file, *shape; /* shape: NULL for an output */
} binding;

typedef struct {
  const char *engine, *model, *cache;
  int threads;
  binding inputs[FILES_LIMIT], outputs[FILES_LIMIT];
  int input_count, output_count;
} options;

static int fail(int code, const char *status, const char *message) {
  edge_buf line = {0};
  edge_buf_str(&line, "{\"error\":");
  edge_buf_json(&line, message, strlen(message));
  edge_buf_str(&line, ",\"status\":");
  edge_buf_json(&line, status, strlen(status));
  edge_buf_str(&line, "}");
  puts(line.failed ? "{\"error\":\"out of memory\",\"status\":\"MEMORY\"}" : line.data);
  edge_buf_free(&line);
  return code;
}

static int bad_usage(const char *what, const char *value) {
  fprintf(stderr, "edge-nn-run: %s: %s\n%s", what, value, usage);
  return EXIT_USAGE;
}

/* Arguments that an option takes; 0 for an unknown one. */
static int arity(const char *option) {
  if (strcmp(option, "--input") == 0) return 3;
  if (strcmp(option, "--output") == 0) return 2;
  return strcmp(option, "--engine") == 0 || strcmp(option, "--model") == 0 || strcmp(option, "--threads") == 0 ||
         strcmp(option, "--cache") == 0;
}

static int add_binding(binding *list, int *count, binding one) {
  if (*count == FILES_LIMIT) return bad_usage("too many tensors", one.name);
  list[(*count)++] = one;
  return 0;
}

static int read_options(int argc, char **argv, options *out) {
  out->threads = 1;
  for (int i = 1, count; i < argc; i += 1 + count) {
    char **value = argv + i + 1;
    int status = 0;
    count = arity(argv[i]);
    if (!count) return bad_usage("unknown option", argv[i]);
    if (count > argc - i - 1) return bad_usage("a value is missing after", argv[i]);
    if (strcmp(argv[i], "--engine") == 0) out->engine = value[0];
    else if (strcmp(argv[i], "--model") == 0) out->model = value[0];
    else if (strcmp(argv[i], "--cache") == 0) out->cache = value[0];
    else if (count == 3) status = add_binding(out->inputs, &out->input_count, (binding){value[0], value[1], value[2]});
    else if (count == 2) status = add_binding(out->outputs, &out->output_count, (binding){value[0], value[1], NULL});
    else {
      char *end;
      long threads = strtol(value[0], &end, 10);
      if (*end || threads < 1 || threads > 64) return bad_usage("threads must be from 1 to 64", value[0]);
      out->threads = (int)threads;
    }
    if (status) return status;
  }
  if (!out->engine || !out->model) return bad_usage("missing", out->engine ? "--model" : "--engine");
  return 0;
}

/* "1x3x48x320"; "scalar" has no dimensions. */
static bool read_shape(const char *text, edge_nn_tensor *tensor) {
  tensor->rank = 0;
  if (strcmp(text, "scalar") == 0) return true;
  for (;;) {
    char *end;
    errno = 0;
    long size = strtol(text, &end, 10);
    if (errno || end == text || size < 1 || size > INT32_MAX || tensor->rank == EDGE_NN_MAX_RANK) return false;
    tensor->shape[tensor->rank++] = (int32_t)size;
    if (!*end) return true;
    if (*end != 'x') return false;
    text = end + 1;
  }
}

static int find_input(const edge_engine *engine, const edge_nn_model *model, const char *name) {
  uint32_t count = engine->input_count(model);
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(engine->input_info(model, i)->name, name) == 0) return (int)i;
  return -1;
}

static int find_output(const edge_engine *engine, const edge_nn_model *model, const char *name) {
  uint32_t count = engine->output_count(model);
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(engine->output_info(model, i)->name, name) == 0) return (int)i;
  return -1;
}

static int set_input(const edge_engine *engine, edge_nn_model *model, const binding *input) {
  char message[1024];
  edge_nn_tensor tensor;
  edge_buf file = {0};
  uint64_t bytes;
  int index = find_input(engine, model, input->name);
  memset(&tensor, 0, sizeof tensor);
  if (index < 0) {
    snprintf(message, sizeof message, "the model has no input \"%s\"", input->name);
    return fail(EXIT_REFUSED, "ARGUMENT", message);
  }
  tensor.type = engine->input_info(model, (uint32_t)index)->type;
  if (!read_shape(input->shape, &tensor) ||
      !edge_shape_bytes(tensor.shape, tensor.rank, edge_element_size(tensor.type), INPUT_LIMIT, &bytes))
    return bad_usage("cannot read the shape", input->shape);
  int error = edge_read_file(input->file, INPUT_LIMIT, &file);
  if (error || file.len != bytes) {
    snprintf(message, sizeof message, "%s: %s", input->file,
             error ? strerror(error) : "its size is not that of the shape");
    edge_buf_free(&file);
    return fail(EXIT_USAGE, "ARGUMENT", message);
  }
  tensor.bytes = file.len;
  tensor.data = file.data;
  edge_nn_status status = engine->set_input(model, (uint32_t)index, &tensor);
  edge_buf_free(&file);
  return status ? fail(EXIT_REFUSED, edge_status_name(status), engine->last_error(model)) : 0;
}

static int save(const char *path, const edge_nn_tensor *tensor) {
  FILE *file = fopen(path, "wb");
  bool ok = file && (tensor->bytes == 0 || fwrite(tensor->data, 1, tensor->bytes, file) == tensor->bytes);
  if (file && fclose(file) != 0) ok = false;
  if (ok) return 0;
  fprintf(stderr, "edge-nn-run: %s: %s\n", path, strerror(errno));
  return EXIT_USAGE;
}

static void print_output(const char *name, const edge_nn_tensor *tensor) {
  edge_buf line = {0};
  edge_buf_str(&line, "{\"output\":");
  edge_buf_json(&line, name, strlen(name));
  edge_buf_printf(&line, ",\"type\":\"%s\",\"shape\":[", edge_type_name(tensor->type));
  for (uint32_t i = 0; i < tensor->rank; i++) edge_buf_printf(&line, "%s%d", i ? "," : "", (int)tensor->shape[i]);
  edge_buf_printf(&line, "],\"bytes\":%zu}", tensor->bytes);
  if (!line.failed) puts(line.data);
  edge_buf_free(&line);
}

static int take_outputs(const edge_engine *engine, edge_nn_model *model, const options *o) {
  uint32_t count = engine->output_count(model);
  for (uint32_t i = 0; i < count; i++) {
    const char *name = engine->output_info(model, i)->name;
    edge_nn_tensor tensor;
    uint64_t bytes;
    memset(&tensor, 0, sizeof tensor);
    edge_nn_status status = engine->get_output(model, i, &tensor);
    if (status) return fail(EXIT_REFUSED, edge_status_name(status), engine->last_error(model));
    if (!edge_shape_bytes(tensor.shape, tensor.rank, edge_element_size(tensor.type), UINT32_MAX, &bytes) ||
        bytes != tensor.bytes)
      return fail(EXIT_REFUSED, "ENGINE", "the shape and the bytes of an output disagree");
    for (int j = 0; j < o->output_count; j++) {
      int error = strcmp(o->outputs[j].name, name) == 0 ? save(o->outputs[j].file, &tensor) : 0;
      if (error) return error;
    }
    print_output(name, &tensor);
  }
  return 0;
}

static int run(const edge_engine *engine, edge_nn_model *model, const options *o) {
  char message[1024];
  for (int i = 0; i < o->output_count; i++) {
    if (find_output(engine, model, o->outputs[i].name) >= 0) continue;
    snprintf(message, sizeof message, "the model has no output \"%s\"", o->outputs[i].name);
    return fail(EXIT_REFUSED, "ARGUMENT", message);
  }
  for (int i = 0; i < o->input_count; i++) {
    int error = set_input(engine, model, &o->inputs[i]);
    if (error) return error;
  }
  edge_nn_status status = engine->run(model);
  if (status) return fail(EXIT_REFUSED, edge_status_name(status), engine->last_error(model));
  return take_outputs(engine, model, o);
}

static void print_percent(void *user, int percent) {
  (void)user;
  printf("{\"percent\":%d}\n", percent);
}

static void print_not_kept(void *user, const char *why) {
  edge_buf line = {0};
  (void)user;
  edge_buf_str(&line, "{\"notKept\":");
  edge_buf_json(&line, why, strlen(why));
  edge_buf_str(&line, "}");
  if (!line.failed) puts(line.data);
  edge_buf_free(&line);
}

int main(int argc, char **argv) {
  static options o;
  edge_engine engine;
  edge_nn_model *model = NULL;
  char message[512];
  int error = read_options(argc, argv, &o);
  if (error) return error;
  if (!edge_engine_open(o.engine, &engine, message, sizeof message)) return fail(EXIT_REFUSED, "ENGINE", message);
  const edge_nn_options opening = {
      .threads = o.threads,
      .cache = o.cache,
      .progress = o.cache ? print_percent : NULL,
      .not_kept = print_not_kept,
  };
  edge_nn_status status = engine.open(o.model, &opening, &model);
  if (status) return fail(EXIT_REFUSED, edge_status_name(status), engine.last_error(NULL));
  edge_buf line = {0};
  edge_buf_str(&line, "{\"engine\":");
  edge_buf_json(&line, engine.name, strlen(engine.name));
  edge_buf_str(&line, ",\"version\":");
  edge_buf_json(&line, engine.version, strlen(engine.version));
  edge_buf_str(&line, "}");
  if (!line.failed) puts(line.data);
  edge_buf_free(&line);
  error = run(&engine, model, &o);
  engine.close(model);
  /* A full pipe or disk must not pass for success. */
  if (fflush(stdout) != 0 && !error) error = EXIT_USAGE;
  return error;
}
