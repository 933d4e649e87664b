#include "nn_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool nn_library_open(const char *path, const char *what, const nn_symbol *symbols, size_t count, char *message,
                     size_t size) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    snprintf(message, size, "cannot open %s: %s", what, reason ? reason : path);
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    void *symbol = dlsym(library, symbols[i].name);
    if (!symbol) {
      snprintf(message, size, "%s does not export %s", what, symbols[i].name);
      dlclose(library);
      return false;
    }
    /* ISO C has no cast from void * to a function pointer; POSIX promises that the bytes are the same. */
    memcpy(symbols[i].slot, &symbol, sizeof symbol);
  }
  return true;
}

bool nn_library_open_beside(const void *own, const char *file, const char *what, const nn_symbol *symbols,
                            size_t count, char *message, size_t size) {
  Dl_info self;
  if (!dladdr(own, &self) || !self.dli_fname) {
    snprintf(message, size, "cannot tell the folder that %s lies in", what);
    return false;
  }
  const char *slash = strrchr(self.dli_fname, '/');
  size_t length = slash ? (size_t)(slash - self.dli_fname) + 1 : 0, rest = strlen(file) + 1;
  char *path = malloc(length + rest); /* freed below */
  if (!path) {
    snprintf(message, size, "no memory for a path");
    return false;
  }
  memcpy(path, self.dli_fname, length);
  memcpy(path + length, file, rest);
  bool opened = nn_library_open(path, what, symbols, count, message, size);
  free(path);
  return opened;
}
