/* run_measure.h: what runs of a model take: time, instructions, memory. */
#ifndef EDGE_RUN_MEASURE_H
#define EDGE_RUN_MEASURE_H

#include <stdint.h>

#define EDGE_REPEAT_LIMIT 10000

typedef struct {
  int counter; /* file descriptor of a perf event, or -1 where the kernel has none */
  int count;   /* of the runs below */
  int64_t from_ns;
  uint64_t from_instructions;
  int64_t ns[EDGE_REPEAT_LIMIT];
  uint64_t instructions[EDGE_REPEAT_LIMIT];
  long khz, millidegrees; /* before the first run; -1 where the board does not tell */
} edge_measure;

/* Counts the instructions that this process and all threads that it starts from now on execute outside of the kernel. */
void edge_measure_open(edge_measure *measure);
void edge_measure_begin(edge_measure *measure);
void edge_measure_end(edge_measure *measure);
/* One line of JSON. */
void edge_measure_print(const edge_measure *measure, int threads, int warm_up);

#endif
