/* edge-run: runs an app's bytecode bundle on QuickJS and libuv. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytecode.h"
#include "buffer.h"
#include "bytecode_write.h"
#include "host.h"

#define ENV_LIMIT ((size_t)64 << 10)

/*
 * Lines KEY=VALUE of a file become variables of this process, so that libraries see them as well; a file that cannot be read brings none.
 * Before anything else runs: setenv is not to be called beside other threads.
 */
static void take_environment(const char *path) {
  edge_buf file = {0};
  if (edge_read_file(path, ENV_LIMIT, &file) == 0) {
    for (char *at = file.data; at && *at;) {
      size_t len = strcspn(at, "\n");
      bool last = !at[len];
      at[len] = '\0';
      char *equals = *at == '#' ? NULL : strchr(at, '=');
      if (equals && equals != at) {
        *equals = '\0';
        setenv(at, equals + 1, 1);
      }
      at += len + !last;
    }
  }
  edge_buf_free(&file);
}

int main(int argc, char **argv) {
  edge_options options;
  int status = edge_options_read(&options, argc, argv);
  if (status) return status;
  if (options.mode == EDGE_HELP) {
    fputs(edge_usage, stdout);
    return 0;
  }
  if (options.mode == EDGE_VERSION) {
    printf("edge-run %s quickjs %s libuv %s\n", EDGE_RUNTIME_VERSION, EDGE_QUICKJS_VERSION, uv_version_string());
    return 0;
  }
  if (options.mode != EDGE_COMPILE) take_environment(options.env_file);
  static edge_host host;
  if (!edge_host_open(&host, &options)) return 1;
  status = options.mode == EDGE_COMPILE ? edge_compile(host.ctx, &options) : edge_host_run(&host);
  edge_host_close(&host);
  return status;
}
