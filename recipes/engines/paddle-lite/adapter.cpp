/*
 * Paddle-Lite behind edge_nn.h, through its predictor for mobile devices.
 *
 * Compiled against the headers of the archive that the library is in: its classes are laid out anew in each release.
 * Tensors are dense, and their axes in the order of the model. Shapes are those of the inputs at each run: Paddle-Lite knows none before.
 */
#include "nn_adapter.hpp"

#include <paddle_api.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace {

namespace lite = paddle::lite_api;

struct Engine {
  std::shared_ptr<lite::PaddlePredictor> predictor;
  std::vector<int> outputs; /* the predictor's numbers of our outputs */
};

constexpr auto engine_of = nn::engine_of<Engine>;

/* Only a predictor tells the library's version: that of the first one; before there is one, that of the recipe. */
char version[64] = PADDLE_LITE_VERSION;
std::once_flag version_known;

lite::PrecisionType precision_of(edge_nn_type type) {
  switch (type) {
    case EDGE_NN_F32: return lite::PrecisionType::kFloat;
    case EDGE_NN_I8: return lite::PrecisionType::kInt8;
    case EDGE_NN_U8: return lite::PrecisionType::kUInt8;
    case EDGE_NN_I32: return lite::PrecisionType::kInt32;
    case EDGE_NN_I64: return lite::PrecisionType::kInt64;
  }
  return lite::PrecisionType::kUnk;
}

/* ---- loading ---- */

/* Where `name` is among `names`; -1 when it is not. */
int place_of(const std::vector<std::string> &names, const char *name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

/* Every input of the model must be declared, and every declared port be in the model. */
edge_nn_status find_ports(edge_nn_model *model) {
  Engine *engine = engine_of(model);
  const std::vector<std::string> inputs = engine->predictor->GetInputNames();
  const std::vector<std::string> outputs = engine->predictor->GetOutputNames();
  for (uint32_t i = 0; i < model->input_count; i++)
    if (place_of(inputs, model->inputs[i].blob) < 0)
      return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model has no input %s", model->inputs[i].info.name);
  if (inputs.size() != model->input_count)
    return nn_model_fail(model, EDGE_NN_ERR_MODEL, "%zu of the model's %zu inputs are not declared",
                         inputs.size() - model->input_count, inputs.size());
  for (uint32_t i = 0; i < model->output_count; i++) {
    engine->outputs.push_back(place_of(outputs, model->outputs[i].blob));
    if (engine->outputs.back() < 0)
      return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model has no output %s", model->outputs[i].info.name);
  }
  return EDGE_NN_OK;
}

edge_nn_status load(edge_nn_model *model, const char *path, int threads) {
  Engine *engine = engine_of(model) = new Engine;
  lite::MobileConfig config;
  config.set_model_from_file(path);
  config.set_threads(threads);
  config.set_power_mode(lite::LITE_POWER_NO_BIND);
  engine->predictor = lite::CreatePaddlePredictor<lite::MobileConfig>(config);
  if (!engine->predictor) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "Paddle-Lite cannot read %s", path);
  std::call_once(version_known,
                 [&] { std::snprintf(version, sizeof version, "%s", engine->predictor->GetVersion().c_str()); });
  return find_ports(model);
}

/* ---- running ---- */

/* The tensor's own memory of the port's type. */
void *memory_of(lite::Tensor &tensor, edge_nn_type type) {
  switch (type) {
    case EDGE_NN_F32: return tensor.mutable_data<float>();
    case EDGE_NN_I8: return tensor.mutable_data<int8_t>();
    case EDGE_NN_U8: return tensor.mutable_data<uint8_t>();
    case EDGE_NN_I32: return tensor.mutable_data<int>();
    case EDGE_NN_I64: return tensor.mutable_data<int64_t>();
  }
  return nullptr;
}

const void *memory_of(const lite::Tensor &tensor, edge_nn_type type) {
  switch (type) {
    case EDGE_NN_F32: return tensor.data<float>();
    case EDGE_NN_I8: return tensor.data<int8_t>();
    case EDGE_NN_U8: return tensor.data<uint8_t>();
    case EDGE_NN_I32: return tensor.data<int>();
    case EDGE_NN_I64: return tensor.data<int64_t>();
  }
  return nullptr;
}

edge_nn_status put_input(edge_nn_model *model, uint32_t index) {
  const nn_port &port = model->inputs[index];
  const std::unique_ptr<lite::Tensor> tensor = engine_of(model)->predictor->GetInputByName(port.blob);
  if (!tensor) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "Paddle-Lite has no input %s", port.info.name);
  tensor->Resize(lite::shape_t(port.value.shape, port.value.shape + port.value.rank));
  void *memory = memory_of(*tensor, port.info.type);
  if (!memory) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "Paddle-Lite does not take input %s", port.info.name);
  std::memcpy(memory, port.data, port.value.bytes);
  return EDGE_NN_OK;
}

edge_nn_status take_output(edge_nn_model *model, uint32_t index) {
  nn_port &port = model->outputs[index];
  const Engine *engine = engine_of(model);
  const std::unique_ptr<const lite::Tensor> tensor = engine->predictor->GetOutput(engine->outputs[index]);
  if (!tensor) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "Paddle-Lite does not give output %s", port.info.name);
  if (tensor->precision() != precision_of(port.info.type))
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s is not %s", port.info.name, nn_type_name(port.info.type));
  const lite::shape_t shape = tensor->shape();
  if (shape.size() > EDGE_NN_MAX_RANK)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s has %zu dimensions", port.info.name, shape.size());
  const edge_nn_status status =
      nn_model_reserve_output(model, index, port.info.type, static_cast<uint32_t>(shape.size()), shape.data());
  if (status) return status;
  const void *memory = port.value.bytes == 0 ? nullptr : memory_of(*tensor, port.info.type);
  if (port.value.bytes > 0 && !memory)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "Paddle-Lite does not give output %s", port.info.name);
  if (memory) std::memcpy(port.data, memory, port.value.bytes);
  port.ready = true;
  return EDGE_NN_OK;
}

edge_nn_status run(edge_nn_model *model) {
  edge_nn_status status = EDGE_NN_OK;
  for (uint32_t i = 0; i < model->input_count && !status; i++) status = put_input(model, i);
  if (status) return status;
  engine_of(model)->predictor->Run();
  for (uint32_t i = 0; i < model->output_count && !status; i++) status = take_output(model, i);
  return status;
}

}  // namespace

const char nn_adapter_name[] = "paddle-lite";

const char *nn_adapter_version(void) { return version; }

NN_ADAPTER(Engine, "Paddle-Lite", load, run)
