/*
 * OpenCV's networks behind edge_nn.h.
 *
 * Numbers within a network are of 32 bits, floating. Inputs of whole numbers are
 * refused, since their arithmetic would be another one; results of whole numbers
 * (ArgMax) are taken where every value is one.
 *
 * OpenCV does not tell what a network takes and gives, and knows no tensors of
 * less than two dimensions: ports and the shapes of results are read from the
 * file (edge_onnx.h, in our build of the library).
 *
 * Errors come as exceptions, which are caught here; what OpenCV would log is
 * compiled away.
 */
#include "nn_adapter.hpp"

#include <cmath>
#include <cstring>
#include <edge_onnx.h>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <opencv2/dnn.hpp>
#include <string>
#include <vector>

namespace {

using Shape = std::vector<int64_t>; /* -1: a size that the file does not tell */

struct Engine {
  cv::dnn::Net net;
  std::vector<cv::String> names;    /* of the outputs, as the ports are ordered */
  std::map<std::string, Shape> shapes; /* of all outputs of the file */
  std::vector<cv::Mat> results;     /* of the last run; outputs point into them */
};

constexpr auto engine_of = nn::engine_of<Engine>;

/* Takes each part away that begins with `start` and ends with the first `end` behind it. */
void without(std::string *text, const char *start, const char *end) {
  size_t from = 0;
  while ((from = text->find(start, from)) != std::string::npos) {
    const size_t to = text->find(end, from + std::strlen(start));
    if (to == std::string::npos) return;
    text->erase(from, to + std::strlen(end) - from);
  }
}

/* What OpenCV says of an error, on one line: its inner errors carry places in its source, which tell a user nothing. */
std::string said(std::string text) {
  without(&text, "OpenCV(", "error: ");
  without(&text, "in function '", "'");
  std::string line;
  for (const char letter : text) {
    const bool blank = static_cast<unsigned char>(letter) <= ' ';
    if (!blank) line += letter;
    else if (!line.empty() && line.back() != ' ') line += ' ';
  }
  return line;
}

/* Runs `work`, and tells what OpenCV throws without its places. */
template <typename Work>
edge_nn_status plainly(edge_nn_model *model, Work work) {
  try {
    return work();
  } catch (const cv::Exception &error) {
    const bool memory = error.code == cv::Error::StsNoMem;
    return nn_model_fail(model, memory ? EDGE_NN_ERR_MEMORY : EDGE_NN_ERR_ENGINE, "OpenCV: %s", said(error.err).c_str());
  }
}

/* ---- loading ---- */

/* Every input of the file must be declared, and of f32; every declared output must be in it. */
edge_nn_status find_ports(edge_nn_model *model, const edge_onnx::Ports &ports) {
  Engine *engine = engine_of(model);
  for (uint32_t i = 0; i < model->input_count; i++)
    if (model->inputs[i].info.type != EDGE_NN_F32)
      return nn_model_fail(model, EDGE_NN_ERR_TYPE,
                           "input %s is %s: OpenCV's networks compute with f32 and take nothing else",
                           model->inputs[i].info.name, nn_type_name(model->inputs[i].info.type));
  for (const edge_onnx::Port &port : ports.inputs) {
    uint32_t i = 0;
    while (i < model->input_count && port.name != model->inputs[i].blob) i++;
    if (i == model->input_count)
      return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model's input %s is not declared", port.name.c_str());
  }
  for (const edge_onnx::Port &port : ports.outputs) engine->shapes[port.name] = port.shape;
  for (uint32_t i = 0; i < model->output_count; i++) {
    const nn_port &port = model->outputs[i];
    if (engine->shapes.count(port.blob) == 0)
      return nn_model_fail(model, EDGE_NN_ERR_MODEL, "the model has no output %s", port.info.name);
    engine->names.push_back(port.blob);
  }
  return EDGE_NN_OK;
}

edge_nn_status load_file(edge_nn_model *model, const char *path, int threads) {
  Engine *engine = engine_of(model) = new Engine;
  std::string file;
  {
    std::ifstream stream(path, std::ios::binary);
    file.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    if (!stream) return nn_model_fail(model, EDGE_NN_ERR_MODEL, "cannot read %s", path);
  }
  edge_onnx::Ports ports;
  if (!edge_onnx::read_ports(file.data(), file.size(), &ports))
    return nn_model_fail(model, EDGE_NN_ERR_MODEL, "%s is no ONNX file that is whole", path);
  const edge_nn_status status = find_ports(model, ports);
  if (status) return status;
  /* OpenCV has one set of threads for all networks. */
  if (cv::getNumThreads() != threads) cv::setNumThreads(threads);
  engine->net = cv::dnn::readNetFromONNX(file.data(), file.size());
  engine->net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
  engine->net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
  return EDGE_NN_OK;
}

/* ---- running ---- */

/* The shape of a result: OpenCV's, or the file's where OpenCV has put it into two dimensions. */
Shape shape_of(const cv::Mat &result, const Shape &stated) {
  Shape shape(result.size.p, result.size.p + result.dims);
  int64_t count = 1;
  for (const int64_t size : stated) {
    if (size < 0) return shape;
    count *= size;
  }
  return count == static_cast<int64_t>(result.total()) ? stated : shape;
}

/* Values of a result as whole numbers; false with the first that is none, or does not fit. */
template <typename Whole>
bool whole_numbers(const cv::Mat &result, Whole *target, double *wrong) {
  const size_t count = result.total();
  if (result.depth() == CV_32S) {
    for (size_t i = 0; i < count; i++) target[i] = static_cast<Whole>(result.ptr<int32_t>()[i]);
    return true;
  }
  for (size_t i = 0; i < count; i++) {
    *wrong = static_cast<double>(result.ptr<float>()[i]);
    /* Beyond 2^24 a float of 32 bits skips whole numbers. */
    if (!(std::fabs(*wrong) <= 16777216.0) || *wrong != std::floor(*wrong)) return false;
    if (*wrong < static_cast<double>(std::numeric_limits<Whole>::min()) ||
        *wrong > static_cast<double>(std::numeric_limits<Whole>::max()))
      return false;
    target[i] = static_cast<Whole>(*wrong);
  }
  return true;
}

bool fill(nn_port *port, const cv::Mat &result, double *wrong) {
  switch (port->info.type) {
    case EDGE_NN_F32: return false; /* is not converted */
    case EDGE_NN_I8: return whole_numbers(result, static_cast<int8_t *>(port->data), wrong);
    case EDGE_NN_U8: return whole_numbers(result, static_cast<uint8_t *>(port->data), wrong);
    case EDGE_NN_I32: return whole_numbers(result, static_cast<int32_t *>(port->data), wrong);
    case EDGE_NN_I64: return whole_numbers(result, static_cast<int64_t *>(port->data), wrong);
  }
  return false;
}

edge_nn_status take_output(edge_nn_model *model, uint32_t index) {
  Engine *engine = engine_of(model);
  nn_port *port = &model->outputs[index];
  cv::Mat &result = engine->results[index];
  if (!result.isContinuous()) result = result.clone();
  if (result.type() != CV_32FC1 && (result.type() != CV_32SC1 || port->info.type == EDGE_NN_F32))
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "OpenCV gives output %s as %s", port->info.name,
                         cv::typeToString(result.type()).c_str());
  const Shape shape = shape_of(result, engine->shapes[port->blob]);
  if (shape.size() > EDGE_NN_MAX_RANK)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s has %zu dimensions", port->info.name, shape.size());
  const uint32_t rank = static_cast<uint32_t>(shape.size());
  const edge_nn_status status = nn_model_reserve_output(model, index, port->info.type, rank, shape.data());
  if (status) return status;
  double wrong = 0;
  if (port->info.type == EDGE_NN_F32) {
    if (port->value.bytes > 0) std::memcpy(port->data, result.data, port->value.bytes);
  } else if (!fill(port, result, &wrong)) {
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "output %s: OpenCV gives %g, which is not of type %s", port->info.name,
                         wrong, nn_type_name(port->info.type));
  }
  port->ready = true;
  return EDGE_NN_OK;
}

edge_nn_status run_net(edge_nn_model *model) {
  Engine *engine = engine_of(model);
  for (uint32_t i = 0; i < model->input_count; i++) {
    const nn_port &port = model->inputs[i];
    const std::vector<int> sizes(port.value.shape, port.value.shape + port.value.rank);
    /* Over the port's own memory, which OpenCV copies. */
    cv::Mat value(sizes, CV_32F, port.data);
    value.dims = static_cast<int>(port.value.rank) == 1 ? 1 : value.dims;
    engine->net.setInput(value, port.blob);
  }
  engine->results.clear();
  engine->net.forward(engine->results, engine->names);
  if (engine->results.size() != model->output_count)
    return nn_model_fail(model, EDGE_NN_ERR_ENGINE, "OpenCV gives %zu of %u outputs", engine->results.size(),
                         model->output_count);
  edge_nn_status status = EDGE_NN_OK;
  for (uint32_t i = 0; i < model->output_count && !status; i++) status = take_output(model, i);
  return status;
}

edge_nn_status load(edge_nn_model *model, const char *path, int threads) {
  return plainly(model, [=] { return load_file(model, path, threads); });
}

edge_nn_status run(edge_nn_model *model) {
  return plainly(model, [=] { return run_net(model); });
}

}  // namespace

const char nn_adapter_name[] = "opencv-dnn";

const char *nn_adapter_version(void) { return CV_VERSION; }

NN_ADAPTER(Engine, "OpenCV", load, run)
