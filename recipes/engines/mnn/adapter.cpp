/*
 * MNN behind edge_nn.h, through sessions of its Interpreter.
 *
 * Layout: MNN keeps tensors in blocks of four channels. Every tensor goes in and
 * out through a host tensor over the port's own dense memory, which MNN copies
 * from and to, with the axes in the order of the original model.
 *
 * Integers of 64 bits are 32 bits wide within MNN: inputs are narrowed, and
 * refused where they do not fit, results are widened.
 *
 * Precision is high: half-precision arithmetic would cost 3e-3 (a classifier) to
 * 1e-1 (a text recognizer) on cores that have it.
 *
 * MNN is compiled without exceptions, but allocates with new: what comes through
 * it is caught here. It prints nothing (patches/quiet.patch); the errors that it
 * would have printed become part of ours.
 */
#include "nn_adapter.hpp"

#include <MNN/ErrorCode.hpp>
#include <MNN/Interpreter.hpp>
#include <MNN/Tensor.hpp>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace {

using Net = std::unique_ptr<MNN::Interpreter, decltype(&MNN::Interpreter::destroy)>;
using HostTensor = std::unique_ptr<MNN::Tensor, decltype(&MNN::Tensor::destroy)>;

struct Engine {
  Net net{nullptr, &MNN::Interpreter::destroy};
  MNN::Session *session = nullptr;            /* the net's */
  std::vector<MNN::Tensor *> inputs, outputs; /* the session's, as the ports are ordered; null for an input that is not used */
  bool sized = false; /* the session is ready for the shapes that its inputs have */
  bool traced = false;
};

constexpr auto engine_of = nn::engine_of<Engine>;

/* ": ", and what MNN said since `fenced` began, on one line; "" when it said nothing. */
std::string said() {
  std::string text = MNNKeptMessages();
  for (char &letter : text)
    if (static_cast<unsigned char>(letter) < ' ') letter = ' ';
  const size_t end = text.find_last_not_of(' ');
  return end == std::string::npos ? "" : ": " + text.substr(0, end + 1);
}

edge_nn_status status_of(MNN::ErrorCode code) {
  return code == MNN::OUT_OF_MEMORY ? EDGE_NN_ERR_MEMORY : EDGE_NN_ERR_ENGINE;
}

/* Whether MNN's tensor holds the port's type; 64 bits are 32 in MNN. */
bool holds(const MNN::Tensor *tensor, edge_nn_type type) {
  const halide_type_t own = tensor->getType();
  switch (type) {
    case EDGE_NN_F32: return own == halide_type_of<float>();
    case EDGE_NN_I8: return own == halide_type_of<int8_t>();
    case EDGE_NN_U8: return own == halide_type_of<uint8_t>();
    case EDGE_NN_I32:
    case EDGE_NN_I64: return own == halide_type_of<int32_t>();
  }
  return false;
}

/* A tensor over `data`, of the device tensor's shape, type and order of axes. */
HostTensor host_over(const MNN::Tensor *tensor, void *data) {
  return {MNN::Tensor::create(tensor->shape(), tensor->getType(), data, tensor->getDimensionType()), &MNN::Tensor::destroy};
}

/* ---- loading ---- */

/* The session's tensors of the ports. Every input of the model must be declared, and of the declared type; an input that nothing in the
 * model uses is not in it. The types of results are known once shapes are. */
edge_nn_status find_ports(edge_nn_model *model) {
  Engine *engine = engine_of(model);
  const auto &inputs = engine->net->getSessionInputAll(engine->session);
  const auto &outputs = engine->net->getSessionOutputAll(engine->session);
  size_t used = 0;
  for (uint32_t i = 0; i < model->input_count; i++) {
    const nn_port &port = model->inputs[i];
    const auto found = inputs.find(port.blob);
    engine->inputs.push_back(found == inputs.end() ? nullptr : found->second);
    if (found == inputs.end()) continue;
    used++;
    if (!holds(found->second, port.info.type))
      return nn_model_fail(model, EDGE_NN_ERR_TYPE, "input %s is not %s in the model", port.info.name,
                           nn_type_name(port.info.type));
  }
  if (used != inputs.size())
    return nn_model_fail(model, EDGE_NN_ERR_MODEL, "%zu of the model's %zu inputs are not declared", inputs.size() - used,
                         inputs.size());
  for (uint32_t i = 0; i < model->output_count; i++) {
    const auto found = outputs.find(model->outputs[i].blob);
    if (found == outputs.end())
      return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model has no output %s", model->outputs[i].info.name);
    engine->outputs.push_back(found->second);
  }
  return EDGE_NN_OK;
}

/* Why there is no session. MNN's own words for the commonest reason name an interface that apps do not have. */
edge_nn_status refuse_session(edge_nn_model *model) {
  if (std::strstr(MNNKeptMessages(), "need input content"))
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE,
                         "shapes within it depend on values, as after NonZero or NonMaxSuppression, or of a Reshape by an input: "
                         "MNN's sessions know shapes before values");
  return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "MNN cannot prepare the model%s", said().c_str());
}

edge_nn_status load(edge_nn_model *model, const char *path, int threads) {
  MNNForgetMessages();
  Engine *engine = engine_of(model) = new Engine;
  engine->traced = nn_model_traced();
  engine->net.reset(MNN::Interpreter::createFromFile(path));
  if (!engine->net) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "MNN cannot read %s%s", path, said().c_str());
  /* Only in the first of these modes are names of layers kept. */
  engine->net->setSessionMode(engine->traced ? MNN::Interpreter::Session_Debug : MNN::Interpreter::Session_Release);
  /* Shapes are known at the first run. */
  engine->net->setSessionMode(MNN::Interpreter::Session_Resize_Defer);
  /* Winograd's smallest tiles only: the larger ones cost 9e-4 (a text detector) instead of 3e-5, and memory. */
  engine->net->setSessionHint(MNN::Interpreter::WINOGRAD_MEMORY_LEVEL, 1);
  MNN::BackendConfig backend; /* read while the session is made */
  backend.precision = MNN::BackendConfig::Precision_High;
  MNN::ScheduleConfig config;
  config.type = MNN_FORWARD_CPU;
  config.numThread = threads;
  config.backendConfig = &backend;
  engine->session = engine->net->createSession(config);
  if (!engine->session) return refuse_session(model);
  return find_ports(model);
}

/* ---- running ---- */

/* Gives the session the shapes of the inputs, and prepares it again when one of them is another than in the last run. */
edge_nn_status prepare(edge_nn_model *model) {
  Engine *engine = engine_of(model);
  for (uint32_t i = 0; i < model->input_count; i++) {
    const edge_nn_tensor &value = model->inputs[i].value;
    MNN::Tensor *tensor = engine->inputs[i];
    const std::vector<int> shape(value.shape, value.shape + value.rank);
    if (!tensor || (engine->sized && tensor->shape() == shape)) continue;
    engine->sized = false;
    engine->net->resizeTensor(tensor, shape);
  }
  if (engine->sized) return EDGE_NN_OK;
  engine->net->resizeSession(engine->session);
  int missing = 1; /* 0 when the session can run */
  if (!engine->net->getSessionInfo(engine->session, MNN::Interpreter::RESIZE_STATUS, &missing) || missing != 0)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "MNN cannot prepare the model for these shapes%s", said().c_str());
  engine->sized = true;
  return EDGE_NN_OK;
}

edge_nn_status put_input(edge_nn_model *model, uint32_t index) {
  const nn_port &port = model->inputs[index];
  MNN::Tensor *tensor = engine_of(model)->inputs[index];
  if (!tensor) return EDGE_NN_OK;
  std::vector<int32_t> narrow;
  void *data = port.data; /* value.bytes bytes of the port's */
  if (port.info.type == EDGE_NN_I64) {
    const size_t count = port.value.bytes / sizeof(int64_t);
    const int64_t *wide = static_cast<const int64_t *>(port.data);
    narrow.resize(count);
    for (size_t i = 0; i < count; i++) {
      if (wide[i] < std::numeric_limits<int32_t>::min() || wide[i] > std::numeric_limits<int32_t>::max())
        return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "input %s: %lld does not fit into the 32 bits that MNN has",
                             port.info.name, static_cast<long long>(wide[i]));
      narrow[i] = static_cast<int32_t>(wide[i]);
    }
    data = narrow.data();
  }
  MNNForgetMessages();
  const HostTensor host = host_over(tensor, data);
  /* False: MNN gave it no memory, since nothing that has elements is made of its values. */
  if (tensor->copyFromHostTensor(host.get()) && *MNNKeptMessages())
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "MNN does not take input %s%s", port.info.name, said().c_str());
  return EDGE_NN_OK;
}

edge_nn_status take_output(edge_nn_model *model, uint32_t index) {
  nn_port &port = model->outputs[index];
  const MNN::Tensor *tensor = engine_of(model)->outputs[index];
  if (!holds(tensor, port.info.type))
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s is not %s", port.info.name, nn_type_name(port.info.type));
  const std::vector<int> sizes = tensor->shape();
  if (sizes.size() > EDGE_NN_MAX_RANK)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s has %zu dimensions", port.info.name, sizes.size());
  const std::vector<int64_t> shape(sizes.begin(), sizes.end());
  const edge_nn_status status =
      nn_model_reserve_output(model, index, port.info.type, static_cast<uint32_t>(shape.size()), shape.data());
  if (status) return status;
  if (port.value.bytes > 0) {
    const size_t count = port.value.bytes / nn_type_size(port.info.type);
    std::vector<int32_t> narrow(port.info.type == EDGE_NN_I64 ? count : 0);
    MNNForgetMessages();
    const HostTensor host = host_over(tensor, narrow.empty() ? port.data : narrow.data());
    if (!tensor->host<void>() || !tensor->copyToHostTensor(host.get()) || *MNNKeptMessages())
      return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "MNN does not give output %s%s", port.info.name, said().c_str());
    int64_t *wide = static_cast<int64_t *>(port.data);
    for (size_t i = 0; i < narrow.size(); i++) wide[i] = narrow[i];
  }
  port.ready = true;
  return EDGE_NN_OK;
}

edge_nn_status run(edge_nn_model *model) {
  MNNForgetMessages();
  Engine *engine = engine_of(model);
  edge_nn_status status = prepare(model);
  for (uint32_t i = 0; i < model->input_count && !status; i++) status = put_input(model, i);
  if (status) return status;
  MNNForgetMessages();
  const auto before = [](const std::vector<MNN::Tensor *> &, const MNN::OperatorInfo *layer) {
    nn_model_trace(layer->type().c_str(), layer->name().c_str());
    return true;
  };
  const auto after = [](const std::vector<MNN::Tensor *> &, const MNN::OperatorInfo *) { return true; };
  const MNN::ErrorCode code = engine->traced
                                  ? engine->net->runSessionWithCallBackInfo(engine->session, before, after)
                                  : engine->net->runSession(engine->session);
  if (code != MNN::NO_ERROR)
    return nn_model_fail(model, status_of(code), "MNN failed to run the model (%d)%s", code, said().c_str());
  for (uint32_t i = 0; i < model->output_count && !status; i++) status = take_output(model, i);
  return status;
}

}  // namespace

const char nn_adapter_name[] = "mnn";

const char *nn_adapter_version(void) { return MNN::getVersion(); }

NN_ADAPTER(Engine, "MNN", load, run)
