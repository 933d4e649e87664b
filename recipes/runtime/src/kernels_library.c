#include "kernels_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

bool edge_kernels_open(const char *path, edge_kernels *kernels, char *message, size_t size) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(message, size, "cannot open the kernels (edgeimg.yaml needs `kernels: true`): %s", dlerror());
    return false;
  }
  const struct {
    const char *symbol;
    void *slot;
  } table[] = {
      {"edge_status_text", &kernels->status_text},
      {"edge_variant_detect", &kernels->detect},
      {"edge_variant_check", &kernels->check},
      {"edge_variant_name", &kernels->name},
      {"edge_conv_plan", &kernels->plan},
      {"edge_conv_prepare", &kernels->prepare},
      {"edge_conv_run", &kernels->run},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    void *symbol = dlsym(library, table[i].symbol);
    if (!symbol) {
      snprintf(message, size, "%s does not export %s", path, table[i].symbol);
      dlclose(library);
      return false;
    }
    /* ISO C has no cast from void * to a function pointer; POSIX promises that the bytes are the same. */
    memcpy(table[i].slot, &symbol, sizeof symbol);
  }
  return true;
}

const char *edge_kernels_code(edge_status status) {
  switch (status) {
    case EDGE_OK: return "OK";
    case EDGE_E_ARGUMENT: return "ARGUMENT";
    case EDGE_E_RANGE: return "RANGE";
    case EDGE_E_SIZE: return "SIZE";
    case EDGE_E_UNSUPPORTED: return "UNSUPPORTED";
    case EDGE_E_CORRUPT: return "CORRUPT";
  }
  return "ARGUMENT";
}
