/* nn_library.h: a shared library opened with dlopen, and the functions that are wanted of it. */
#ifndef EDGE_NN_LIBRARY_H
#define EDGE_NN_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name;
  void *slot; /* address of a function pointer of the caller's, which is filled */
} nn_symbol;

/* Opens the library at `path` and fills `count` slots. It stays open until the process ends. `what` is its name in messages ("the
 * engine"). On failure false, the slots are not to be used, and a sentence is in `message`, a buffer of `size` bytes. */
bool nn_library_open(const char *path, const char *what, const nn_symbol *symbols, size_t count, char *message,
                     size_t size);

/* The same for the library `file` in the folder of the program or library that `own`, an address, is part of. */
bool nn_library_open_beside(const void *own, const char *file, const char *what, const nn_symbol *symbols,
                            size_t count, char *message, size_t size);

#ifdef __cplusplus
}
#endif
#endif
