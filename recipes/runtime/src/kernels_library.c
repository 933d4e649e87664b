#include "kernels_library.h"

#include "nn_library.h"

bool edge_kernels_open(const char *path, edge_kernels *kernels, char *message, size_t size) {
  const nn_symbol table[] = {
      {"edge_status_text", &kernels->status_text},
      {"edge_variant_detect", &kernels->detect},
      {"edge_variant_check", &kernels->check},
      {"edge_variant_name", &kernels->name},
      {"edge_conv_plan", &kernels->plan},
      {"edge_conv_prepare", &kernels->prepare},
      {"edge_conv_run", &kernels->run},
  };
  return nn_library_open(path, "the kernels (edgeimg.yaml needs `kernels: true`)", table, sizeof table / sizeof *table,
                         message, size);
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
