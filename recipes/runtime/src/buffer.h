/* buffer.h: a growing byte buffer, JSON strings, whole-line writes. */
#ifndef EDGE_BUFFER_H
#define EDGE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Owns `data` (malloc); `data[len]` is always 0 once something was appended.
 * After an allocation failure `failed` is set and appends do nothing. */
typedef struct {
  char *data;
  size_t len, cap;
  bool failed;
} edge_buf;

/* Makes room for `extra` more bytes and the final 0. False when out of memory. */
bool edge_buf_reserve(edge_buf *buf, size_t extra);
void edge_buf_append(edge_buf *buf, const void *bytes, size_t len);
void edge_buf_str(edge_buf *buf, const char *text);
void edge_buf_printf(edge_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends `text` as a quoted JSON string; bytes that are no UTF-8 become U+FFFD. */
void edge_buf_json(edge_buf *buf, const char *text, size_t len);
/* Appends `bytes` as valid UTF-8, U+FFFD for what is not. */
void edge_utf8_clean(edge_buf *out, const uint8_t *bytes, size_t len);
/* Frees the content and makes the buffer empty again. */
void edge_buf_free(edge_buf *buf);

/* Writes all bytes to `fd`, also when it is non-blocking. False on an error. */
bool edge_write_all(int fd, const void *bytes, size_t len);

/* Reads the file `path` of at most `limit` bytes into `buf`. 0 or an errno (EFBIG above the limit). */
int edge_read_file(const char *path, size_t limit, edge_buf *buf);

#endif
