/*
 * net.h: a network of whole numbers in one file, and how it runs on the kernels of recipes/kernels.
 *
 * The file is read where it lies and never written; all of it is checked before anything of it is used (net_file.c, net_check.c). Numbers are
 * of 32 bits, the lowest byte first; places count bytes from the file's start. recipes/converters/edge writes it.
 *
 *   header     8 bytes "EDGENET\0"; version 2; CRC-32 of all bytes from 16 on; bytes of the file; bytes of the arena;
 *              then count and place of tensors, layers, inputs, outputs; two zeros. 64 bytes.
 *   tensor     where it is in the arena, a multiple of 64; its bytes. One byte a code, 0..255, channels last.
 *   layer      kind; place and bytes of its name; place and count of its inputs; its output; place and count of its parameters.
 *   port       place and bytes of its name; dimensions; eight sizes. float32, in ONNX's order.
 *
 * Values are numbered: tensors first, then inputs, then outputs. A layer's inputs are tensors, but for NET_QUANTIZE, which takes an
 * input; its output is a tensor, but for NET_DEQUANTIZE and NET_SOFTMAX, which give an output.
 */
#ifndef EDGE_NET_H
#define EDGE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge_kernels.h"
#include "threads.h"

#define NET_VERSION 2
#define NET_HEADER_BYTES 64
#define NET_MAX_TENSORS 65536
#define NET_MAX_LAYERS 65536
#define NET_MAX_PORTS 32
#define NET_MAX_ARENA (1u << 30)
#define NET_MAX_THREADS 64
/* Multiplications of a convolution below which threads cost more than they save. */
#define NET_LEAST_SHARED 65536
/* Where the places of arrays begin among a NET_CONV's parameters. */
#define NET_CONV_ARRAYS 23
#define NET_ERROR_BYTES 200

/*
 * Kinds of layers and their parameters. Names that end in `at` are places of arrays. `sizes, steps` are four sizes, the slowest first, and
 * four steps: the output is written in this order, and reads the input at the sum of index * step.
 */
typedef enum {
  /* Bits of the scale as float, zero; sizes, steps. y = clamp(round to even(x / scale) + zero), x / scale in single precision; NaN is 0. */
  NET_QUANTIZE = 1,
  /*
   * batch, height, width, channels, outputs, kernel height and width, strides, dilations, pads (top, left, bottom, right), groups,
   * scheme, format of weights and weight_zero2 as in edge_conv, input's zero, output's zero, lowest and highest code; weights_at, bias_at,
   * multipliers_at, shifts_at. EDGE_REQUANT_FIXED.
   */
  NET_CONV = 2,
  /* table_at: 256 bytes, the result of each code. */
  NET_TABLE = 3,
  /* zero and multiplier of a, zero and multiplier of b, shift, output's zero, lowest and highest code: as edge_add. */
  NET_ADD = 4,
  /*
   * batch, pixels, channels, pixels of b (1 or all), zeros of a and b, multiplier, shift, output's zero, lowest and highest code:
   * y = clamp(zero + (((a - za) * (b - zb) * multiplier + 2^(shift - 1)) >> shift)), in 64 bits, 1 <= shift <= 62.
   */
  NET_MULTIPLY = 5,
  /* batch, height, width, channels, kernel height and width, strides, pads: as edge_pool. */
  NET_MAXIMUM = 6,
  /*
   * The same, then input's zero, multiplier, shift, output's zero, lowest and highest code: the sum of (x - zero) over the window, which padding
   * adds nothing to, requantized as EDGE_REQUANT_FIXED.
   */
  NET_AVERAGE = 7,
  /* outer, then the bytes of each input of one step of it: the inputs' codes one behind the other. */
  NET_CONCAT = 8,
  /* batch, height, width, channels, output's height and width: as edge_resize, to the nearest. */
  NET_RESIZE = 9,
  /* sizes, steps. The same codes in another order. */
  NET_GATHER = 10,
  /* table_at: 256 floats, what each code is worth; sizes, steps. */
  NET_DEQUANTIZE = 11,
  /* table_at: 256 numbers without sign, what a code so far below its row's largest is worth; rows, columns. y = worth / sum of the row. */
  NET_SOFTMAX = 12
} net_kind;

/* A layer as the file has it. All pointers are into the file. */
typedef struct {
  uint32_t kind;
  const char *name; /* name_bytes bytes, no end mark */
  uint32_t name_bytes;
  const uint32_t *inputs; /* numbers of values */
  uint32_t input_count, output;
  const int32_t *params;
  uint32_t param_count;
  /* NET_CONV: into the block of packed weights, and what the kernels need. */
  size_t packed_at;
  edge_plan plan;
  bool shared; /* among threads */
} net_layer;

/* An input or output. `name` is in the file, name_bytes bytes. */
typedef struct {
  const char *name;
  uint32_t name_bytes, rank;
  int32_t shape[8];
  size_t count; /* floats */
} net_port;

/* A network that was opened: owns its four blocks and its threads; the file is the caller's, and stays until net_close. All zero before net_open. */
typedef struct {
  const uint8_t *file;
  size_t bytes;
  uint32_t tensor_count, layer_count, input_count, output_count;
  const uint32_t *tensors; /* in the file: place and bytes of each */
  net_port inputs[NET_MAX_PORTS], outputs[NET_MAX_PORTS];
  net_layer *layers;                         /* heap */
  uint8_t *packed, *arena, *workspace;       /* heap, EDGE_ALIGNMENT aligned */
  void *packed_block, *arena_block, *workspace_block; /* what free takes */
  size_t packed_bytes, arena_bytes;
  size_t workspace_bytes; /* of each thread */
  int thread_count;
  threads *pool; /* NULL when there is one thread */
  char error[NET_ERROR_BYTES];
} net;

/* Checks the file and makes ready what runs need, on so many threads (at least 1, at most NET_MAX_THREADS are taken). On failure false, and `error` says why; net_close is due in both cases. */
bool net_open(net *network, const void *file, size_t bytes, int threads);
void net_close(net *network);

/*
 * Runs layer `index`, 0 .. layer_count - 1, each once and in this order. `inputs` and `outputs` have the ports' floats. Allocates nothing. On failure
 * false, and `error` says why.
 */
bool net_run_layer(net *network, uint32_t index, const float *const *inputs, float *const *outputs);

/* "Conv", "Add", ...; "?" for an unknown kind. */
const char *net_kind_name(uint32_t kind);

/* ---- between the files of this folder ---- */

/* Sets `error` and returns false. */
bool net_fail(net *network, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `count` numbers of `size` bytes at `place` lie in the file, at a multiple of 4 bytes (or of 1 when size is 1). */
bool net_holds(const net *network, uint32_t place, uint64_t count, uint32_t size);

/* Bytes of a value: floats of ports count four. */
size_t net_value_bytes(const net *network, uint32_t value);

/* Checks a layer's parameters against its values, and plans convolutions. `most` has the largest code of each tensor, as far as layers before it tell. */
bool net_check_layer(net *network, net_layer *layer, uint8_t *most);

/* Fills `conv` with what the parameters of a NET_CONV say. */
void net_conv_of(const net_layer *layer, edge_conv *conv);

#endif
