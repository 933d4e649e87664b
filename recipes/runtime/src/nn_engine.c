#include "nn_engine.h"

#include <stdio.h>

#include "nn_library.h"

bool edge_engine_open(const char *path, edge_engine *engine, char *message, unsigned long size) {
  uint32_t (*abi)(void);
  const char *(*name)(void);
  const char *(*version)(void);
  const nn_symbol table[] = {
      {"edge_nn_abi", &abi},
      {"edge_nn_engine", &name},
      {"edge_nn_version", &version},
      {"edge_nn_open", &engine->open},
      {"edge_nn_close", &engine->close},
      {"edge_nn_input_count", &engine->input_count},
      {"edge_nn_output_count", &engine->output_count},
      {"edge_nn_input_info", &engine->input_info},
      {"edge_nn_output_info", &engine->output_info},
      {"edge_nn_set_input", &engine->set_input},
      {"edge_nn_run", &engine->run},
      {"edge_nn_get_output", &engine->get_output},
      {"edge_nn_last_error", &engine->last_error},
  };
  if (!nn_library_open(path, "the engine", table, sizeof table / sizeof *table, message, size)) return false;
  if (abi() != EDGE_NN_ABI) {
    snprintf(message, size, "the engine has ABI %u, this program needs %u", (unsigned)abi(), EDGE_NN_ABI);
    return false;
  }
  engine->name = name();
  engine->version = version();
  return true;
}

unsigned edge_element_size(edge_nn_type type) {
  switch (type) {
    case EDGE_NN_F32: case EDGE_NN_I32: return 4;
    case EDGE_NN_I8: case EDGE_NN_U8: return 1;
    case EDGE_NN_I64: return 8;
  }
  return 0;
}

const char *edge_type_name(edge_nn_type type) {
  switch (type) {
    case EDGE_NN_F32: return "f32";
    case EDGE_NN_I8: return "i8";
    case EDGE_NN_U8: return "u8";
    case EDGE_NN_I32: return "i32";
    case EDGE_NN_I64: return "i64";
  }
  return "?";
}

const char *edge_status_name(edge_nn_status status) {
  switch (status) {
    case EDGE_NN_OK: return "OK";
    case EDGE_NN_ERR_ARGUMENT: return "ARGUMENT";
    case EDGE_NN_ERR_MODEL: return "MODEL";
    case EDGE_NN_ERR_SHAPE: return "SHAPE";
    case EDGE_NN_ERR_TYPE: return "TYPE";
    case EDGE_NN_ERR_ENGINE: return "ENGINE";
    case EDGE_NN_ERR_MEMORY: return "MEMORY";
  }
  return "ENGINE";
}

bool edge_shape_bytes(const int32_t *shape, uint32_t rank, unsigned element, uint64_t limit, uint64_t *bytes) {
  uint64_t total = element;
  bool empty = false;
  if (rank > EDGE_NN_MAX_RANK || element == 0) return false;
  for (uint32_t i = 0; i < rank; i++) {
    if (shape[i] < 0) return false;
    empty = empty || shape[i] == 0;
  }
  for (uint32_t i = 0; i < rank && !empty; i++) {
    total *= (uint64_t)shape[i]; /* below limit * 2^31: no overflow while limit < 2^32 */
    if (total > limit) return false;
  }
  *bytes = empty ? 0 : total;
  return true;
}
