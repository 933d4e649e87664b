/*
 * MACE behind edge_nn.h.
 *
 * Compiled against the header of the archive that the library is in. MACE tells nothing of a model: names and shapes are those that the
 * project declares, and room for results is ours, which is why each output has to have one shape. Tensors are f32, dense, and
 * those of 4 dimensions in the order NCHW; MACE turns them into its own.
 */
#include "nn_adapter.hpp"

#include <mace/public/mace.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Engine {
  std::vector<char> graph, data; /* the model's files: the engine reads the data for as long as it lives */
  std::shared_ptr<mace::MaceEngine> engine;
};

constexpr auto engine_of = nn::engine_of<Engine>;

edge_nn_status refuse(edge_nn_model *model, const mace::MaceStatus &status, const char *what) {
  const edge_nn_status code =
      status.code() == mace::MaceStatus::MACE_OUT_OF_RESOURCES ? EDGE_NN_ERR_MEMORY : EDGE_NN_ERR_ENGINE;
  return nn_model_fail(model, code, "MACE %s: %s", what, status.information().c_str());
}

bool succeeded(const mace::MaceStatus &status) { return status.code() == mace::MaceStatus::MACE_SUCCESS; }

/* ---- loading ---- */

std::vector<char> content(const char *path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.is_open() || file.bad()) throw std::runtime_error(std::string("cannot read ") + path);
  return bytes;
}

/* A model of MACE is two files, ours is one: the size of the graph in 8 bytes, the least first, the graph, the data. */
void split(Engine *engine, const char *path) {
  std::vector<char> file = content(path);
  constexpr size_t head = 8;
  uint64_t size = 0;
  for (size_t i = 0; i < head && i < file.size(); i++) size |= static_cast<uint64_t>(static_cast<unsigned char>(file[i])) << (8 * i);
  if (file.size() < head || size == 0 || size > file.size() - head)
    throw std::runtime_error(std::string("cannot read ") + path + ": it does not begin with the size of the graph");
  const auto graph = file.begin() + head, data = graph + static_cast<std::ptrdiff_t>(size);
  engine->graph.assign(graph, data);
  engine->data.assign(data, file.end());
}

/* The one shape of a port; none when it has several, or none was declared. */
bool only_shape(const nn_port &port, std::vector<int64_t> *shape) {
  if (!port.declared || port.info.shape_count > 1) return false;
  for (uint32_t i = 0; i < port.info.rank; i++) {
    const edge_nn_dim &dim = port.info.dims[i];
    if (port.info.shape_count == 0 && dim.min != dim.max) return false;
    shape->push_back(port.info.shape_count == 1 ? port.info.shapes[i] : dim.min);
  }
  return true;
}

edge_nn_status check_ports(edge_nn_model *model) {
  for (uint32_t i = 0; i < model->input_count; i++)
    if (model->inputs[i].info.type != EDGE_NN_F32)
      return nn_model_fail(model, EDGE_NN_ERR_TYPE, "input %s: MACE takes f32 alone", model->inputs[i].info.name);
  for (uint32_t i = 0; i < model->output_count; i++) {
    std::vector<int64_t> shape;
    const nn_port &port = model->outputs[i];
    if (port.info.type != EDGE_NN_F32)
      return nn_model_fail(model, EDGE_NN_ERR_TYPE, "output %s: MACE gives f32 alone", port.info.name);
    if (!only_shape(port, &shape))
      return nn_model_fail(model, EDGE_NN_ERR_SHAPE,
                           "output %s has no fixed shape: MACE wants room for results before it runs", port.info.name);
  }
  return EDGE_NN_OK;
}

edge_nn_status load(edge_nn_model *model, const char *path, int threads) {
  const edge_nn_status checked = check_ports(model);
  if (checked) return checked;
  Engine *engine = engine_of(model) = new Engine;
  split(engine, path);
  std::vector<std::string> inputs, outputs;
  for (uint32_t i = 0; i < model->input_count; i++) inputs.emplace_back(model->inputs[i].blob);
  for (uint32_t i = 0; i < model->output_count; i++) outputs.emplace_back(model->outputs[i].blob);
  mace::MaceEngineConfig config(mace::DeviceType::CPU);
  const mace::MaceStatus policy = config.SetCPUThreadPolicy(threads, mace::CPUAffinityPolicy::AFFINITY_NONE);
  if (!succeeded(policy)) return refuse(model, policy, "does not take that number of threads");
  const auto bytes = [](const std::vector<char> &file) { return reinterpret_cast<const unsigned char *>(file.data()); };
  const mace::MaceStatus made =
      mace::CreateMaceEngineFromProto(bytes(engine->graph), engine->graph.size(), bytes(engine->data),
                                      engine->data.size(), inputs, outputs, config, &engine->engine);
  if (!succeeded(made)) return refuse(model, made, "cannot read the model");
  if (!engine->engine) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "MACE made nothing of the model");
  return EDGE_NN_OK;
}

/* ---- running ---- */

/* A tensor over memory of ours, which outlives the run. */
mace::MaceTensor over(void *memory, const std::vector<int64_t> &shape) {
  const mace::DataFormat format = shape.size() == 4 ? mace::DataFormat::NCHW : mace::DataFormat::NONE;
  return mace::MaceTensor(shape, std::shared_ptr<void>(memory, [](void *) {}), format);
}

edge_nn_status run(edge_nn_model *model) {
  std::map<std::string, mace::MaceTensor> inputs, outputs;
  for (uint32_t i = 0; i < model->input_count; i++) {
    const nn_port &port = model->inputs[i];
    inputs[port.blob] = over(port.data, std::vector<int64_t>(port.value.shape, port.value.shape + port.value.rank));
  }
  for (uint32_t i = 0; i < model->output_count; i++) {
    nn_port &port = model->outputs[i];
    std::vector<int64_t> shape;
    if (!only_shape(port, &shape)) return nn_model_fail(model, EDGE_NN_ERR_SHAPE, "output %s has no fixed shape", port.info.name);
    const edge_nn_status status =
        nn_model_reserve_output(model, i, EDGE_NN_F32, static_cast<uint32_t>(shape.size()), shape.data());
    if (status) return status;
    outputs[port.blob] = over(port.data, shape);
  }
  const mace::MaceStatus status = engine_of(model)->engine->Run(inputs, &outputs);
  if (!succeeded(status)) return refuse(model, status, "failed to run the model");
  for (uint32_t i = 0; i < model->output_count; i++) {
    nn_port &port = model->outputs[i];
    const auto found = outputs.find(port.blob);
    /* A result of another shape than declared would have been written into room that it does not fit. */
    std::vector<int64_t> shape;
    if (found == outputs.end() || !only_shape(port, &shape) || found->second.shape() != shape)
      return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s has another shape than declared", port.info.name);
    const std::shared_ptr<float> data = found->second.data();
    if (!data) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "MACE does not give output %s", port.info.name);
    if (data.get() != port.data) std::memcpy(port.data, data.get(), port.value.bytes);
    port.ready = true;
  }
  return EDGE_NN_OK;
}

}  // namespace

const char nn_adapter_name[] = "mace";

const char *nn_adapter_version(void) { return mace::MaceVersion(); }

NN_ADAPTER(Engine, "MACE", load, run)
