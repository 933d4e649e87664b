/* options.h: the command line of edge-run. */
#ifndef EDGE_OPTIONS_H
#define EDGE_OPTIONS_H

#include <stddef.h>

#define EDGE_MAX_WRITABLE 8
#define EDGE_MAX_PORTS 16

typedef enum { EDGE_RUN, EDGE_COMPILE, EDGE_VERSION, EDGE_HELP } edge_mode;

/* All strings are borrowed from argv or static. */
typedef struct {
  edge_mode mode;
  const char *app_dir;     /* relative paths of edge:fs start here */
  const char *models_dir;  /* load("det") opens models_dir/det */
  const char *data_dir, *tmp_dir; /* where the app's /data and /tmp lie */
  const char *engine_path; /* libedge_nn.so */
  const char *kernels_path; /* libedge_kernels.so */
  const char *env_file;    /* KEY=VALUE lines added to process.env; need not exist */
  const char *bundle;      /* bytecode file; NULL = app_dir/main.qjb */
  const char *compile_in, *compile_out;
  const char *writable[EDGE_MAX_WRITABLE]; /* folders below which edge:fs may write */
  int writable_count;
  const char *address; /* the only one that servers listen on, whatever the app asks for; NULL = what it asks for */
  struct {
    int asked, taken;
  } ports[EDGE_MAX_PORTS]; /* a server of port `asked` listens on `taken` */
  int port_count;
  size_t memory_limit; /* bytes of JavaScript heap; 0 = none */
  size_t stack_limit;  /* bytes of JavaScript stack */
  char **args;         /* NULL-terminated: what follows "--" */
} edge_options;

extern const char edge_usage[];

/* Reads argv. 0, or 2 after a message on stderr. */
int edge_options_read(edge_options *options, int argc, char **argv);

/* The port that a server of port `asked` listens on. */
int edge_options_port(const edge_options *options, int asked);

#endif
