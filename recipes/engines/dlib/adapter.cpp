/*
 * Dlib behind edge_nn.h: two of its own models, whose types are fixed here. The ending of the model's file says which one it is.
 *
 * dlib-mmod       the face detector of max-margin object detection: a picture in, [N, 5] out, a face a row: left, top, right, bottom in
 *                 pixels (right and bottom are beyond the face) and a score, the surest first. N may be 0.
 * dlib-points  a predictor of points: a picture and one box (left, top, right, bottom) in, [points, 2] out, x and y in pixels.
 *
 * A picture is RGB bytes, [1, rows, columns, 3] or [rows, columns, 3].
 *
 * Dlib reads sizes out of the file and trusts them. While it reads, all memory that this library asks C++ for is counted
 * (-Wl,--wrap, recipe.yaml) and ends at a multiple of the file's size; afterwards what the file holds is checked before it is used.
 * A broken assertion of Dlib is an exception (DLIB_NO_ABORT_ON_2ND_FATAL_ERROR), and all exceptions end here.
 */
#include "nn_adapter.hpp"

#include <dlib/dnn.h>
#include <dlib/image_processing/shape_predictor.h>
#include <dlib/revision.h>

#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

/* ---- memory while a model is read ---- */

namespace {
/* Bytes that this thread may still ask for. */
thread_local size_t left_to_ask = std::numeric_limits<size_t>::max();

void charge(size_t bytes) {
  if (left_to_ask == std::numeric_limits<size_t>::max()) return;
  if (bytes > left_to_ask) throw std::bad_alloc();
  left_to_ask -= bytes;
}

struct Budget {
  explicit Budget(size_t bytes) { left_to_ask = bytes; }
  ~Budget() { left_to_ask = std::numeric_limits<size_t>::max(); }
  Budget(const Budget &) = delete;
  Budget &operator=(const Budget &) = delete;
};
}  // namespace

extern "C" {
void *__real__Znwm(size_t bytes);
void *__real__Znam(size_t bytes);
void *__wrap__Znwm(size_t bytes);
void *__wrap__Znam(size_t bytes);

/* operator new and new[], as what is linked into this library calls them. */
void *__wrap__Znwm(size_t bytes) {
  charge(bytes);
  return __real__Znwm(bytes);
}

void *__wrap__Znam(size_t bytes) {
  charge(bytes);
  return __real__Znam(bytes);
}
}

namespace {

using Picture = dlib::matrix<dlib::rgb_pixel>;
static_assert(sizeof(dlib::rgb_pixel) == 3, "pixels lie side by side");

/* ---- the detector's network ---- */

template <int filters, int side, int stride, typename Below>
using Block = dlib::relu<dlib::affine<dlib::con<filters, side, side, stride, stride, Below>>>;
using Pyramid = dlib::input_rgb_image_pyramid<dlib::pyramid_down<6>>;
using Small = Block<32, 5, 2, Block<32, 5, 2, Block<16, 5, 2, Pyramid>>>;
using Features = Block<45, 5, 1, Block<45, 5, 1, Block<45, 5, 1, Small>>>;
using Detector = dlib::loss_mmod<dlib::con<1, 9, 9, 1, 1, Features>>;

/* Weights of its convolutions from the last to the first, with a bias a filter. */
constexpr std::array<size_t, 7> detector_weights = {
    1 * 45 * 81 + 1,    45 * 45 * 25 + 45,  45 * 45 * 25 + 45, 45 * 32 * 25 + 45,
    32 * 32 * 25 + 32, 32 * 16 * 25 + 32, 16 * 3 * 25 + 16,
};

struct Engine {
  std::unique_ptr<Detector> detector;             /* of a model dlib-mmod */
  std::unique_ptr<dlib::shape_predictor> points; /* of a model dlib-points */
};

constexpr auto engine_of = nn::engine_of<Engine>;

/* ---- loading ---- */

bool ends_with(const std::string &text, const char *end) {
  const size_t length = std::strlen(end);
  return text.size() >= length && text.compare(text.size() - length, length, end) == 0;
}

/* Whether a picture is declared as this adapter takes it. */
bool takes_picture(const nn_port &port) {
  const uint32_t rank = port.info.rank;
  return port.info.type == EDGE_NN_U8 && (rank == 3 || rank == 4);
}

/* Reads the whole of `file` into `thing`. Throws what Dlib throws. */
template <typename Thing>
void read_whole(const std::string &path, Thing &thing) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw dlib::serialization_error("the file cannot be opened");
  const auto bytes = static_cast<size_t>(file.tellg());
  file.seekg(0);
  /* Dlib packs numbers into fewer bytes than they take in memory, at most eightfold, and containers grow by doubling. */
  try {
    const Budget budget(bytes * 24 + 4194304);
    deserialize(thing, file);
  } catch (const std::bad_alloc &) {
    throw dlib::serialization_error("the file asks for more memory than there is, or than a model of its size can need");
  }
  if (file.peek() != std::ifstream::traits_type::eof()) throw dlib::serialization_error("the file goes on after the model");
}

/* Throws when the file's network is not the one that faces are found with. */
void check_detector(Detector &net) {
  size_t layer = 0;
  bool same = true;
  dlib::visit_layer_parameters(net, [&](size_t, dlib::tensor &weights) {
    if (weights.size() == 0) return;
    same = same && layer < detector_weights.size() && weights.size() == detector_weights[layer];
    layer++;
  });
  const dlib::mmod_options &options = net.loss_details().get_options();
  const Pyramid &input = dlib::input_layer(net);
  same = same && layer == detector_weights.size() && options.detector_windows.size() == 1 && !options.use_bounding_box_regression;
  if (!same || input.get_pyramid_padding() > 64 || input.get_pyramid_outer_padding() > 64)
    throw dlib::serialization_error("the file holds another network than that of mmod_human_face_detector.dat");
}

edge_nn_status load_detector(edge_nn_model *model, const std::string &path) {
  if (model->input_count != 1 || !takes_picture(model->inputs[0]) || model->output_count != 1 ||
      model->outputs[0].info.type != EDGE_NN_F32)
    return nn_model_fail(model, EDGE_NN_ERR_MODEL,
                         "a model dlib-mmod takes a picture, u8 [1, rows, columns, 3], and gives f32 [any, 5]");
  auto net = std::make_unique<Detector>();
  read_whole(path, *net);
  check_detector(*net);
  /* What does not fit together shows now. */
  Picture small(40, 40);
  small = dlib::rgb_pixel(0, 0, 0);
  net->process(small);
  engine_of(model)->detector = std::move(net);
  return EDGE_NN_OK;
}

/* The parts of a shape_predictor as its file has them: it checks none of its indexes. */
struct PointParts {
  dlib::matrix<float, 0, 1> shape; /* x and y of each point */
  std::vector<std::vector<dlib::impl::regression_tree>> forests;
  std::vector<std::vector<unsigned long>> anchors;
  std::vector<std::vector<dlib::vector<float, 2>>> deltas;

  bool fits() const {
    const auto points = static_cast<unsigned long>(shape.size()) / 2;
    if (shape.size() < 2 || shape.size() % 2 != 0 || points > 1000) return false;
    if (forests.size() != anchors.size() || forests.size() != deltas.size()) return false;
    for (size_t i = 0; i < forests.size(); i++) {
      if (anchors[i].size() != deltas[i].size()) return false;
      for (const unsigned long anchor : anchors[i])
        if (anchor >= points) return false;
      for (const auto &tree : forests[i])
        if (!fits(tree, deltas[i].size())) return false;
    }
    return true;
  }

 private:
  bool fits(const dlib::impl::regression_tree &tree, size_t features) const {
    const size_t leaves = tree.leaf_values.size();
    if (leaves == 0 || (leaves & (leaves - 1)) != 0 || tree.splits.size() + 1 != leaves) return false;
    for (const auto &split : tree.splits)
      if (split.idx1 >= features || split.idx2 >= features) return false;
    for (const auto &leaf : tree.leaf_values)
      if (leaf.size() != shape.size()) return false;
    return true;
  }
};

void deserialize(PointParts &parts, std::istream &in) {
  int version = 0;
  dlib::deserialize(version, in);
  if (version != 1) throw dlib::serialization_error("the file holds no predictor of points");
  dlib::deserialize(parts.shape, in);
  dlib::deserialize(parts.forests, in);
  dlib::deserialize(parts.anchors, in);
  dlib::deserialize(parts.deltas, in);
}

edge_nn_status load_points(edge_nn_model *model, const std::string &path) {
  if (model->input_count != 2 || !takes_picture(model->inputs[0]) || model->inputs[1].info.type != EDGE_NN_F32 ||
      model->output_count != 1 || model->outputs[0].info.type != EDGE_NN_F32)
    return nn_model_fail(model, EDGE_NN_ERR_MODEL,
                         "a model dlib-points takes a picture, u8 [1, rows, columns, 3], and a box, f32 [4], and gives f32 [points, 2]");
  {
    PointParts parts;
    read_whole(path, parts);
    if (!parts.fits()) throw dlib::serialization_error("the parts of the predictor do not fit together");
  }
  auto points = std::make_unique<dlib::shape_predictor>();
  read_whole(path, *points);
  engine_of(model)->points = std::move(points);
  return EDGE_NN_OK;
}

/* Dlib's networks use one thread. */
edge_nn_status load(edge_nn_model *model, const std::string &path, int) {
  engine_of(model) = new Engine;
  if (ends_with(path, ".dlib-mmod")) return load_detector(model, path);
  if (ends_with(path, ".dlib-points")) return load_points(model, path);
  return nn_model_fail(model, EDGE_NN_ERR_MODEL, "%s ends in neither .dlib-mmod nor .dlib-points", path.c_str());
}

/* ---- running ---- */

/* A copy of the pixels of an input. Throws for another shape than a picture's. */
Picture picture_of(const nn_port &port) {
  const edge_nn_tensor &value = port.value;
  const int32_t *sizes = value.shape + (value.rank == 4 ? 1 : 0);
  if (sizes[2] != 3 || (value.rank == 4 && value.shape[0] != 1))
    throw std::invalid_argument("a picture is [1, rows, columns, 3] or [rows, columns, 3]");
  if (sizes[0] < 1 || sizes[1] < 1) throw std::invalid_argument("the picture has no pixels");
  Picture picture(sizes[0], sizes[1]);
  std::memcpy(&picture(0, 0), port.data, static_cast<size_t>(sizes[0]) * static_cast<size_t>(sizes[1]) * 3);
  return picture;
}

edge_nn_status find_faces(edge_nn_model *model) {
  const std::vector<dlib::mmod_rect> faces = engine_of(model)->detector->process(picture_of(model->inputs[0]));
  const int64_t shape[2] = {static_cast<int64_t>(faces.size()), 5};
  const edge_nn_status status = nn_model_reserve_output(model, 0, EDGE_NN_F32, 2, shape);
  if (status) return status;
  nn_port &port = model->outputs[0];
  float *row = static_cast<float *>(port.data); /* faces.size() * 5 */
  for (const dlib::mmod_rect &face : faces) {
    *row++ = static_cast<float>(face.rect.left());
    *row++ = static_cast<float>(face.rect.top());
    *row++ = static_cast<float>(face.rect.right() + 1);
    *row++ = static_cast<float>(face.rect.bottom() + 1);
    *row++ = static_cast<float>(face.detection_confidence);
  }
  port.ready = true;
  return EDGE_NN_OK;
}

edge_nn_status find_points(edge_nn_model *model) {
  const nn_port &given = model->inputs[1];
  if (given.value.bytes != 4 * sizeof(float)) throw std::invalid_argument("a box is left, top, right, bottom");
  float box[4];
  std::memcpy(box, given.data, sizeof box);
  for (const float side : box)
    if (!(std::fabs(side) <= 1e6F)) throw std::invalid_argument("the box is not within a million pixels");
  if (box[2] <= box[0] || box[3] <= box[1]) throw std::invalid_argument("the box is empty");
  const dlib::rectangle face(std::lround(box[0]), std::lround(box[1]), std::lround(box[2]) - 1, std::lround(box[3]) - 1);
  const dlib::full_object_detection found = (*engine_of(model)->points)(picture_of(model->inputs[0]), face);
  const int64_t shape[2] = {static_cast<int64_t>(found.num_parts()), 2};
  const edge_nn_status status = nn_model_reserve_output(model, 0, EDGE_NN_F32, 2, shape);
  if (status) return status;
  nn_port &port = model->outputs[0];
  float *row = static_cast<float *>(port.data); /* num_parts * 2 */
  for (unsigned long i = 0; i < found.num_parts(); i++) {
    *row++ = static_cast<float>(found.part(i).x());
    *row++ = static_cast<float>(found.part(i).y());
  }
  port.ready = true;
  return EDGE_NN_OK;
}

edge_nn_status run(edge_nn_model *model) {
  return engine_of(model)->detector ? find_faces(model) : find_points(model);
}

}  // namespace

const char nn_adapter_name[] = "dlib";

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *nn_adapter_version(void) { return VERSION_TEXT(DLIB_MAJOR_VERSION, DLIB_MINOR_VERSION, DLIB_PATCH_VERSION); }

NN_ADAPTER(Engine, "Dlib", load, run)
