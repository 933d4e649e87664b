// The same layers in ncnn, int8 in and int8 out, for comparison. As the first process of an emulated machine it takes lines of
// /layers as in bench.c ("ncnn w8a8 H W CIN COUT KERNEL STRIDE 0 1"; "ncnn-direct" does without Winograd), otherwise one layer as
// arguments. The layer is called by itself, with its input already int8 and packed as ncnn wants it; weights are transformed
// before counting starts.
#include <ncnn/layer.h>
#include <ncnn/modelbin.h>
#include <ncnn/paramdict.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

extern "C" __attribute__((noinline, noipa)) void bench_mark() { asm volatile("" ::: "memory"); }

namespace {

uint32_t state = 1;
int next_code() {
  state = state * 1664525u + 1013904223u;
  return static_cast<int>(state >> 24) % 127 - 63;
}

ncnn::Mat filled(int count, float value) {
  ncnn::Mat mat(count);
  mat.fill(value);
  return mat;
}

bool run_layer(bool direct, const int* shape) {
  const int height = shape[0], width = shape[1], in = shape[2], out = shape[3], kernel = shape[4], stride = shape[5];
  const int count = out * in * kernel * kernel;
  ncnn::Option option;
  option.num_threads = 1;
  option.use_winograd_convolution = !direct;
  std::unique_ptr<ncnn::Layer> layer(ncnn::create_layer("Convolution"));
  ncnn::ParamDict parameters;
  const int numbers[][2] = {{0, out}, {1, kernel}, {3, stride}, {4, kernel / 2}, {5, 1}, {6, count}, {8, 102}};
  for (const auto& number : numbers) parameters.set(number[0], number[1]);

  ncnn::Mat codes(count, static_cast<size_t>(1));
  // Within six bits, as ncnn2table makes them for its Winograd F(4,3).
  for (int i = 0; i < count; i++) static_cast<signed char*>(codes.data)[i] = static_cast<signed char>(next_code() / 2);
  // Weights, bias, one scale per output channel, scales of input and output.
  const ncnn::Mat mats[] = {codes, filled(out, 0.5f), filled(out, 32.0f), filled(1, 32.0f), filled(1, 4.0f)};
  bool failed = layer->load_param(parameters) != 0;
  failed |= layer->load_model(ncnn::ModelBinFromMatArray(mats)) != 0;
  failed |= layer->create_pipeline(option) != 0;

  ncnn::Mat input(width, height, in / 8, static_cast<size_t>(8), 8);
  const size_t bytes = input.cstep * 8 * static_cast<size_t>(in / 8);
  for (size_t i = 0; i < bytes; i++) static_cast<signed char*>(input.data)[i] = static_cast<signed char>(next_code());

  ncnn::Mat output;
  // Once before counting, so that no page is touched first.
  failed |= layer->forward(input, output, option) != 0;
  output.release();
  bench_mark();
  failed |= layer->forward(input, output, option) != 0;
  bench_mark();

  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < output.total() * output.elemsize; i++) hash = (hash ^ static_cast<unsigned char*>(output.data)[i]) * 16777619u;
  const long long out_height = (height + kernel / 2 * 2 - kernel) / stride + 1, out_width = (width + kernel / 2 * 2 - kernel) / stride + 1;
  std::printf("{\"kernel\":\"%s\",\"macs\":%lld,\"checksum\":%u,\"bits\":%d}\n", direct ? "ncnn-direct" : "ncnn", out_height * out_width * count, hash, output.elembits());
  layer->destroy_pipeline(option);
  return !failed && output.elembits() == 8;
}

// Runs the layer of one line; false when it fails. What is no layer is passed over.
bool run_line(const char* line) {
  char how[16];
  int shape[6];
  if (std::sscanf(line, "%15s %*s %d %d %d %d %d %d", how, &shape[0], &shape[1], &shape[2], &shape[3], &shape[4], &shape[5]) != 7) return true;
  return run_layer(std::strcmp(how, "ncnn-direct") == 0, shape);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    std::string line;
    for (int i = 1; i < argc; i++) line.append(argv[i]).append(" ");
    return run_line(line.c_str()) ? 0 : 1;
  }
  if (getpid() == 1) {
    // ncnn looks there for what the processor can do.
    mkdir("/proc", 0755);
    mount("proc", "/proc", "proc", 0, nullptr);
  }
  std::FILE* list = std::fopen("/layers", "r");
  char line[256];
  bool fine = list != nullptr;
  while (list != nullptr && std::fgets(line, sizeof line, list) != nullptr) fine &= run_line(line);
  std::printf("{\"done\":%s}\n", fine ? "true" : "false");
  std::fflush(stdout);
  sync();
  if (getpid() == 1) reboot(RB_POWER_OFF);
  return fine ? 0 : 1;
}
