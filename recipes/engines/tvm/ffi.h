/*
 * ffi.h: what the adapter uses of TVM's C interface (tvm-ffi 0.1, DLPack 1), declared by us.
 *
 * Every object begins with a header of 24 bytes that counts who holds it; what stands behind the header depends on the type.
 */
#ifndef EDGE_TVM_FFI_H
#define EDGE_TVM_FFI_H

#include <stddef.h>
#include <stdint.h>

/* Types of values. From OBJECT on they are objects. */
enum {
  FFI_NONE = 0,
  FFI_INT = 1,
  FFI_BOOL = 2,
  FFI_RAW_STRING = 8, /* a C string of the caller's, for arguments only */
  FFI_OBJECT = 64,
  FFI_ERROR = 67,
  FFI_FUNCTION = 68,
  FFI_TENSOR = 70,
  FFI_ARRAY = 71,
  FFI_MODULE = 73
};

typedef struct {
  uint64_t counts;
  int32_t type;
  uint32_t padding;
  void (*deleter)(void *self, int flags);
} ffi_object;

typedef struct {
  int32_t type;
  uint32_t padding; /* 0 */
  union {
    int64_t integer;
    const char *string;
    ffi_object *object;
  };
} ffi_value;

typedef struct {
  const char *data;
  size_t size;
} ffi_bytes;

typedef struct {
  ffi_object header;
  ffi_bytes kind, message, backtrace;
} ffi_error;

typedef struct {
  ffi_object header;
  ffi_value *items;
  int64_t count;
} ffi_array;

/* DLPack's codes of element types, and its processor. */
enum { DL_INT = 0, DL_UINT = 1, DL_FLOAT = 2 };
enum { DL_CPU = 1 };

typedef struct {
  void *data;
  struct {
    int32_t type, id;
  } device;
  int32_t rank;
  struct {
    uint8_t code, bits;
    uint16_t lanes;
  } element;
  int64_t *shape, *strides; /* strides: NULL for a dense tensor */
  uint64_t offset;          /* bytes from data to the first element */
} dl_tensor;

typedef struct dl_managed {
  dl_tensor tensor;
  void *context;
  void (*deleter)(struct dl_managed *self); /* called when nothing uses the tensor any more; may be NULL */
} dl_managed;

typedef struct {
  ffi_object header;
  dl_tensor tensor;
} ffi_tensor;

typedef struct {
  uint32_t major, minor, patch;
} ffi_version;

/* Functions give 0; else there is an error to be moved away. What they give is the caller's to release. */
void TVMFFIGetVersion(ffi_version *version);
int TVMFFIObjectDecRef(void *object);
int TVMFFIFunctionGetGlobal(const ffi_bytes *name, void **function);
int TVMFFIFunctionCall(void *function, ffi_value *arguments, int32_t count, ffi_value *result);
void TVMFFIErrorMoveFromRaised(void **error);
void TVMFFIErrorSetRaisedFromCStr(const char *kind, const char *message);
int TVMFFITensorFromDLPack(dl_managed *from, int32_t alignment, int32_t contiguous, void **tensor);

/* What compiled models call for loops over several threads: `work` for each of `tasks` tasks, or as many as there are threads when it is 0. */
typedef struct {
  void *barrier;
  int32_t tasks;
} tvm_group;
typedef int (*tvm_work)(int task, tvm_group *group, void *data);
typedef int (*tvm_launch)(tvm_work work, void *data, int tasks);
int TVMBackendParallelLaunch(tvm_work work, void *data, int tasks);

#endif
