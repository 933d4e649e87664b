/*
 * nn_sidecar.c: reads model.edge.
 *
 * The sidecar is untrusted: every count, length and number is bounded, and what
 * does not follow docs/architecture.md is refused with its line number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn_model.h"

typedef struct {
  edge_nn_model *model;
  unsigned line;
} reader;

#define REFUSE(r, ...) refuse((r), __VA_ARGS__)
static edge_nn_status __attribute__((format(printf, 2, 3))) refuse(reader *r, const char *format, ...) {
  char *error = r->model->error;
  int used = snprintf(error, NN_ERROR_BYTES, NN_MODEL_FILE ":%u: ", r->line);
  va_list args;
  va_start(args, format);
  vsnprintf(error + used, NN_ERROR_BYTES - (size_t)used, format, args);
  va_end(args);
  return EDGE_NN_ERR_MODEL;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Length of the well-formed UTF-8 sequence at s (its string is terminated), 0 if it is none. */
static size_t utf8_length(const unsigned char *s) {
  if (s[0] < 0x80) return 1;
  size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
  for (size_t i = 1; i < length; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
  bool surrogate = s[0] == 0xed && s[1] > 0x9f;
  bool beyond = s[0] == 0xf4 && s[1] > 0x8f;
  return overlong || surrogate || beyond ? 0 : length;
}

/* Replaces %XX in place. False: a bad escape, a control character or bad UTF-8. */
static bool unescape(char *s) {
  char *to = s;
  for (const char *from = s; *from; from++) {
    char c = *from;
    if (c == '%') {
      int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
      if (low < 0) return false;
      c = (char)(high * 16 + low);
      from += 2;
    }
    if ((unsigned char)c < 0x20 || c == 0x7f) return false;
    *to++ = c;
  }
  *to = '\0';
  const unsigned char *u = (const unsigned char *)s;
  for (size_t length; *u; u += length)
    if (!(length = utf8_length(u))) return false;
  return true;
}

/* Cuts the next field of a line off *rest; NULL at its end. */
static char *next_field(char **rest) {
  char *s = *rest + strspn(*rest, " ");
  if (!*s) return NULL;
  size_t length = strcspn(s, " ");
  *rest = s + length;
  if (**rest) *(*rest)++ = '\0';
  return s;
}

/* Lower-case letters, digits and dashes: roles, option keys, engines. */
static bool is_word(const char *s) {
  size_t length = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
  return length > 0 && length <= 40 && !s[length];
}

/* A decimal number of 1..INT32_MAX without sign or leading zero; moves *s behind it. */
static bool read_size(const char **s, int32_t *value) {
  const char *p = *s;
  int64_t n = 0;
  if (*p < '1' || *p > '9') return false;
  for (; *p >= '0' && *p <= '9'; p++)
    if ((n = n * 10 + (*p - '0')) > INT32_MAX) return false;
  *s = p;
  *value = (int32_t)n;
  return true;
}

/* A size that may be 0, as results have: "0" itself, no leading zero. */
static bool read_size_or_0(const char **s, int32_t *value) {
  if (**s != '0') return read_size(s, value);
  *value = 0;
  ++*s;
  return true;
}

/* N, MIN..MAX or MIN..MAX/STEP; N and MIN may be 0 in outputs, for empty results. */
static bool read_dim(const char **s, edge_nn_dim *dim, bool input) {
  if (!(input ? read_size : read_size_or_0)(s, &dim->min)) return false;
  dim->max = dim->min;
  dim->step = 1;
  if (strncmp(*s, "..", 2) == 0) {
    *s += 2;
    if (!read_size(s, &dim->max)) return false;
    if (**s == '/') {
      ++*s;
      if (!read_size(s, &dim->step)) return false;
    }
  }
  return dim->max >= dim->min && (dim->max - dim->min) % dim->step == 0;
}

static bool read_dims(const char *s, nn_port *port, bool input) {
  if (strcmp(s, "scalar") == 0) return true;
  do {
    if (port->info.rank == EDGE_NN_MAX_RANK || !read_dim(&s, &port->info.dims[port->info.rank++], input)) return false;
  } while (*s == ',' && *++s);
  return !*s && s[-1] != ',';
}

static int32_t common_divisor(int32_t a, int32_t b) {
  while (b) {
    int32_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* Fills shapes, and dims with what encloses them. Separators: ',' and ';'. */
static bool read_shapes(const char *s, nn_port *port) {
  uint32_t count = 1, rank = 1;
  for (const char *p = s; *p; p++) count += *p == ';';
  for (const char *p = s; *p && *p != ';'; p++) rank += *p == ',';
  if (count > NN_MAX_SHAPES || rank > EDGE_NN_MAX_RANK) return false;
  port->shapes = calloc((size_t)count * rank, sizeof *port->shapes);
  if (!port->shapes) return false;
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t j = 0; j < rank; j++) {
      int32_t *value = &port->shapes[(size_t)i * rank + j];
      if (!read_size(&s, value)) return false;
      char separator = j + 1 < rank ? ',' : i + 1 < count ? ';' : '\0';
      if (*s != separator) return false;
      s += separator != '\0';
      edge_nn_dim *dim = &port->info.dims[j];
      if (i == 0 || *value < dim->min) dim->min = *value;
      if (i == 0 || *value > dim->max) dim->max = *value;
    }
  for (uint32_t j = 0; j < rank; j++) {
    edge_nn_dim *dim = &port->info.dims[j];
    for (uint32_t i = 0; i < count; i++)
      dim->step = common_divisor(dim->step, port->shapes[(size_t)i * rank + j] - dim->min);
    if (dim->step == 0) dim->step = 1;
  }
  port->info.rank = rank;
  port->info.shape_count = count;
  port->info.shapes = port->shapes;
  return true;
}

/* SCALE,ZERO_POINT */
static bool read_quantization(const char *s, edge_nn_tensor_info *info) {
  char *end;
  if (strspn(s, "0123456789.eE+-,") != strlen(s)) return false;
  info->scale = strtof(s, &end);
  if (end == s || *end != ',' || !(info->scale > 0) || info->scale > 1e30f) return false;
  s = end + 1;
  errno = 0;
  long point = strtol(s, &end, 10);
  if (end == s || *end || errno || point < INT32_MIN || point > INT32_MAX) return false;
  info->zero_point = (int32_t)point;
  return true;
}

static edge_nn_status read_port(reader *r, char *rest, nn_port *ports, uint32_t *count, bool input) {
  const char *kind = input ? "input" : "output";
  char *name = next_field(&rest), *type = next_field(&rest);
  if (!name || !type) return REFUSE(r, "%s needs a name and a type", kind);
  if (*count == NN_MAX_PORTS) return REFUSE(r, "more than %d %ss", NN_MAX_PORTS, kind);
  if (!unescape(name)) return REFUSE(r, "%s name is not escaped UTF-8 text", kind);
  for (uint32_t i = 0; i < *count; i++)
    if (strcmp(ports[i].info.name, name) == 0) return REFUSE(r, "%s %s is given twice", kind, name);

  nn_port *port = &ports[(*count)++]; /* counted at once, so that shapes are freed */
  port->info.name = port->blob = name;
  if (!nn_type_named(type, &port->info.type)) return REFUSE(r, "%s %s: unknown type %s", kind, name, type);

  for (char *field; (field = next_field(&rest));) {
    char *value = strchr(field, '=');
    if (!value) return REFUSE(r, "%s %s: %s is not KEY=VALUE", kind, name, field);
    *value++ = '\0';
    if (strcmp(field, "blob") == 0 && port->blob == name) {
      if (!*value || !unescape(value)) return REFUSE(r, "%s %s: blob is not escaped UTF-8 text", kind, name);
      port->blob = value;
    } else if (strcmp(field, "dims") == 0 && !port->declared) {
      if (!read_dims(value, port, input)) return REFUSE(r, "%s %s: dims=%s is malformed", kind, name, value);
      port->declared = true;
    } else if (strcmp(field, "shapes") == 0 && !port->declared && input) {
      if (!read_shapes(value, port)) return REFUSE(r, "%s %s: shapes=%s is malformed", kind, name, value);
      port->declared = true;
    } else if (strcmp(field, "quant") == 0 && port->info.scale == 0) {
      if (!read_quantization(value, &port->info)) return REFUSE(r, "%s %s: quant=%s is malformed", kind, name, value);
    } else {
      return REFUSE(r, "%s %s: %s is unknown or given twice", kind, name, field);
    }
  }
  if (input && !port->declared) return REFUSE(r, "input %s has neither dims nor shapes", name);
  return EDGE_NN_OK;
}

static edge_nn_status read_file(reader *r, char *rest, const char *dir) {
  edge_nn_model *model = r->model;
  char *role = next_field(&rest), *name = next_field(&rest);
  if (!role || !name || next_field(&rest)) return REFUSE(r, "file needs a role and a name");
  if (!is_word(role)) return REFUSE(r, "file role %s is not lower-case letters, digits and dashes", role);
  if (model->file_count == NN_MAX_FILES) return REFUSE(r, "more than %d files", NN_MAX_FILES);
  for (uint32_t i = 0; i < model->file_count; i++)
    if (strcmp(model->files[i].role, role) == 0) return REFUSE(r, "file %s is given twice", role);
  if (!unescape(name)) return REFUSE(r, "file name is not escaped UTF-8 text");
  if (strchr(name, '/') || name[0] == '.' || strlen(name) > 255)
    return REFUSE(r, "file name %s leaves the folder, is hidden or too long", name);
  size_t size = strlen(dir) + 1 + strlen(name) + 1;
  char *path = malloc(size);
  if (!path) return nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for a path of %zu bytes", size);
  snprintf(path, size, "%s/%s", dir, name);
  model->files[model->file_count++] = (nn_file){role, path};
  struct stat st;
  if (lstat(path, &st) != 0) return REFUSE(r, "file %s: %s", name, strerror(errno));
  if (!S_ISREG(st.st_mode)) return REFUSE(r, "file %s is not a regular file", name);
  return EDGE_NN_OK;
}

static edge_nn_status read_option(reader *r, char *rest) {
  edge_nn_model *model = r->model;
  char *key = next_field(&rest), *value = next_field(&rest);
  if (!key || !value || next_field(&rest)) return REFUSE(r, "option needs a key and a value");
  if (!is_word(key)) return REFUSE(r, "option %s is not lower-case letters, digits and dashes", key);
  if (model->option_count == NN_MAX_OPTIONS) return REFUSE(r, "more than %d options", NN_MAX_OPTIONS);
  if (nn_model_option(model, key)) return REFUSE(r, "option %s is given twice", key);
  if (!unescape(value)) return REFUSE(r, "value of option %s is not escaped UTF-8 text", key);
  const char *s = value;
  int32_t threads;
  if (strcmp(key, "threads-max") == 0 && (!read_size(&s, &threads) || *s || threads > NN_MAX_THREADS))
    return REFUSE(r, "threads-max must be 1..%d", NN_MAX_THREADS);
  model->options[model->option_count++] = (nn_option){key, value};
  return EDGE_NN_OK;
}

static edge_nn_status read_folders(reader *r, char *rest) {
  const char *text = next_field(&rest);
  int32_t count;
  if (r->model->folder_count) return REFUSE(r, "folders is given twice");
  if (!text || next_field(&rest) || !read_size(&text, &count) || *text || count < 2 || count > NN_MAX_FOLDERS)
    return REFUSE(r, "folders must be 2..%d", NN_MAX_FOLDERS);
  r->model->folder_count = (uint32_t)count;
  return EDGE_NN_OK;
}

/* Whether every input has a shape for each folder, or one for all, and no file is beside them. */
static bool folders_fit(const edge_nn_model *model) {
  if (model->folder_count == 0) return true;
  bool several = false;
  for (uint32_t i = 0; i < model->input_count; i++) {
    const edge_nn_tensor_info *info = &model->inputs[i].info;
    if (info->shape_count > 1 && info->shape_count != model->folder_count) return false;
    several = several || info->shape_count > 1;
    for (uint32_t j = 0; info->shape_count == 0 && j < info->rank; j++)
      if (info->dims[j].min != info->dims[j].max) return false;
  }
  return several && model->file_count == 0;
}

/* Lines are: edge-nn 1, engine NAME, then the others in any order. */
static edge_nn_status read_text(edge_nn_model *model, char *text, const char *dir, const char *engine) {
  reader r = {model, 0};
  enum { VERSION, ENGINE, REST } expected = VERSION;
  for (char *line = text, *end; line; line = end) {
    r.line++;
    if ((end = strchr(line, '\n'))) *end++ = '\0';
    char *comment = strchr(line, '#');
    if (comment) *comment = '\0';
    char *rest = line, *word = next_field(&rest);
    if (!word) continue;
    edge_nn_status status = EDGE_NN_OK;
    if (expected == VERSION) {
      char *version = next_field(&rest);
      if (strcmp(word, "edge-nn") != 0 || !version || strcmp(version, "1") != 0 || next_field(&rest))
        return REFUSE(&r, "the first line must be: edge-nn 1");
      expected = ENGINE;
    } else if (expected == ENGINE) {
      char *name = next_field(&rest);
      if (strcmp(word, "engine") != 0 || !name || !is_word(name) || next_field(&rest))
        return REFUSE(&r, "the second line must be: engine NAME");
      if (strcmp(name, engine) != 0)
        return REFUSE(&r, "the model is made for engine %s, this image has %s", name, engine);
      expected = REST;
    } else if (strcmp(word, "file") == 0) {
      status = read_file(&r, rest, dir);
    } else if (strcmp(word, "input") == 0) {
      status = read_port(&r, rest, model->inputs, &model->input_count, true);
    } else if (strcmp(word, "output") == 0) {
      status = read_port(&r, rest, model->outputs, &model->output_count, false);
    } else if (strcmp(word, "option") == 0) {
      status = read_option(&r, rest);
    } else if (strcmp(word, "folders") == 0) {
      status = read_folders(&r, rest);
    } else {
      status = REFUSE(&r, "unknown word %s", word);
    }
    if (status) return status;
  }
  if (expected != REST) return REFUSE(&r, "the file ends before its engine line");
  if (!model->input_count || !model->output_count) return REFUSE(&r, "the file names no input or no output");
  if (!folders_fit(model)) return REFUSE(&r, "inputs do not have one shape a folder, or files are beside the folders");
  return EDGE_NN_OK;
}

/* Reads the whole of `path` into model->text, at most NN_MODEL_MAX_BYTES, terminated. */
static edge_nn_status load_text(edge_nn_model *model, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return nn_model_fail(model, EDGE_NN_ERR_MODEL, "%s: %s", path, strerror(errno));
  model->text = malloc(NN_MODEL_MAX_BYTES + 2);
  size_t used = 0;
  ssize_t got = model->text ? 1 : -1;
  while (got > 0 && used <= NN_MODEL_MAX_BYTES) {
    got = read(fd, model->text + used, NN_MODEL_MAX_BYTES + 1 - used);
    if (got < 0 && errno == EINTR) got = 1;
    else if (got > 0) used += (size_t)got;
  }
  int error = errno;
  close(fd);
  if (!model->text) return nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for %s", path);
  if (got < 0) return nn_model_fail(model, EDGE_NN_ERR_MODEL, "%s: %s", path, strerror(error));
  if (used > NN_MODEL_MAX_BYTES)
    return nn_model_fail(model, EDGE_NN_ERR_MODEL, "%s is larger than %d bytes", path, NN_MODEL_MAX_BYTES);
  model->text[used] = '\0';
  if (strlen(model->text) != used) return nn_model_fail(model, EDGE_NN_ERR_MODEL, "%s holds a zero byte", path);
  return EDGE_NN_OK;
}

edge_nn_status nn_model_read(edge_nn_model *model, const char *dir, const char *engine) {
  size_t size = strlen(dir) + sizeof "/" NN_MODEL_FILE;
  char *path = malloc(size);
  if (!path) return nn_model_fail(model, EDGE_NN_ERR_MEMORY, "no memory for a path of %zu bytes", size);
  snprintf(path, size, "%s/" NN_MODEL_FILE, dir);
  edge_nn_status status = load_text(model, path);
  free(path);
  return status ? status : read_text(model, model->text, dir, engine);
}

int nn_model_threads(const edge_nn_model *model, int asked) {
  const char *text = nn_model_option(model, "threads-max");
  int32_t most = NN_MAX_THREADS;
  if (text && !read_size(&text, &most)) most = 1;
  return asked < 1 ? 1 : asked < most ? asked : most;
}
