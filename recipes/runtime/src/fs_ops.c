#include "fs_ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buffer.h"

#define LIST_LIMIT 100000

bool edge_fs_resolve(const char *base, const char *path, size_t len, char *out) {
  char joined[2 * PATH_MAX];
  size_t base_len = len && path[0] == '/' ? 0 : strlen(base);
  if (len == 0 || memchr(path, 0, len) || base_len + 1 + len >= sizeof joined) return false;
  memcpy(joined, base, base_len);
  joined[base_len] = '/';
  memcpy(joined + base_len + 1, path, len);
  joined[base_len + 1 + len] = 0;
  size_t used = 0;
  for (char *at = joined; *at;) {
    while (*at == '/') at++;
    size_t part = strcspn(at, "/");
    if (part == 2 && at[0] == '.' && at[1] == '.') {
      while (used > 0 && out[--used] != '/') continue;
    } else if (part > 0 && !(part == 1 && at[0] == '.')) {
      if (used + 1 + part >= PATH_MAX) return false;
      out[used++] = '/';
      memcpy(out + used, at, part);
      used += part;
    }
    at += part;
  }
  if (used == 0) out[used++] = '/';
  out[used] = 0;
  return true;
}

bool edge_fs_relocate(const edge_options *options, char *path) {
  const struct {
    const char *from, *to;
  } moves[] = {
      {"/app", options->app_dir}, {"/models", options->models_dir}, {"/data", options->data_dir}, {"/tmp", options->tmp_dir}};
  for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
    size_t len = strlen(moves[i].from);
    if (strncmp(path, moves[i].from, len) != 0 || (path[len] != 0 && path[len] != '/')) continue;
    char moved[2 * PATH_MAX];
    int used = snprintf(moved, sizeof moved, "%s%s", moves[i].to, path + len);
    return used > 0 && (size_t)used < sizeof moved && edge_fs_resolve("/", moved, (size_t)used, path);
  }
  return true;
}

bool edge_fs_writable(const edge_options *options, const char *path) {
  for (int i = 0; i < options->writable_count; i++) {
    char folder[PATH_MAX];
    if (!edge_fs_resolve("/", options->writable[i], strlen(options->writable[i]), folder)) continue;
    if (!edge_fs_relocate(options, folder)) continue;
    size_t len = strlen(folder);
    if (strncmp(path, folder, len) == 0 && (path[len] == '/' || len == 1)) return true;
  }
  return false;
}

/* Makes the rename itself last over a power loss. */
static int sync_folder(const char *path) {
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", path);
  char *slash = strrchr(folder, '/');
  if (!slash) return EINVAL;
  slash[slash == folder] = 0;
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  /* Some file systems cannot sync a folder: nothing more can be done there. */
  int error = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
  close(fd);
  return error;
}

int edge_fs_write(const char *path, const void *bytes, size_t len) {
  static atomic_uint serial;
  char temporary[PATH_MAX + 32];
  struct stat info;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) return EISDIR;
  snprintf(temporary, sizeof temporary, "%s.%ld.%u.tmp", path, (long)getpid(), atomic_fetch_add(&serial, 1));
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return errno;
  int error = edge_write_all(fd, bytes, len) && fsync(fd) == 0 ? 0 : errno;
  if (close(fd) != 0 && !error) error = errno;
  if (!error && rename(temporary, path) != 0) error = errno;
  if (error) {
    unlink(temporary);
    return error;
  }
  return sync_folder(path);
}

int edge_fs_stat(const char *path, edge_fs_info *out) {
  struct stat info;
  if (stat(path, &info) != 0) return errno;
  out->size = info.st_size;
  out->directory = S_ISDIR(info.st_mode);
  out->modified_ms = (double)info.st_mtim.tv_sec * 1e3 + (double)(info.st_mtim.tv_nsec / 1000000);
  return 0;
}

static int by_bytes(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

static int read_names(DIR *dir, char ***names, size_t *count) {
  size_t room = 0;
  for (;;) {
    errno = 0;
    struct dirent *entry = readdir(dir);
    if (!entry) return errno;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (*count == LIST_LIMIT) return EOVERFLOW;
    if (*count == room) {
      room = room ? room * 2 : 32;
      char **larger = realloc(*names, room * sizeof **names);
      if (!larger) return ENOMEM;
      *names = larger;
    }
    char *name = strdup(entry->d_name);
    if (!name) return ENOMEM;
    (*names)[(*count)++] = name;
  }
}

int edge_fs_list(const char *path, char ***names, size_t *count) {
  *names = NULL;
  *count = 0;
  DIR *dir = opendir(path);
  if (!dir) return errno;
  int error = read_names(dir, names, count);
  closedir(dir);
  if (error) {
    edge_fs_free_names(*names, *count);
    *names = NULL;
    *count = 0;
    return error;
  }
  if (*count) qsort(*names, *count, sizeof **names, by_bytes);
  return 0;
}

void edge_fs_free_names(char **names, size_t count) {
  for (size_t i = 0; i < count; i++) free(names[i]);
  free(names);
}

int edge_fs_remove(const char *path) {
  struct stat info;
  if (lstat(path, &info) != 0) return errno;
  int status = S_ISDIR(info.st_mode) ? rmdir(path) : unlink(path);
  return status ? errno : 0;
}

int edge_fs_mkdir(const char *path) {
  char part[PATH_MAX];
  struct stat info;
  snprintf(part, sizeof part, "%s", path);
  for (char *at = part + 1;; at++) {
    if (*at && *at != '/') continue;
    char end = *at;
    *at = 0;
    if (mkdir(part, 0755) != 0) {
      int error = errno;
      bool folder = stat(part, &info) == 0 && S_ISDIR(info.st_mode);
      if (!folder) return error == EEXIST && end ? ENOTDIR : error;
    }
    if (!end) return 0;
    *at = end;
  }
}
