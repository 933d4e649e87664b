#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char edge_usage[] =
    "usage: edge-run [options] [main.qjb] [-- args]\n"
    "       edge-run --compile main.js --out main.qjb\n"
    "  --app DIR          files of the app, default /app\n"
    "  --models DIR       models, default /models\n"
    "  --engine FILE      inference engine, default /usr/lib/edgeimg/libedge_nn.so\n"
    "  --kernels FILE     quantized kernels, default /usr/lib/edgeimg/libedge_kernels.so\n"
    "  --env-file FILE    KEY=VALUE lines for process.env, default /etc/edgeimg/app.env\n"
    "  --data DIR         what is /data to the app, default /data\n"
    "  --tmp DIR          what is /tmp to the app, default /tmp\n"
    "  --writable DIR     folder that the app may write to; repeatable, default /data and /tmp\n"
    "  --address ADDRESS  servers listen there only, whatever the app asks for\n"
    "  --map-port A=B     a server of port A listens on port B; repeatable\n"
    "  --memory-limit MB  JavaScript heap, default 256, 0 = no limit\n"
    "  --stack-limit KB   JavaScript stack, default 1024\n"
    "  --version          print the versions and stop\n";

enum {
  APP = 256, MODELS, DATA, TMP, ENGINE, KERNELS, ENV_FILE, WRITABLE, ADDRESS, MAP_PORT, MEMORY, STACK, COMPILE, OUT, VERSION, HELP
};

static const struct option long_options[] = {
    {"app", required_argument, NULL, APP},
    {"models", required_argument, NULL, MODELS},
    {"data", required_argument, NULL, DATA},
    {"tmp", required_argument, NULL, TMP},
    {"engine", required_argument, NULL, ENGINE},
    {"kernels", required_argument, NULL, KERNELS},
    {"env-file", required_argument, NULL, ENV_FILE},
    {"writable", required_argument, NULL, WRITABLE},
    {"address", required_argument, NULL, ADDRESS},
    {"map-port", required_argument, NULL, MAP_PORT},
    {"memory-limit", required_argument, NULL, MEMORY},
    {"stack-limit", required_argument, NULL, STACK},
    {"compile", required_argument, NULL, COMPILE},
    {"out", required_argument, NULL, OUT},
    {"version", no_argument, NULL, VERSION},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static int bad(const char *what, const char *value) {
  fprintf(stderr, "edge-run: %s%s%s\n%s", what, value ? ": " : "", value ? value : "", edge_usage);
  return 2;
}

/* A decimal number between low and high, times unit. */
static int read_size(const char *text, unsigned long low, unsigned long high, size_t unit, size_t *out) {
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (errno || *end || end == text || *text < '0' || *text > '9' || value < low || value > high) return -1;
  *out = value * unit;
  return 0;
}

/* "A=B", two ports. 0 or 2 after a message. */
static int read_ports(edge_options *options, const char *text) {
  char left[8];
  size_t asked, taken, len = strcspn(text, "=");
  if (options->port_count == EDGE_MAX_PORTS) return bad("too many --map-port", text);
  if (text[len] != '=' || len >= sizeof left) return bad("--map-port needs A=B", text);
  memcpy(left, text, len);
  left[len] = 0;
  if (read_size(left, 1, 65535, 1, &asked) || read_size(text + len + 1, 1, 65535, 1, &taken))
    return bad("--map-port needs two ports from 1 to 65535", text);
  options->ports[options->port_count].asked = (int)asked;
  options->ports[options->port_count++].taken = (int)taken;
  return 0;
}

/* The folder as an absolute path; a relative one is copied to `room` (PATH_MAX bytes). NULL when it is too long. */
static const char *absolute(const char *folder, char *room) {
  if (folder[0] == '/') return folder;
  if (!getcwd(room, PATH_MAX)) return NULL;
  size_t used = strlen(room);
  if (used + 1 + strlen(folder) >= PATH_MAX) return NULL;
  room[used] = '/';
  strcpy(room + used + 1, folder);
  return room;
}

static int read_one(edge_options *options, int key, const char *value) {
  switch (key) {
    case APP: options->app_dir = value; return 0;
    case MODELS: options->models_dir = value; return 0;
    case DATA: options->data_dir = value; return 0;
    case TMP: options->tmp_dir = value; return 0;
    case ADDRESS: options->address = value; return 0;
    case MAP_PORT: return read_ports(options, value);
    case ENGINE: options->engine_path = value; return 0;
    case KERNELS: options->kernels_path = value; return 0;
    case ENV_FILE: options->env_file = value; return 0;
    case COMPILE: options->mode = EDGE_COMPILE; options->compile_in = value; return 0;
    case OUT: options->compile_out = value; return 0;
    case VERSION: options->mode = EDGE_VERSION; return 0;
    case HELP: options->mode = EDGE_HELP; return 0;
    case MEMORY:
      return read_size(value, 0, 1 << 20, 1 << 20, &options->memory_limit) ? bad("--memory-limit", value) : 0;
    case STACK:
      /* The main thread's own stack is 8 MB: half of it is left for C. */
      return read_size(value, 64, 4096, 1024, &options->stack_limit) ? bad("--stack-limit", value) : 0;
    case WRITABLE:
      if (value[0] != '/') return bad("--writable needs an absolute path", value);
      if (options->writable_count == EDGE_MAX_WRITABLE) return bad("too many --writable", value);
      options->writable[options->writable_count++] = value;
      return 0;
    default: return bad("unknown option", NULL);
  }
}

int edge_options_read(edge_options *options, int argc, char **argv) {
  memset(options, 0, sizeof *options);
  options->app_dir = "/app";
  options->models_dir = "/models";
  options->data_dir = "/data";
  options->tmp_dir = "/tmp";
  options->engine_path = "/usr/lib/edgeimg/libedge_nn.so";
  options->kernels_path = "/usr/lib/edgeimg/libedge_kernels.so";
  options->env_file = "/etc/edgeimg/app.env";
  options->memory_limit = (size_t)256 << 20;
  options->stack_limit = (size_t)1 << 20;

  /* What follows "--" is the app's and may look like options of ours. */
  int own = argc;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--") != 0) continue;
    own = i;
    break;
  }
  options->args = argv + (own < argc ? own + 1 : argc);

  opterr = 0;
  for (int key; (key = getopt_long(own, argv, "", long_options, NULL)) != -1;) {
    if (key == '?') return bad("cannot read option", argv[optind - 1]);
    int status = read_one(options, key, optarg);
    if (status) return status;
  }
  if (optind < own) options->bundle = argv[optind++];
  if (optind < own) return bad("one bundle only", argv[optind]);
  if (options->mode == EDGE_COMPILE && !options->compile_out) return bad("--compile needs --out FILE", NULL);
  static char rooms[4][PATH_MAX];
  const char **folders[] = {&options->app_dir, &options->models_dir, &options->data_dir, &options->tmp_dir};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    *folders[i] = absolute(*folders[i], rooms[i]);
    if (!*folders[i]) return bad("a folder's path is too long", NULL);
  }
  if (options->writable_count == 0) {
    options->writable[0] = "/data";
    options->writable[1] = "/tmp";
    options->writable_count = 2;
  }
  return 0;
}

int edge_options_port(const edge_options *options, int asked) {
  for (int i = 0; i < options->port_count; i++)
    if (options->ports[i].asked == asked) return options->ports[i].taken;
  return asked;
}
