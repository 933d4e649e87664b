/*
 * nn_cache.c: what an engine made of a model on this board, kept for the next start.
 *
 * An entry is one file: 16 letters, the key, the length, the SHA-256 of what follows, and that. Its name is the key: a SHA-256 of all that
 * decides the content. It is written beside its place, forced to the disk and renamed, so that a power cut leaves the old or the new one. A file that
 * does not begin so, is cut off or changed, is none: what it would hold is made again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn_model.h"
#include "nn_sha256.h"

#define LETTERS "edge-nn cache 1\n"
#define LETTER_BYTES 16
#define HEAD_BYTES (LETTER_BYTES + NN_SHA256_BYTES + 8 + NN_SHA256_BYTES)
#define NAME_LETTERS (2 * NN_SHA256_BYTES)
#define KEPT ".kept"
#define PART ".part"
#define NAME_ROOM (NAME_LETTERS + sizeof KEPT)

/* Entries are written, and old ones removed, by one thread at a time. */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

/* ---- the key ---- */

static void add_text(nn_sha256 *hash, const char *text) { nn_sha256_add(hash, text, strlen(text) + 1); }

static void add_port(nn_sha256 *hash, const nn_port *port) {
  const edge_nn_tensor_info *info = &port->info;
  const uint32_t sizes[] = {(uint32_t)info->type, info->rank, info->shape_count};
  add_text(hash, info->name);
  add_text(hash, port->blob);
  nn_sha256_add(hash, sizes, sizeof sizes);
  nn_sha256_add(hash, info->dims, info->rank * sizeof *info->dims);
  if (info->shape_count) nn_sha256_add(hash, info->shapes, (size_t)info->shape_count * info->rank * sizeof *info->shapes);
}

/* All of `count` bytes at `fd`, fewer at its end only; -1 on an error. */
static ssize_t read_whole(int fd, void *into, size_t count) {
  size_t used = 0;
  while (used < count) {
    ssize_t got = read(fd, (char *)into + used, count - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    used += (size_t)got;
  }
  return (ssize_t)used;
}

static bool add_file(nn_sha256 *hash, const char *path) {
  static const size_t room = 1 << 16;
  uint64_t length = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  uint8_t *bytes = fd < 0 ? NULL : malloc(room);
  ssize_t got = bytes ? 1 : -1;
  while (got > 0 && (got = read_whole(fd, bytes, room)) > 0) {
    nn_sha256_add(hash, bytes, (size_t)got);
    length += (uint64_t)got;
  }
  nn_sha256_add(hash, &length, sizeof length);
  free(bytes);
  if (fd >= 0) close(fd);
  return got == 0;
}

/* Of the engine and its version, the settings, the model's files, options and ports. */
static bool make_key(const edge_nn_model *model, const char *settings, uint8_t key[NN_SHA256_BYTES]) {
  nn_sha256 hash;
  bool read = true;
  nn_sha256_begin(&hash);
  add_text(&hash, nn_adapter_name);
  add_text(&hash, nn_adapter_version());
  add_text(&hash, settings);
  for (uint32_t i = 0; i < model->option_count; i++) {
    add_text(&hash, model->options[i].key);
    add_text(&hash, model->options[i].value);
  }
  for (uint32_t i = 0; i < model->input_count; i++) add_port(&hash, &model->inputs[i]);
  for (uint32_t i = 0; i < model->output_count; i++) add_port(&hash, &model->outputs[i]);
  for (uint32_t i = 0; i < model->file_count; i++) {
    add_text(&hash, model->files[i].role);
    read = read && add_file(&hash, model->files[i].path);
  }
  nn_sha256_end(&hash, key);
  return read;
}

/* The key in hexadecimal and `end`, into `name` (NAME_ROOM bytes). */
static void name_entry(const uint8_t key[NN_SHA256_BYTES], const char *end, char *name) {
  for (int i = 0; i < NN_SHA256_BYTES; i++) snprintf(name + 2 * i, 3, "%02x", key[i]);
  strcpy(name + NAME_LETTERS, end);
}

/* Whether a file of the folder was made here: nothing else is ever removed. */
static bool is_entry(const char *name) {
  return strspn(name, "0123456789abcdef") == NAME_LETTERS &&
         (strcmp(name + NAME_LETTERS, KEPT) == 0 || strcmp(name + NAME_LETTERS, PART) == 0);
}

static void make_head(const uint8_t key[NN_SHA256_BYTES], const void *data, size_t bytes, uint8_t head[HEAD_BYTES]) {
  nn_sha256 hash;
  memcpy(head, LETTERS, LETTER_BYTES);
  memcpy(head + LETTER_BYTES, key, NN_SHA256_BYTES);
  for (int i = 0; i < 8; i++) head[LETTER_BYTES + NN_SHA256_BYTES + i] = (uint8_t)((uint64_t)bytes >> (8 * i));
  nn_sha256_begin(&hash);
  nn_sha256_add(&hash, data, bytes);
  nn_sha256_end(&hash, head + HEAD_BYTES - NN_SHA256_BYTES);
}

/* ---- reading ---- */

/* What the entry at `fd` holds; NULL when it is none of this key. */
static void *read_entry(int fd, const uint8_t key[NN_SHA256_BYTES], size_t *bytes) {
  uint8_t head[HEAD_BYTES], wanted[HEAD_BYTES];
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= HEAD_BYTES) return NULL;
  if (read_whole(fd, head, sizeof head) != HEAD_BYTES) return NULL;
  size_t size = (size_t)info.st_size - HEAD_BYTES;
  uint8_t *data = malloc(size);
  if (data && read_whole(fd, data, size) == (ssize_t)size) {
    make_head(key, data, size, wanted);
    if (memcmp(head, wanted, sizeof head) == 0) return *bytes = size, data;
  }
  free(data);
  return NULL;
}

/* Removes what is kept of other models, engines and settings in this folder, and parts of files. */
static void remove_others(int folder, const char *name) {
  int copy = dup(folder);
  DIR *list = copy < 0 ? NULL : fdopendir(copy);
  if (!list) {
    if (copy >= 0) close(copy);
    return;
  }
  rewinddir(list);
  for (struct dirent *entry; (entry = readdir(list));)
    if (is_entry(entry->d_name) && strcmp(entry->d_name, name) != 0) unlinkat(folder, entry->d_name, 0);
  closedir(list);
}

void *nn_cache_read(edge_nn_model *model, const char *settings, size_t *bytes) {
  uint8_t key[NN_SHA256_BYTES];
  char name[NAME_ROOM];
  if (!model->cache || !make_key(model, settings, key)) return NULL;
  name_entry(key, KEPT, name);
  int folder = open(model->cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return NULL;
  int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  void *data = fd < 0 ? NULL : read_entry(fd, key, bytes);
  if (fd >= 0) close(fd);
  close(folder);
  return data;
}

/* ---- writing ---- */

/* Opens the folder, made with those above it as far as they are not there; -1 on an error. */
static int open_folder(const char *path) {
  char *part = strdup(path);
  if (!part) return -1;
  for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = '\0';
    mkdir(part, 0700); /* what is wrong is told by the open below */
    *slash = '/';
  }
  mkdir(part, 0700);
  free(part);
  return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool write_whole(int fd, const void *from, size_t count) {
  for (size_t used = 0; used < count;) {
    ssize_t put = write(fd, (const char *)from + used, count - used);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    used += (size_t)put;
  }
  return true;
}

/* Writes and names one entry. False, errno set, with nothing left behind. */
static bool write_entry(int folder, const uint8_t key[NN_SHA256_BYTES], const void *data, size_t bytes) {
  uint8_t head[HEAD_BYTES];
  char part[NAME_ROOM], name[NAME_ROOM];
  name_entry(key, PART, part);
  name_entry(key, KEPT, name);
  remove_others(folder, name);
  int fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  make_head(key, data, bytes, head);
  bool done = write_whole(fd, head, sizeof head) && write_whole(fd, data, bytes) && fsync(fd) == 0;
  int error = errno;
  if (close(fd) != 0 && done) error = errno, done = false;
  if (done && renameat(folder, part, folder, name) != 0) error = errno, done = false;
  /* The name, too, is on the disk before this is called kept. */
  if (done && fsync(folder) != 0) error = errno, done = false;
  else if (!done) unlinkat(folder, part, 0);
  errno = error;
  return done;
}

void nn_cache_write(edge_nn_model *model, const char *settings, const void *data, size_t bytes) {
  uint8_t key[NN_SHA256_BYTES];
  char message[NN_ERROR_BYTES];
  if (!model->cache || bytes == 0) return;
  errno = 0;
  bool done = make_key(model, settings, key);
  if (done) {
    pthread_mutex_lock(&writing);
    int folder = open_folder(model->cache);
    done = folder >= 0 && write_entry(folder, key, data, bytes);
    int error = errno;
    if (folder >= 0) close(folder);
    pthread_mutex_unlock(&writing);
    errno = error;
  }
  if (done || !model->not_kept) return;
  snprintf(message, sizeof message, "%s: %s", model->cache, strerror(errno));
  model->not_kept(model->user, message);
}
