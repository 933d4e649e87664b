/*
 * TensorRT 8.2 behind edge_nn.h.
 *
 * Compiled against the headers of the archive that the libraries are in: its C++ interface is made of virtual functions, whose order is theirs. A
 * file .onnx is parsed and built to a plan on the board, once: the plan is kept. A file .tensorrt is such a plan, made by its
 * owner for this version and this GPU. TensorRT reports by a logger that lives as long as the process.
 */
#include "nn_adapter.hpp"

#include <NvInfer.h>
#include <NvInferPlugin.h>
#include <NvOnnxParser.h>
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using nvinfer1::Dims;

/* Largest memory that a layer may take while it runs, by default: a quarter of what an app has on a board of 4 GB. Option workspace-mb. */
constexpr size_t usual_workspace_mb = 512;

/* How far a build is, as its log tells: layers of the network whose variants were timed. */
struct Build {
  edge_nn_model *model;
  int layers;
  std::set<std::string> timed;
};

/* ---- what TensorRT says ---- */

/* Keeps the last error of each thread; lines on timed layers become progress. Called by whatever thread TensorRT likes. */
class Log final : public nvinfer1::ILogger {
 public:
  static thread_local std::string error;
  static thread_local Build *build;

  void log(Severity severity, const char *text) noexcept override {
    try {
      if (severity <= Severity::kERROR) error = nn::line_of(text ? text : "");
      else if (build && text) note(text);
    } catch (...) { /* no memory for a message: the status alone tells */
    }
  }

 private:
  static void note(const std::string &text) {
    static const std::string mark = "Timing Runner: ";
    const size_t at = text.find(mark);
    if (at == std::string::npos || build->layers < 1) return;
    build->timed.insert(text.substr(at + mark.size(), text.rfind(" (") - at - mark.size()));
    const int done = static_cast<int>(build->timed.size() < static_cast<size_t>(build->layers) ? build->timed.size() : build->layers);
    nn_model_progress(build->model, 10 + 80 * done / build->layers);
  }
};

thread_local std::string Log::error;
thread_local Build *Log::build = nullptr;

Log &logger() {
  static Log one;
  return one;
}

[[noreturn]] void fail(const std::string &what) {
  throw std::runtime_error(Log::error.empty() ? what : what + ": " + Log::error);
}

template <typename Made>
std::unique_ptr<Made> owned(Made *made, const char *what) {
  if (!made) fail(std::string("cannot make ") + what);
  return std::unique_ptr<Made>(made);
}

void check(cudaError_t status, const char *what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}

/* ---- the engine ---- */

/* Memory of the GPU, which grows as it is asked for. */
struct DeviceMemory {
  void *data = nullptr; /* owned */
  size_t capacity = 0;

  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;
  ~DeviceMemory() { cudaFree(data); }

  void reserve(size_t bytes) {
    if (bytes <= capacity && data) return;
    cudaFree(data);
    data = nullptr;
    capacity = 0;
    check(cudaMalloc(&data, bytes ? bytes : 1), "no memory on the GPU");
    capacity = bytes;
  }
};

/* A port of ours, and where TensorRT has it. */
struct Place {
  int binding = -1;
  DeviceMemory memory;
};

struct Engine {
  std::unique_ptr<nvinfer1::IRuntime> runtime; /* outlives what was made of it: members go from the last to the first */
  std::unique_ptr<nvinfer1::ICudaEngine> plan;
  std::unique_ptr<nvinfer1::IExecutionContext> context;
  std::unique_ptr<Place[]> inputs, outputs;
  std::vector<void *> bindings;
};

constexpr auto engine_of = nn::engine_of<Engine>;

bool is_type(nvinfer1::DataType given, edge_nn_type declared) {
  if (given == nvinfer1::DataType::kFLOAT) return declared == EDGE_NN_F32;
  return given == nvinfer1::DataType::kINT32 && (declared == EDGE_NN_I32 || declared == EDGE_NN_I64);
}

void find_port(const nvinfer1::ICudaEngine &plan, const nn_port &port, bool input, Place *place) {
  const std::string what = std::string(input ? "input " : "output ") + port.info.name;
  place->binding = plan.getBindingIndex(port.blob);
  if (place->binding < 0 || plan.bindingIsInput(place->binding) != input) throw std::runtime_error("the model has no " + what);
  if (plan.isShapeBinding(place->binding)) throw std::runtime_error(what + " is read as a shape, which is not supported");
  if (!is_type(plan.getBindingDataType(place->binding), port.info.type))
    throw std::runtime_error(what + " is of another type: TensorRT takes and gives f32, i32, and i64 as 32 bits");
}

/* False, with nothing kept, when the bytes are no plan for this version and this GPU. */
bool take_plan(Engine *engine, const void *data, size_t bytes) {
  Log::error.clear();
  engine->plan.reset(engine->runtime->deserializeCudaEngine(data, bytes));
  return engine->plan != nullptr;
}

/* ---- building ---- */

std::string content(const char *path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.is_open() || file.bad() || bytes.empty()) throw std::runtime_error(std::string("cannot read ") + path);
  return bytes;
}

long option(const edge_nn_model *model, const char *key, long usual, long most) {
  const char *text = nn_model_option(model, key);
  if (!text) return usual;
  char *end;
  const long value = std::strtol(text, &end, 10);
  if (*end || end == text || value < 0 || value > most)
    throw std::runtime_error(std::string("option ") + key + " must be from 0 to " + std::to_string(most));
  return value;
}

/* What a plan depends on beside model and version: the GPU. */
std::string device_text() {
  int device = 0;
  cudaDeviceProp about;
  check(cudaGetDevice(&device), "no GPU");
  check(cudaGetDeviceProperties(&about, device), "no GPU");
  about.name[sizeof about.name - 1] = '\0';
  return std::string(about.name) + " sm_" + std::to_string(about.major) + std::to_string(about.minor);
}

void parse(const char *path, nvinfer1::INetworkDefinition *network) {
  const auto parser = owned(nvonnxparser::createParser(*network, logger()), "a parser of ONNX");
  const std::string file = content(path);
  Log::error.clear();
  if (parser->parse(file.data(), file.size(), path)) return;
  const nvonnxparser::IParserError *error = parser->getNbErrors() > 0 ? parser->getError(0) : nullptr;
  if (!error) fail("cannot read the model");
  const std::string node = error->node() < 0 ? "" : " at node " + std::to_string(error->node());
  throw std::runtime_error("cannot read the model" + node + ": " + (error->desc() ? error->desc() : "no reason given"));
}

/* The least (0), largest (1) or declared dims of an input, where the network leaves them open. */
Dims bound(const nn_port &port, const Dims &network, bool largest) {
  Dims dims = network;
  if (static_cast<uint32_t>(network.nbDims) != port.info.rank)
    throw std::runtime_error(std::string("input ") + port.info.name + " has another number of dimensions than declared");
  for (int i = 0; i < network.nbDims; i++)
    if (network.d[i] < 0) dims.d[i] = largest ? port.info.dims[i].max : port.info.dims[i].min;
  return dims;
}

/* Tells TensorRT which shapes the declared inputs have. It is the fastest at the largest. */
void allow_shapes(edge_nn_model *model, nvinfer1::IBuilder *builder, nvinfer1::INetworkDefinition *network,
                  nvinfer1::IBuilderConfig *config) {
  nvinfer1::IOptimizationProfile *profile = builder->createOptimizationProfile(); /* the builder's */
  if (!profile) fail("cannot make a profile");
  bool open = false;
  for (int i = 0; i < network->getNbInputs(); i++) {
    nvinfer1::ITensor *tensor = network->getInput(i);
    const nn_port *port = nullptr;
    for (uint32_t j = 0; j < model->input_count; j++)
      if (std::strcmp(model->inputs[j].blob, tensor->getName()) == 0) port = &model->inputs[j];
    if (!port) throw std::runtime_error(std::string("the model's input ") + tensor->getName() + " is not declared");
    const Dims dims = tensor->getDimensions();
    const Dims least = bound(*port, dims, false), most = bound(*port, dims, true);
    bool is_open = false;
    for (int k = 0; k < dims.nbDims; k++) is_open = is_open || dims.d[k] < 0;
    if (!is_open) continue;
    open = true;
    using nvinfer1::OptProfileSelector;
    if (!profile->setDimensions(tensor->getName(), OptProfileSelector::kMIN, least) ||
        !profile->setDimensions(tensor->getName(), OptProfileSelector::kOPT, most) ||
        !profile->setDimensions(tensor->getName(), OptProfileSelector::kMAX, most))
      fail("TensorRT does not take the declared shapes");
  }
  if (open && config->addOptimizationProfile(profile) < 0) fail("TensorRT does not take the declared shapes");
}

std::unique_ptr<nvinfer1::IHostMemory> build(edge_nn_model *model, const char *path) {
  nn_model_progress(model, 0);
  Log::error.clear();
  const auto builder = owned(nvinfer1::createInferBuilder(logger()), "a builder");
  constexpr auto explicit_batch = 1U << static_cast<uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
  const auto network = owned(builder->createNetworkV2(explicit_batch), "a network");
  const auto config = owned(builder->createBuilderConfig(), "a configuration");
  parse(path, network.get());
  config->setMaxWorkspaceSize(static_cast<size_t>(option(model, "workspace-mb", usual_workspace_mb, 65536)) << 20);
  if (option(model, "fp16", 0, 1) && builder->platformHasFastFp16()) config->setFlag(nvinfer1::BuilderFlag::kFP16);
  allow_shapes(model, builder.get(), network.get(), config.get());
  nn_model_progress(model, 10);
  Build progress = {model, network->getNbLayers(), {}};
  Log::error.clear();
  Log::build = &progress;
  nvinfer1::IHostMemory *plan = builder->buildSerializedNetwork(*network, *config);
  Log::build = nullptr;
  if (!plan) fail("cannot build the model for this GPU");
  nn_model_progress(model, 90);
  return std::unique_ptr<nvinfer1::IHostMemory>(plan);
}

/* ---- loading ---- */

bool ends_with(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

void load_onnx(edge_nn_model *model, const char *path, Engine *engine) {
  const std::string device = device_text();
  {
    const nn::Kept kept(model, device.c_str());
    if (kept.data && take_plan(engine, kept.data, kept.bytes)) return;
  }
  const auto plan = build(model, path);
  if (!take_plan(engine, plan->data(), plan->size())) fail("cannot load what it built");
  nn_cache_write(model, device.c_str(), plan->data(), plan->size());
  nn_model_progress(model, 100);
}

edge_nn_status load(edge_nn_model *model, const char *path, int) {
  Engine *engine = engine_of(model) = new Engine;
  Log::error.clear();
  if (!initLibNvInferPlugins(&logger(), "")) fail("cannot register its plugins");
  engine->runtime = owned(nvinfer1::createInferRuntime(logger()), "a runtime");
  if (ends_with(path, ".onnx")) {
    load_onnx(model, path, engine);
  } else {
    const std::string plan = content(path);
    if (!take_plan(engine, plan.data(), plan.size())) fail("the file is no plan for this version and this GPU");
  }
  engine->context = owned(engine->plan->createExecutionContext(), "a context");
  engine->inputs.reset(new Place[model->input_count]);
  engine->outputs.reset(new Place[model->output_count]);
  engine->bindings.assign(static_cast<size_t>(engine->plan->getNbBindings()), nullptr);
  for (uint32_t i = 0; i < model->input_count; i++) find_port(*engine->plan, model->inputs[i], true, &engine->inputs[i]);
  for (uint32_t i = 0; i < model->output_count; i++) find_port(*engine->plan, model->outputs[i], false, &engine->outputs[i]);
  if (engine->bindings.size() != model->input_count + model->output_count)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "the model has other inputs or outputs than declared");
  return EDGE_NN_OK;
}

/* ---- running ---- */

size_t element_count(const edge_nn_tensor &value) { return value.bytes / nn_type_size(value.type); }

void give(Engine *engine, const nn_port &port, Place *place) {
  Dims dims = {};
  dims.nbDims = static_cast<int32_t>(port.value.rank);
  for (uint32_t i = 0; i < port.value.rank; i++) dims.d[i] = port.value.shape[i];
  if (!engine->context->setBindingDimensions(place->binding, dims))
    fail(std::string("TensorRT does not take input ") + port.info.name + " in this shape");
  std::vector<int32_t> narrow;
  const void *from = port.data;
  size_t bytes = port.value.bytes;
  if (port.info.type == EDGE_NN_I64) {
    const int64_t *values = static_cast<const int64_t *>(port.data);
    for (size_t i = 0; i < element_count(port.value); i++) {
      if (values[i] < std::numeric_limits<int32_t>::min() || values[i] > std::numeric_limits<int32_t>::max())
        throw std::runtime_error(std::string("input ") + port.info.name + " has a value of more than 32 bits");
      narrow.push_back(static_cast<int32_t>(values[i]));
    }
    from = narrow.data();
    bytes = narrow.size() * sizeof(int32_t);
  }
  place->memory.reserve(bytes);
  check(cudaMemcpy(place->memory.data, from, bytes, cudaMemcpyHostToDevice), "cannot copy to the GPU");
  engine->bindings[static_cast<size_t>(place->binding)] = place->memory.data;
}

edge_nn_status make_room(edge_nn_model *model, Engine *engine, uint32_t index) {
  nn_port &port = model->outputs[index];
  Place &place = engine->outputs[index];
  const Dims dims = engine->context->getBindingDimensions(place.binding);
  if (dims.nbDims < 0 || dims.nbDims > Dims::MAX_DIMS) fail(std::string("output ") + port.info.name + " has no shape");
  const std::vector<int64_t> shape(dims.d, dims.d + dims.nbDims);
  const edge_nn_status status = nn_model_reserve_output(model, index, port.info.type, static_cast<uint32_t>(dims.nbDims), shape.data());
  if (status) return status;
  place.memory.reserve(port.info.type == EDGE_NN_I64 ? port.value.bytes / 2 : port.value.bytes);
  engine->bindings[static_cast<size_t>(place.binding)] = place.memory.data;
  return EDGE_NN_OK;
}

void take(nn_port *port, const Place &place) {
  if (port->info.type != EDGE_NN_I64) {
    check(cudaMemcpy(port->data, place.memory.data, port->value.bytes, cudaMemcpyDeviceToHost), "cannot copy from the GPU");
  } else {
    std::vector<int32_t> narrow(element_count(port->value));
    check(cudaMemcpy(narrow.data(), place.memory.data, narrow.size() * sizeof(int32_t), cudaMemcpyDeviceToHost),
          "cannot copy from the GPU");
    int64_t *wide = static_cast<int64_t *>(port->data);
    for (size_t i = 0; i < narrow.size(); i++) wide[i] = narrow[i];
  }
  port->ready = true;
}

edge_nn_status run(edge_nn_model *model) {
  Engine *engine = engine_of(model);
  Log::error.clear();
  for (uint32_t i = 0; i < model->input_count; i++) give(engine, model->inputs[i], &engine->inputs[i]);
  for (uint32_t i = 0; i < model->output_count; i++) {
    const edge_nn_status status = make_room(model, engine, i);
    if (status) return status;
  }
  /* Synchronous: results are there when it returns. */
  if (!engine->context->executeV2(engine->bindings.data())) fail("failed to run the model");
  for (uint32_t i = 0; i < model->output_count; i++) take(&model->outputs[i], engine->outputs[i]);
  return EDGE_NN_OK;
}

}  // namespace

const char nn_adapter_name[] = "tensorrt";

/* The library's, not the headers': a plan is of this version and no other. */
const char *nn_adapter_version(void) {
  static const std::string version = [] {
    const int number = getInferLibVersion();
    return std::to_string(number / 1000) + "." + std::to_string(number / 100 % 10) + "." + std::to_string(number % 100);
  }();
  return version.c_str();
}

NN_ADAPTER(Engine, "TensorRT", load, run)
