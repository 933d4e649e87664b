/*
 * ARM NN behind edge_nn.h, through its parser of LiteRT's files.
 *
 * Layers run on CpuAcc, the Compute Library, and those that it does not take on
 * CpuRef, which is slow. Both are plugins that ARM NN looks for in a folder of
 * its own; it finds them once, so all models share one runtime, which is held
 * until the program ends: a second runtime takes the first one's plugins away
 * when it is deleted.
 *
 * Results of concatenations: CpuAcc lets the layers before one write straight
 * into its result, each into every so many elements of it. The Compute Library
 * 24.11 takes sums, differences and products of equal shapes, and activations,
 * for one row of numbers when their inputs are dense, and does not look whether
 * the result is: those values go to wrong places, and no error tells. So every
 * concatenation here copies (`keep_dense`).
 *
 * ARM NN throws; all of it is caught here. It prints nothing once its log is off.
 */
#include "nn_adapter.hpp"

#include <armnn/ArmNN.hpp>
#include <armnn/IStrategy.hpp>
#include <armnn/Logging.hpp>
#include <armnnTfLiteParser/ITfLiteParser.hpp>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace {

using Binding = armnn::BindingPointInfo; /* a number, and the tensor's type and shape */

/* Models share the runtime and the Compute Library's threads. */
std::mutex one_at_a_time;

armnn::IRuntime &shared_runtime() {
  static armnn::IRuntime *const runtime = [] {
    armnn::ConfigureLogging(false, false, armnn::LogSeverity::Fatal);
    return armnn::IRuntime::Create(armnn::IRuntime::CreationOptions()).release();
  }();
  return *runtime;
}

struct Engine {
  armnn::NetworkId network = 0;
  bool loaded = false;
  std::vector<Binding> inputs, outputs; /* as the ports are ordered */

  Engine() = default;
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;
  ~Engine() {
    if (!loaded) return;
    try {
      const std::lock_guard<std::mutex> alone(one_at_a_time);
      shared_runtime().UnloadNetwork(network);
    } catch (...) {
      /* The runtime keeps it then: nobody is left to be told. */
    }
  }
};

constexpr auto engine_of = nn::engine_of<Engine>;

/* Whether ARM NN's tensor holds the port's type. */
bool holds(const armnn::TensorInfo &tensor, edge_nn_type type) {
  switch (type) {
    case EDGE_NN_F32: return tensor.GetDataType() == armnn::DataType::Float32;
    case EDGE_NN_I8: return tensor.GetDataType() == armnn::DataType::QAsymmS8 || tensor.GetDataType() == armnn::DataType::QSymmS8;
    case EDGE_NN_U8: return tensor.GetDataType() == armnn::DataType::QAsymmU8;
    case EDGE_NN_I32: return tensor.GetDataType() == armnn::DataType::Signed32;
    case EDGE_NN_I64: return tensor.GetDataType() == armnn::DataType::Signed64;
  }
  return false;
}

/* ---- loading ---- */

/* Makes concatenations copy: ARM NN lets no layer write into the result of one that has an input with a shape of its own. The shape is the
 * same one that the input has anyway. */
class KeepDense : public armnn::IStrategy {
 public:
  void ExecuteStrategy(const armnn::IConnectableLayer *layer, const armnn::BaseDescriptor &,
                       const std::vector<armnn::ConstTensor> &, const char *, const armnn::LayerBindingId) override {
    if (layer->GetType() != armnn::LayerType::Concat) return;
    /* The network is ours to change; visitors are shown it as constant. */
    armnn::IInputSlot &slot = const_cast<armnn::IConnectableLayer *>(layer)->GetInputSlot(0);
    slot.SetTensorInfo(slot.GetConnection()->GetTensorInfo());
  }
};

void keep_dense(const armnn::INetwork &network) {
  KeepDense strategy;
  network.ExecuteStrategy(strategy);
}

/* The first of ARM NN's messages that is an error, after ": "; "" when there is none. */
std::string first_error(const std::vector<std::string> &messages) {
  for (const std::string &message : messages)
    if (message.compare(0, 5, "ERROR") == 0) return ": " + nn::line_of(message);
  return "";
}

/* The network, prepared for the processor and given to the runtime, which owns it from then on. */
edge_nn_status give_network(edge_nn_model *model, const armnn::INetwork &network, int threads) {
  Engine *engine = engine_of(model);
  armnn::IRuntime &runtime = shared_runtime();
  armnn::OptimizerOptionsOpaque options;
  options.AddModelOption(armnn::BackendOptions("CpuAcc", {{"NumberOfThreads", static_cast<unsigned int>(threads)}}));
  std::vector<std::string> messages;
  armnn::IOptimizedNetworkPtr optimized(nullptr, nullptr);
  try {
    optimized = armnn::Optimize(network, {"CpuAcc", "CpuRef"}, runtime.GetDeviceSpec(), options,
                                armnn::Optional<std::vector<std::string> &>(messages));
  } catch (const armnn::Exception &error) {
    const std::string told = first_error(messages);
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "ARM NN cannot prepare the model%s",
                         told.empty() ? (": " + nn::line_of(error.what())).c_str() : told.c_str());
  }
  if (!optimized)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "ARM NN cannot prepare the model%s", first_error(messages).c_str());
  std::string why;
  if (runtime.LoadNetwork(engine->network, std::move(optimized), why) != armnn::Status::Success)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "ARM NN does not load the model: %s", nn::line_of(why).c_str());
  engine->loaded = true;
  return EDGE_NN_OK;
}

/* Whether the file has a port that is called so. */
bool names(const std::vector<std::string> &known, const char *name) {
  for (const std::string &one : known)
    if (one == name) return true;
  return false;
}

/* Finds the file's inputs and outputs, which must be the declared ones, each of the declared type. */
edge_nn_status find_ports(edge_nn_model *model, const armnnTfLiteParser::ITfLiteParser &parser) {
  Engine *engine = engine_of(model);
  const std::vector<std::string> inputs = parser.GetSubgraphInputTensorNames(0), outputs = parser.GetSubgraphOutputTensorNames(0);
  if (inputs.size() != model->input_count)
    return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model has %zu inputs, and %u are declared", inputs.size(), model->input_count);
  for (uint32_t i = 0; i < model->input_count; i++) {
    const nn_port &port = model->inputs[i];
    if (!names(inputs, port.blob)) return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model has no input %s", port.blob);
    engine->inputs.push_back(parser.GetNetworkInputBindingInfo(0, port.blob));
    engine->inputs.back().second.SetConstant(true); /* as what is put in must say of itself */
    if (!holds(engine->inputs.back().second, port.info.type))
      return nn_model_fail(model, EDGE_NN_ERR_TYPE, "input %s is not %s in the model", port.info.name, nn_type_name(port.info.type));
  }
  for (uint32_t i = 0; i < model->output_count; i++) {
    const nn_port &port = model->outputs[i];
    if (!names(outputs, port.blob)) return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model has no output %s", port.blob);
    engine->outputs.push_back(parser.GetNetworkOutputBindingInfo(0, port.blob));
    if (!holds(engine->outputs.back().second, port.info.type))
      return nn_model_fail(model, EDGE_NN_ERR_TYPE, "output %s is not %s in the model", port.info.name, nn_type_name(port.info.type));
  }
  if (outputs.size() != model->output_count)
    return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model has %zu outputs, and %u are declared", outputs.size(), model->output_count);
  return EDGE_NN_OK;
}

edge_nn_status load(edge_nn_model *model, const char *path, int threads) {
  const std::lock_guard<std::mutex> alone(one_at_a_time);
  engine_of(model) = new Engine;
  /* The runtime first: it turns the log off, into which the parser writes, too. */
  shared_runtime();
  const armnnTfLiteParser::ITfLiteParserPtr parser = armnnTfLiteParser::ITfLiteParser::Create();
  const armnn::INetworkPtr network = parser->CreateNetworkFromBinaryFile(path);
  if (!network) return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "ARM NN cannot read %s", path);
  const edge_nn_status status = find_ports(model, *parser);
  if (status) return status;
  keep_dense(*network);
  return give_network(model, *network, threads);
}

/* ---- running ---- */

/* Makes room for a result of the shape that the network states. */
edge_nn_status reserve(edge_nn_model *model, uint32_t index) {
  const armnn::TensorInfo &tensor = engine_of(model)->outputs[index].second;
  const armnn::TensorShape &sizes = tensor.GetShape();
  const bool scalar = sizes.GetDimensionality() == armnn::Dimensionality::Scalar;
  const uint32_t rank = scalar ? 0 : sizes.GetNumDimensions();
  if (rank > EDGE_NN_MAX_RANK)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s has %u dimensions", model->outputs[index].info.name, rank);
  int64_t shape[EDGE_NN_MAX_RANK];
  for (uint32_t i = 0; i < rank; i++) shape[i] = sizes[i];
  const edge_nn_status status = nn_model_reserve_output(model, index, model->outputs[index].info.type, rank, shape);
  if (status) return status;
  if (model->outputs[index].value.bytes != tensor.GetNumBytes())
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s has %u bytes", model->outputs[index].info.name, tensor.GetNumBytes());
  return EDGE_NN_OK;
}

edge_nn_status run(edge_nn_model *model) {
  const std::lock_guard<std::mutex> alone(one_at_a_time);
  const Engine *engine = engine_of(model);
  armnn::InputTensors inputs;
  armnn::OutputTensors outputs;
  for (uint32_t i = 0; i < model->input_count; i++) {
    const nn_port &port = model->inputs[i];
    const Binding &binding = engine->inputs[i];
    if (port.value.bytes != binding.second.GetNumBytes())
      return nn_model_fail(model, EDGE_NN_ERR_SHAPE, "input %s is of another shape than the model was converted for", port.info.name);
    inputs.emplace_back(binding.first, armnn::ConstTensor(binding.second, port.data));
  }
  for (uint32_t i = 0; i < model->output_count; i++) {
    const edge_nn_status status = reserve(model, i);
    if (status) return status;
    const Binding &binding = engine->outputs[i];
    outputs.emplace_back(binding.first, armnn::Tensor(binding.second, model->outputs[i].data));
  }
  if (shared_runtime().EnqueueWorkload(engine->network, inputs, outputs) != armnn::Status::Success)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "ARM NN failed to run the model");
  for (uint32_t i = 0; i < model->output_count; i++) model->outputs[i].ready = true;
  return EDGE_NN_OK;
}

}  // namespace

const char nn_adapter_name[] = "armnn";

const char *nn_adapter_version(void) { return ARMNN_VERSION; }

NN_ADAPTER(Engine, "ARM NN", load, run)
