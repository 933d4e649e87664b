#include "buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "utf8.h"

bool edge_buf_reserve(edge_buf *buf, size_t extra) {
  if (buf->failed) return false;
  if (extra >= SIZE_MAX / 2 - buf->len) {
    buf->failed = true;
    return false;
  }
  size_t need = buf->len + extra + 1;
  if (need <= buf->cap) return true;
  size_t cap = buf->cap < 64 ? 64 : buf->cap;
  while (cap < need) cap += cap / 2;
  char *data = realloc(buf->data, cap);
  if (!data) {
    buf->failed = true;
    return false;
  }
  buf->data = data;
  buf->cap = cap;
  return true;
}

void edge_buf_append(edge_buf *buf, const void *bytes, size_t len) {
  if (!edge_buf_reserve(buf, len)) return;
  if (len) memcpy(buf->data + buf->len, bytes, len);
  buf->len += len;
  buf->data[buf->len] = 0;
}

void edge_buf_str(edge_buf *buf, const char *text) { edge_buf_append(buf, text, strlen(text)); }

void edge_buf_printf(edge_buf *buf, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (len < 0 || !edge_buf_reserve(buf, (size_t)len)) return;
  va_start(args, format);
  vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
  va_end(args);
  buf->len += (size_t)len;
}

void edge_buf_json(edge_buf *buf, const char *text, size_t len) {
  const uint8_t *bytes = (const uint8_t *)text;
  edge_buf_append(buf, "\"", 1);
  for (size_t at = 0; at < len;) {
    uint8_t c = bytes[at];
    if (c >= 0x80) {
      bool valid;
      size_t step = edge_utf8_step(bytes + at, len - at, &valid);
      if (valid) edge_buf_append(buf, bytes + at, step);
      else edge_buf_str(buf, "\xef\xbf\xbd");
      at += step;
      continue;
    }
    if (c == '"' || c == '\\') edge_buf_printf(buf, "\\%c", c);
    else if (c == '\n') edge_buf_str(buf, "\\n");
    else if (c == '\t') edge_buf_str(buf, "\\t");
    else if (c < 0x20 || c == 0x7f) edge_buf_printf(buf, "\\u%04x", c);
    else edge_buf_append(buf, &c, 1);
    at++;
  }
  edge_buf_append(buf, "\"", 1);
}

void edge_utf8_clean(edge_buf *out, const uint8_t *bytes, size_t len) {
  size_t start = 0, at = 0;
  edge_buf_reserve(out, len);
  while (at < len) {
    bool valid;
    size_t step = edge_utf8_step(bytes + at, len - at, &valid);
    if (!valid) {
      edge_buf_append(out, bytes + start, at - start);
      edge_buf_str(out, "\xef\xbf\xbd");
      start = at + step;
    }
    at += step;
  }
  edge_buf_append(out, bytes + start, len - start);
}

void edge_buf_free(edge_buf *buf) {
  free(buf->data);
  memset(buf, 0, sizeof *buf);
}

bool edge_write_all(int fd, const void *bytes, size_t len) {
  const char *at = bytes;
  while (len > 0) {
    ssize_t done = write(fd, at, len);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && errno == EAGAIN) {
      struct pollfd wait = {.fd = fd, .events = POLLOUT};
      poll(&wait, 1, -1);
      continue;
    }
    if (done <= 0) return false;
    at += done;
    len -= (size_t)done;
  }
  return true;
}

static int read_all(int fd, size_t limit, edge_buf *buf) {
  struct stat info;
  if (fstat(fd, &info) != 0) return errno;
  if (S_ISDIR(info.st_mode)) return EISDIR;
  if (info.st_size > 0 && (uintmax_t)info.st_size > limit) return EFBIG;
  /* Files below /proc say 0: those are read in steps. */
  size_t step = info.st_size > 0 ? (size_t)info.st_size : 4096;
  for (;;) {
    if (!edge_buf_reserve(buf, step)) return ENOMEM;
    ssize_t got = read(fd, buf->data + buf->len, step);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    buf->len += (size_t)got;
    buf->data[buf->len] = 0;
    if (got == 0) return 0;
    if (buf->len > limit) return EFBIG;
    if ((size_t)got == step) step = 65536;
    else step -= (size_t)got;
  }
}

int edge_read_file(const char *path, size_t limit, edge_buf *buf) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  int error = read_all(fd, limit, buf);
  close(fd);
  if (error) edge_buf_free(buf);
  return error;
}
