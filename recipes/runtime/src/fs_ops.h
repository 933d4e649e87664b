/* fs_ops.h: file operations without JavaScript. Each returns 0 or an errno. */
#ifndef EDGE_FS_OPS_H
#define EDGE_FS_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

/* Makes an absolute path without ".", ".." and double slashes; relative ones start at `base`.
 * `out` holds PATH_MAX bytes. False when it is too long or has a 0 inside. */
bool edge_fs_resolve(const char *base, const char *path, size_t len, char *out);
/* Puts /app, /models, /data and /tmp where the options say they are, in place: an app runs elsewhere as it does on the device. */
bool edge_fs_relocate(const edge_options *options, char *path);
/* Whether the resolved and relocated path lies below one of the writable folders. */
bool edge_fs_writable(const edge_options *options, const char *path);

typedef struct {
  int64_t size;
  bool directory;
  double modified_ms;
} edge_fs_info;

int edge_fs_write(const char *path, const void *bytes, size_t len);
int edge_fs_stat(const char *path, edge_fs_info *out);
/* Names sorted by bytes; free with edge_fs_free_names. */
int edge_fs_list(const char *path, char ***names, size_t *count);
void edge_fs_free_names(char **names, size_t count);
/* A file or an empty folder. */
int edge_fs_remove(const char *path);
/* With its parents; an existing folder is fine. */
int edge_fs_mkdir(const char *path);

#endif
