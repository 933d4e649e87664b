/* edge-nn-run: runs one model on raw tensors. The build checks converted models with it, and measures what a run takes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "nn_engine.h"
#include "run_machine.h"
#include "run_measure.h"

#define EXIT_USAGE 2
#define EXIT_REFUSED 3
#define FILES_LIMIT 64
#define INPUT_LIMIT ((uint64_t)1 << 30)

static const char usage[] =
    "usage: edge-nn-run --engine libedge_nn.so --model DIR [--threads N] [--cache DIR] [--warm-up N] [--repeat N]\n"
    "                   --input NAME FILE 1x3x48x320 ... [--output NAME FILE ...]\n"
    "Tensors are raw, little-endian, row-major. Prints one JSON line for the engine and one for each output; with --repeat,\n"
    "which runs the model so often, one of what that took.\n"
    "With --cache, what the engine makes of the model is kept there, and how far that is comes before: {\"percent\":40}.\n";

/* An --input or --output, each part an argument of its own, since names of ports hold anything: the strings are argv's. */
typedef struct {
  const char *name, *file, *shape; /* shape: NULL for an output */
} binding;

typedef struct {
  const char *engine, *model, *cache;
  int threads, warm_up;
  int repeat; /* 0: one run, and nothing is measured */
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
  static const char *const others[] = {"--engine", "--model", "--threads", "--cache", "--warm-up", "--repeat"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (strcmp(option, others[i]) == 0) return 1;
  return 0;
}

/* A whole number from `least` to `most` as the value of an option. */
static int read_number(const char *option, const char *value, int least, int most, int *out) {
  char message[64], *end;
  long number = strtol(value, &end, 10);
  if (end == value || *end || number < least || number > most) {
    snprintf(message, sizeof message, "%s must be from %d to %d", option, least, most);
    return bad_usage(message, value);
  }
  *out = (int)number;
  return 0;
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
    else if (strcmp(argv[i], "--threads") == 0) status = read_number(argv[i], value[0], 1, 64, &out->threads);
    else if (strcmp(argv[i], "--warm-up") == 0) status = read_number(argv[i], value[0], 0, EDGE_REPEAT_LIMIT, &out->warm_up);
    else status = read_number(argv[i], value[0], 1, EDGE_REPEAT_LIMIT, &out->repeat);
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

/* An input in memory: `content` owns what `tensor.data` points to. */
typedef struct {
  uint32_t index;
  edge_nn_tensor tensor;
  edge_buf content;
} loaded;

static int load_input(const edge_engine *engine, const edge_nn_model *model, const binding *input, loaded *out) {
  char message[1024];
  uint64_t bytes;
  int index = find_input(engine, model, input->name);
  if (index < 0) {
    snprintf(message, sizeof message, "the model has no input \"%s\"", input->name);
    return fail(EXIT_REFUSED, "ARGUMENT", message);
  }
  out->index = (uint32_t)index;
  out->tensor.type = engine->input_info(model, out->index)->type;
  if (!read_shape(input->shape, &out->tensor) ||
      !edge_shape_bytes(out->tensor.shape, out->tensor.rank, edge_element_size(out->tensor.type), INPUT_LIMIT, &bytes))
    return bad_usage("cannot read the shape", input->shape);
  int error = edge_read_file(input->file, INPUT_LIMIT, &out->content);
  if (error || out->content.len != bytes) {
    snprintf(message, sizeof message, "%s: %s", input->file,
             error ? strerror(error) : "its size is not that of the shape");
    return fail(EXIT_USAGE, "ARGUMENT", message);
  }
  out->tensor.bytes = out->content.len;
  out->tensor.data = out->content.data;
  return 0;
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

static int check_output(const edge_engine *engine, edge_nn_model *model, uint32_t index, edge_nn_tensor *tensor) {
  uint64_t bytes;
  memset(tensor, 0, sizeof *tensor);
  edge_nn_status status = engine->get_output(model, index, tensor);
  if (status) return fail(EXIT_REFUSED, edge_status_name(status), engine->last_error(model));
  if (edge_shape_bytes(tensor->shape, tensor->rank, edge_element_size(tensor->type), UINT32_MAX, &bytes) &&
      bytes == tensor->bytes)
    return 0;
  return fail(EXIT_REFUSED, "ENGINE", "the shape and the bytes of an output disagree");
}

static int save_outputs(const edge_engine *engine, edge_nn_model *model, const options *o) {
  uint32_t count = engine->output_count(model);
  for (uint32_t i = 0; i < count; i++) {
    const char *name = engine->output_info(model, i)->name;
    edge_nn_tensor tensor;
    int error = check_output(engine, model, i, &tensor);
    if (error) return error;
    for (int j = 0; j < o->output_count; j++) {
      error = strcmp(o->outputs[j].name, name) == 0 ? save(o->outputs[j].file, &tensor) : 0;
      if (error) return error;
    }
    print_output(name, &tensor);
  }
  return 0;
}

/* What an app does for each run: inputs in, the model, outputs taken. */
static int run_once(const edge_engine *engine, edge_nn_model *model, const loaded *inputs, int input_count) {
  for (int i = 0; i < input_count; i++) {
    edge_nn_status status = engine->set_input(model, inputs[i].index, &inputs[i].tensor);
    if (status) return fail(EXIT_REFUSED, edge_status_name(status), engine->last_error(model));
  }
  edge_nn_status status = engine->run(model);
  if (status) return fail(EXIT_REFUSED, edge_status_name(status), engine->last_error(model));
  uint32_t count = engine->output_count(model);
  for (uint32_t i = 0; i < count; i++) {
    edge_nn_tensor tensor;
    int error = check_output(engine, model, i, &tensor);
    if (error) return error;
  }
  return 0;
}

static int run(const edge_engine *engine, edge_nn_model *model, const options *o, edge_measure *measure) {
  static loaded inputs[FILES_LIMIT]; /* empty at first; freed here */
  char message[1024];
  int error = 0;
  for (int i = 0; i < o->output_count; i++) {
    if (find_output(engine, model, o->outputs[i].name) >= 0) continue;
    snprintf(message, sizeof message, "the model has no output \"%s\"", o->outputs[i].name);
    return fail(EXIT_REFUSED, "ARGUMENT", message);
  }
  for (int i = 0; i < o->input_count && !error; i++) error = load_input(engine, model, &o->inputs[i], &inputs[i]);
  for (int i = 0; i < o->warm_up && !error; i++) error = run_once(engine, model, inputs, o->input_count);
  for (int i = 0; i < (o->repeat ? o->repeat : 1) && !error; i++) {
    if (o->repeat) edge_measure_begin(measure);
    error = run_once(engine, model, inputs, o->input_count);
    if (o->repeat) edge_measure_end(measure);
  }
  for (int i = 0; i < o->input_count; i++) edge_buf_free(&inputs[i].content);
  return error ? error : save_outputs(engine, model, o);
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
  static edge_measure measure;
  edge_engine engine;
  edge_nn_model *model = NULL;
  char message[512];
  if (argc == 1 && edge_is_machine()) return edge_machine_main();
  int error = read_options(argc, argv, &o);
  if (error) return error;
  /* Before the engine starts threads, which are then counted as well. */
  if (o.repeat) edge_measure_open(&measure);
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
  error = run(&engine, model, &o, &measure);
  if (o.repeat && !error) edge_measure_print(&measure, o.threads, o.warm_up);
  engine.close(model);
  /* A full pipe or disk must not pass for success. */
  if (fflush(stdout) != 0 && !error) error = EXIT_USAGE;
  return error;
}
