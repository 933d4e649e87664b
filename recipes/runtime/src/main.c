/* edge-run: runs an app's bytecode bundle on QuickJS and libuv. */
#include <stdio.h>

#include "bytecode.h"
#include "bytecode_write.h"
#include "host.h"

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
  static edge_host host;
  if (!edge_host_open(&host, &options)) return 1;
  status = options.mode == EDGE_COMPILE ? edge_compile(host.ctx, &options) : edge_host_run(&host);
  edge_host_close(&host);
  return status;
}
