/*
 * nn_adapter.hpp: what adapters in C++ have in common, beside nn_model.h.
 *
 * An adapter has a struct Engine, all that it holds of one model, and two functions, which may throw:
 *
 *   edge_nn_status load(edge_nn_model *model, const char *path, int threads);   makes engine_of(model) of the file of role `model`
 *   edge_nn_status run(edge_nn_model *model);
 *
 * NN_ADAPTER(Engine, "Title", load, run) defines nn_adapter_size, _load, _run and _unload with them; name and version stay the adapter's.
 */
#ifndef EDGE_NN_ADAPTER_HPP
#define EDGE_NN_ADAPTER_HPP

#include <cstdlib>
#include <exception>
#include <new>
#include <string>

#include "nn_model.h"

namespace nn {

/* The adapter's model struct. */
template <typename Engine>
struct Model {
  edge_nn_model base; /* first: one pointer serves both */
  Engine *engine;     /* owned, deleted by nn_adapter_unload; null before load made it */
};

template <typename Engine>
Engine *&engine_of(edge_nn_model *model) {
  return reinterpret_cast<Model<Engine> *>(model)->engine;
}

/* What was kept of a model by nn_cache_write; data is null when nothing was. */
struct Kept {
  size_t bytes = 0;
  const char *data; /* owned */

  Kept(edge_nn_model *model, const char *settings) : data(static_cast<const char *>(nn_cache_read(model, settings, &bytes))) {}
  ~Kept() { std::free(const_cast<char *>(data)); }
  Kept(const Kept &) = delete;
  Kept &operator=(const Kept &) = delete;
};

/* Text on one line. */
inline std::string line_of(std::string text) {
  for (char &letter : text)
    if (static_cast<unsigned char>(letter) < ' ') letter = ' ';
  return text;
}

/* Runs `work`; what it throws is told as an error of the engine, `title`. */
template <typename Work>
edge_nn_status fenced(edge_nn_model *model, const char *title, Work work) {
  try {
    return work();
  } catch (const std::bad_alloc &) {
    return nn_model_fail(model, EDGE_NN_ERR_MEMORY, "%s has no memory left", title);
  } catch (const std::exception &error) {
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "%s: %s", title, line_of(error.what()).c_str());
  } catch (...) {
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "%s threw something", title);
  }
}

}  // namespace nn

#define NN_ADAPTER(Engine, title, load, run)                                          \
  size_t nn_adapter_size(void) { return sizeof(nn::Model<Engine>); }                  \
  edge_nn_status nn_adapter_load(edge_nn_model *model, int threads) {                 \
    const char *path = nn_model_file(model, "model");                                 \
    if (!path) return EDGE_NN_ERR_MODEL;                                              \
    return nn::fenced(model, title, [=] { return load(model, path, threads); });      \
  }                                                                                   \
  edge_nn_status nn_adapter_run(edge_nn_model *model) {                               \
    return nn::fenced(model, title, [=] { return run(model); });                      \
  }                                                                                   \
  void nn_adapter_unload(edge_nn_model *model) { delete nn::engine_of<Engine>(model); }

#endif
