/*
 * litert.h: what the adapter uses of LiteRT's C interface, as libLiteRt.so of 2.3.0 has it. No registry package of LiteRT has headers.
 *
 * Functions are pointers, which a table by name fills (nn_library.h). All return 0 on success but those that return nothing. Handles are
 * the library's; each is destroyed by its own function, unless it is said to be part of another.
 */
#ifndef EDGE_LITERT_H
#define EDGE_LITERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lrt_environment lrt_environment;
typedef struct lrt_model lrt_model;
typedef struct lrt_options lrt_options;
typedef struct lrt_opaque lrt_opaque; /* taken over by the options that it is added to */
typedef struct lrt_compiled lrt_compiled;
typedef struct lrt_signature lrt_signature;       /* part of the model */
typedef struct lrt_tensor lrt_tensor;             /* part of the model */
typedef struct lrt_requirements lrt_requirements; /* part of the compiled model */
typedef struct lrt_buffer lrt_buffer;

/* Results of functions. */
#define LRT_OK 0
#define LRT_NO_MEMORY 2

/* Element types, numbered as in the file format's schema. */
enum { LRT_F32 = 1, LRT_I32 = 2, LRT_U8 = 3, LRT_I64 = 4, LRT_I8 = 9 };

#define LRT_MAX_RANK 8

typedef struct {
  uint32_t rank : 7;
  uint32_t has_strides : 1;
  int32_t dims[LRT_MAX_RANK]; /* -1: not known before a run */
  uint32_t strides[LRT_MAX_RANK];
} lrt_layout;

typedef struct {
  int32_t element;
  lrt_layout layout;
} lrt_type;

_Static_assert(sizeof(lrt_type) == 72, "the library copies 72 bytes");

/* How an environment is set up. */
typedef struct {
  int32_t tag;
  struct {
    int32_t kind;
    union {
      int64_t number;
      const void *pointer;
    };
  } value;
} lrt_setting;

#define LRT_SETTING_NUMBER 2      /* kind */
#define LRT_SETTING_ACCELERATORS 24 /* tag: those that are registered, a set of bits */
#define LRT_SETTING_SEVERITY 25   /* tag: the least severe message that is printed */
#define LRT_CPU 1                 /* the set of accelerators that is the processor */
#define LRT_SILENT 4              /* beyond errors: nothing */

/* What integers mean, where all of a tensor mean the same: real = scale * (value - zero). */
typedef struct {
  float scale;
  int64_t zero;
} lrt_quantization;

enum { LRT_READ = 0, LRT_WRITE = 1 }; /* how a buffer is locked */

typedef struct {
  int (*create_environment)(int count, const lrt_setting *settings, lrt_environment **made);
  void (*destroy_environment)(lrt_environment *);
  int (*create_model)(lrt_environment *, const char *path, lrt_model **made);
  void (*destroy_model)(lrt_model *);
  int (*create_options)(lrt_options **made);
  void (*destroy_options)(lrt_options *);
  int (*set_accelerators)(lrt_options *, int set);
  /* `text` is freed by `release`. */
  int (*create_opaque)(const char *name, void *text, void (*release)(void *), lrt_opaque **made);
  int (*add_opaque)(lrt_options *, lrt_opaque *);
  int (*create_compiled)(lrt_environment *, lrt_model *, lrt_options *, lrt_compiled **made);
  void (*destroy_compiled)(lrt_compiled *);
  /* The text is the caller's, to be freed. */
  int (*get_messages)(lrt_compiled *, char **text);
  int (*clear_messages)(lrt_compiled *);
  int (*count_signatures)(lrt_model *, size_t *count);
  int (*get_signature)(lrt_model *, size_t index, lrt_signature **found);
  int (*count_inputs)(lrt_signature *, size_t *count);
  int (*count_outputs)(lrt_signature *, size_t *count);
  int (*input_name)(lrt_signature *, size_t index, const char **name);
  int (*output_name)(lrt_signature *, size_t index, const char **name);
  int (*input_tensor)(lrt_signature *, size_t index, lrt_tensor **found);
  int (*output_tensor)(lrt_signature *, size_t index, lrt_tensor **found);
  int (*get_type)(lrt_tensor *, lrt_type *type);
  int (*get_quantization)(lrt_tensor *, lrt_quantization *meaning); /* fails where there is none */
  int (*resize_input)(lrt_compiled *, size_t signature, size_t index, const int *dims, size_t rank);
  int (*input_requirements)(lrt_compiled *, size_t signature, size_t index, lrt_requirements **found);
  int (*output_requirements)(lrt_compiled *, size_t signature, size_t index, lrt_requirements **found);
  int (*output_layouts)(lrt_compiled *, size_t signature, size_t count, lrt_layout *layouts, bool update);
  int (*create_buffer)(lrt_environment *, const lrt_type *, lrt_requirements *, lrt_buffer **made);
  void (*destroy_buffer)(lrt_buffer *);
  int (*buffer_bytes)(lrt_buffer *, size_t *bytes);
  int (*lock)(lrt_buffer *, void **memory, int mode);
  int (*unlock)(lrt_buffer *);
  int (*run)(lrt_compiled *, size_t signature, size_t input_count, lrt_buffer **inputs, size_t output_count,
             lrt_buffer **outputs);
} lrt_functions;

#endif
