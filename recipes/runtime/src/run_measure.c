#include "run_measure.h"

#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "buffer.h"

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The count so far; 0 without a counter. */
static uint64_t count(const edge_measure *measure) {
  uint64_t value = 0;
  return measure->counter >= 0 && read(measure->counter, &value, sizeof value) == (ssize_t)sizeof value ? value : 0;
}

/* A file with one number, as sysfs has them; -1 without it. */
static long number_in(const char *path) {
  FILE *file = fopen(path, "r");
  long value = -1;
  if (!file) return -1;
  if (fscanf(file, "%ld", &value) != 1) value = -1;
  fclose(file);
  return value;
}

static long khz(void) { return number_in("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"); }
static long millidegrees(void) { return number_in("/sys/class/thermal/thermal_zone0/temp"); }

/* The most memory that this process has had at once, as the kernel tells it; -1 when it does not. */
static long peak_kilobytes(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long value = -1;
  while (file && value < 0 && fgets(line, sizeof line, file))
    if (sscanf(line, "VmHWM: %ld kB", &value) != 1) value = -1;
  if (file) fclose(file);
  return value;
}

void edge_measure_open(edge_measure *measure) {
  struct perf_event_attr what;
  memset(&what, 0, sizeof what);
  what.size = sizeof what;
  what.type = PERF_TYPE_HARDWARE;
  what.config = PERF_COUNT_HW_INSTRUCTIONS;
  what.inherit = 1;
  what.exclude_kernel = 1;
  what.exclude_hv = 1;
  measure->counter = (int)syscall(SYS_perf_event_open, &what, 0, -1, -1, 0UL);
}

void edge_measure_begin(edge_measure *measure) {
  if (measure->count == 0) measure->khz = khz(), measure->millidegrees = millidegrees();
  measure->from_ns = now();
  measure->from_instructions = count(measure);
}

void edge_measure_end(edge_measure *measure) {
  measure->instructions[measure->count] = count(measure) - measure->from_instructions;
  measure->ns[measure->count++] = now() - measure->from_ns;
}

/* [before,after], null for what is not known. */
static void print_pair(edge_buf *line, const char *key, long before, long after) {
  edge_buf_printf(line, ",\"%s\":", key);
  if (before < 0 || after < 0) edge_buf_str(line, "null");
  else edge_buf_printf(line, "[%ld,%ld]", before, after);
}

void edge_measure_print(const edge_measure *measure, int threads, int warm_up) {
  edge_buf line = {0};
  edge_buf_printf(&line, "{\"measured\":true,\"threads\":%d,\"warmUp\":%d,\"peakKb\":%ld,\"ns\":[", threads, warm_up,
                  peak_kilobytes());
  for (int i = 0; i < measure->count; i++) edge_buf_printf(&line, "%s%" PRId64, i ? "," : "", measure->ns[i]);
  edge_buf_str(&line, "],\"instructions\":");
  if (measure->counter < 0) edge_buf_str(&line, "null");
  for (int i = 0; measure->counter >= 0 && i < measure->count; i++)
    edge_buf_printf(&line, "%s%" PRIu64, i ? "," : "[", measure->instructions[i]);
  if (measure->counter >= 0) edge_buf_str(&line, "]");
  print_pair(&line, "kHz", measure->khz, khz());
  print_pair(&line, "milliCelsius", measure->millidegrees, millidegrees());
  edge_buf_str(&line, "}");
  if (!line.failed) puts(line.data);
  edge_buf_free(&line);
}
