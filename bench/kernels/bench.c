/*
 * Runs layers: bench VARIANT SCHEME H W CIN COUT KERNEL STRIDE DEPTHWISE RUNS, or without arguments one such line after the
 * other from /layers, and then, as the first process of an emulated machine, switches it off.
 *   VARIANT  auto, a53, a72, dot, neon64, or "plain" for the compiler's version (w8a8 only)
 *   SCHEME   w8a8 w7a7 w4a4 w2a2 w1a2 w1a1
 * Prints one JSON object: what ran, multiplications, a checksum of the output, nanoseconds of the fastest run, and processor
 * cycles of that run where Linux lets us read them (null in an emulator: counts come from outside then).
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"
#include "plain_conv.h"

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A cycle counter of this thread in user mode, or -1. */
static int open_cycles(void) {
  struct perf_event_attr attribute;
  memset(&attribute, 0, sizeof attribute);
  attribute.size = sizeof attribute, attribute.type = PERF_TYPE_HARDWARE, attribute.config = PERF_COUNT_HW_CPU_CYCLES;
  attribute.exclude_kernel = 1;
  return (int)syscall(SYS_perf_event_open, &attribute, 0, -1, -1, 0);
}
static int64_t read_cycles(int counter) {
  int64_t value = 0;
  return counter >= 0 && read(counter, &value, sizeof value) == (ssize_t)sizeof value ? value : -1;
}

static int find(const char *const *names, const char *name) {
  for (int i = 0; names[i] != NULL; i++)
    if (strcmp(names[i], name) == 0) return i;
  fprintf(stderr, "unknown: %s\n", name);
  exit(2);
}

/* A plugin of the emulator ends a region of counting when this runs. */
__attribute__((noinline, noipa)) void bench_mark(void) {
  __asm__ volatile("" ::: "memory");
}

static edge_status run_once(const conv_case *c, const edge_plan *plan, int plain, const void *packed, void *output, void *workspace) {
  if (plain) {
    plain_conv(&c->conv, plan->out_height, plan->out_width, &c->data, (const int8_t *)c->input, output);
    return EDGE_OK;
  }
  return edge_conv_run(packed, plan->packed_bytes, c->input, plan->input_bytes, output, plan->output_bytes, workspace,
                       plan->workspace_bytes, NULL);
}

static int run_layer(char **argv) {
  static const char *const variants[] = {"auto", "scalar", "a53", "a72", "dot", "neon32", "neon64", "plain", NULL};
  static const char *const schemes[] = {"w8a8", "w7a7", "w4a4", "w2a2", "w1a2", "w1a1", NULL};
  rng r = {42};
  conv_case c;
  edge_plan plan;
  const int plain = find(variants, argv[0]) == 7;
  const edge_variant variant = plain ? EDGE_VARIANT_SCALAR : (edge_variant)find(variants, argv[0]);
  const int32_t scheme = find(schemes, argv[1]), depthwise = atoi(argv[8]), runs = atoi(argv[9]);
  memset(&c, 0, sizeof c);
  edge_conv *conv = &c.conv;
  conv->batch = 1, conv->in_height = atoi(argv[2]), conv->in_width = atoi(argv[3]);
  conv->in_channels = atoi(argv[4]), conv->out_channels = atoi(argv[5]);
  conv->kernel_height = conv->kernel_width = atoi(argv[6]);
  conv->stride_height = conv->stride_width = atoi(argv[7]);
  conv->dilation_height = conv->dilation_width = 1;
  conv->pad_top = conv->pad_left = conv->pad_bottom = conv->pad_right = conv->kernel_width / 2;
  conv->groups = depthwise ? conv->in_channels : 1;
  conv->scheme = scheme, conv->requant = EDGE_REQUANT_FIXED;
  conv->input_signed = scheme <= EDGE_W4A4, conv->output_signed = 1;
  conv->weight_zero2 = scheme == EDGE_W2A2 ? 3 : 0;
  conv->clamp_low = -128, conv->clamp_high = 127;
  edge_status status = edge_conv_plan(conv, variant, &plan);
  if (status != EDGE_OK) {
    fprintf(stderr, "plan: %s\n", edge_status_text(status));
    return 1;
  }
  case_fill(&r, &c, &plan, 0);
  for (int32_t i = 0; i < conv->out_channels; i++)
    if (c.shift[i] < 0) c.shift[i] = 0;
  c.data.bias = c.bias;
  uint8_t *packed = take_aligned(plan.packed_bytes), *output = take_aligned(plan.output_bytes), *workspace = take_aligned(plan.workspace_bytes);
  status = edge_conv_prepare(conv, variant, &c.data, packed, plan.packed_bytes);
  /* No page may be touched first, and fault, while instructions are counted. */
  memset(output, 1, plan.output_bytes);
  memset(workspace, 1, plan.workspace_bytes);
  const int counter = open_cycles();
  int64_t best_ns = -1, best_cycles = -1;
  for (int32_t i = 0; i < runs && status == EDGE_OK; i++) {
    const int64_t from_cycles = read_cycles(counter), from = now();
    bench_mark();
    status = run_once(&c, &plan, plain, packed, output, workspace);
    bench_mark();
    const int64_t ns = now() - from, to_cycles = read_cycles(counter);
    if (best_ns < 0 || ns < best_ns) best_ns = ns, best_cycles = from_cycles < 0 || to_cycles < 0 ? -1 : to_cycles - from_cycles;
  }
  if (status != EDGE_OK) {
    fprintf(stderr, "run: %s\n", edge_status_text(status));
    return 1;
  }
  uint32_t hash = 2166136261u;
  for (size_t i = 0; runs > 0 && i < plan.output_bytes; i++) hash = (hash ^ output[i]) * 16777619u;
  const int64_t macs = (int64_t)plan.out_height * plan.out_width * conv->out_channels * conv->kernel_height * conv->kernel_width *
                       (conv->in_channels / conv->groups);
  printf("{\"kernel\":\"%s\",\"variant\":\"%s\",\"scheme\":\"%s\",\"macs\":%lld,\"checksum\":%u,\"packedBytes\":%zu,\"nanoseconds\":%lld,",
         plain ? "compiler" : plan.kernel, plain ? "plain" : edge_variant_name((edge_variant)plan.variant), argv[1], (long long)macs, hash,
         plan.packed_bytes, (long long)best_ns);
  if (best_cycles >= 0)
    printf("\"cycles\":%lld}\n", (long long)best_cycles);
  else
    printf("\"cycles\":null}\n");
  case_free(&c);
  free(packed), free(output), free(workspace);
  return 0;
}

/* Without arguments: the first process of an emulated machine. */
static int run_list(void) {
  FILE *list = fopen("/layers", "r");
  char line[256];
  int failed = list == NULL;
  while (list != NULL && fgets(line, sizeof line, list) != NULL) {
    char *words[10];
    int count = 0;
    for (char *word = strtok(line, " \n"); word != NULL && count < 10; word = strtok(NULL, " \n")) words[count++] = word;
    if (count == 10) failed |= run_layer(words);
  }
  printf("{\"done\":%s}\n", failed ? "false" : "true");
  fflush(stdout);
  sync();
  reboot(RB_POWER_OFF);
  return 1;
}

int main(int argc, char **argv) {
  if (argc == 1 && getpid() == 1) return run_list();
  if (argc == 11) return run_layer(argv + 1);
  fprintf(stderr, "bench VARIANT SCHEME H W CIN COUT KERNEL STRIDE DEPTHWISE RUNS\n");
  return 2;
}
