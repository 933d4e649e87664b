/* JPEG by libjpeg-turbo, turned upright. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "image.h"

/* A progressive picture may repeat a few bytes' worth of scans thousands of times. */
#define SCANS_LIMIT 200
#define EXIF_LIMIT 65533

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf jump;
  char *message;
  size_t size;
} error_manager;

typedef struct {
  struct jpeg_progress_mgr base;
} progress_manager;

static void on_error(j_common_ptr info) {
  error_manager *manager = (error_manager *)info->err;
  char text[JMSG_LENGTH_MAX];
  manager->base.format_message(info, text);
  snprintf(manager->message, manager->size, "cannot decode the JPEG: %s", text);
  longjmp(manager->jump, 1);
}

static void on_message(j_common_ptr info, int level) {
  /* The library would go on with grey where a picture ends too early. */
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) on_error(info);
  if (level < 0) info->err->num_warnings++;
}

static void on_progress(j_common_ptr info) {
  j_decompress_ptr decoder = (j_decompress_ptr)info;
  error_manager *manager = (error_manager *)info->err;
  if (decoder->input_scan_number <= SCANS_LIMIT) return;
  snprintf(manager->message, manager->size, "cannot decode the JPEG: more than %d scans", SCANS_LIMIT);
  longjmp(manager->jump, 1);
}

static unsigned read_number(const uint8_t *at, int bytes, bool little) {
  unsigned value = 0;
  for (int i = 0; i < bytes; i++) value |= (unsigned)at[i] << 8 * (little ? i : bytes - 1 - i);
  return value;
}

/* Orientation in an EXIF segment, 1 when there is none or it is nonsense. */
static int exif_orientation(const uint8_t *data, size_t len) {
  if (len < 14 || memcmp(data, "Exif\0\0", 6) != 0) return 1;
  data += 6;
  len -= 6;
  bool little = data[0] == 'I' && data[1] == 'I';
  if (!little && !(data[0] == 'M' && data[1] == 'M')) return 1;
  size_t at = read_number(data + 4, 4, little);
  if (at > len || len - at < 2) return 1;
  unsigned count = read_number(data + at, 2, little);
  at += 2;
  for (; count > 0 && len - at >= 12; count--, at += 12) {
    if (read_number(data + at, 2, little) != 0x112) continue;
    unsigned value = read_number(data + at + 8, 2, little);
    return value >= 1 && value <= 8 ? (int)value : 1;
  }
  return 1;
}

static int find_orientation(j_decompress_ptr decoder) {
  for (jpeg_saved_marker_ptr marker = decoder->marker_list; marker; marker = marker->next)
    if (marker->marker == JPEG_APP0 + 1) return exif_orientation(marker->data, marker->data_length);
  return 1;
}

/* One row of CMYK, inverted as Adobe writes it or not, to RGB in place. */
static void cmyk_row(uint8_t *row, int32_t width, bool inverted) {
  for (int32_t x = 0; x < width; x++) {
    const uint8_t *cmyk = row + (size_t)x * 4;
    unsigned black = inverted ? cmyk[3] : 255u - cmyk[3];
    uint8_t rgb[3];
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)(((inverted ? cmyk[c] : 255u - cmyk[c]) * black + 127) / 255);
    memcpy(row + (size_t)x * 3, rgb, 3);
  }
}

/* Memory that must be freed after a jump: volatile pointers live in this struct. */
typedef struct {
  struct jpeg_decompress_struct decoder;
  error_manager errors;
  progress_manager progress;
  uint8_t *pixels, *row;
  int orientation;
} session;

static void read_rows(session *s, edge_image *out) {
  j_decompress_ptr decoder = &s->decoder;
  bool cmyk = decoder->out_color_space == JCS_CMYK;
  size_t stride = (size_t)out->width * 3;
  s->row = cmyk ? malloc((size_t)out->width * 4) : NULL;
  if (cmyk && !s->row) ERREXIT1(decoder, JERR_OUT_OF_MEMORY, 1);
  while (decoder->output_scanline < decoder->output_height) {
    uint8_t *target = s->pixels + (size_t)decoder->output_scanline * stride;
    JSAMPROW rows[1] = {cmyk ? s->row : target};
    if (jpeg_read_scanlines(decoder, rows, 1) != 1) continue;
    if (!cmyk) continue;
    cmyk_row(s->row, out->width, decoder->saw_Adobe_marker);
    memcpy(target, s->row, stride);
  }
}

static void decode(session *s, const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out) {
  j_decompress_ptr decoder = &s->decoder;
  jpeg_mem_src(decoder, bytes, (unsigned long)len);
  jpeg_save_markers(decoder, JPEG_APP0 + 1, EXIF_LIMIT);
  jpeg_read_header(decoder, TRUE);
  bool cmyk = decoder->jpeg_color_space == JCS_CMYK || decoder->jpeg_color_space == JCS_YCCK;
  decoder->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  decoder->dct_method = JDCT_ISLOW; /* the same bits on every core */
  int64_t pixels = (int64_t)decoder->image_width * decoder->image_height;
  if (decoder->image_width > EDGE_IMAGE_SIDE || decoder->image_height > EDGE_IMAGE_SIDE || pixels > max_pixels) {
    snprintf(s->errors.message, s->errors.size, "the picture has %u x %u pixels, %lld are allowed",
             decoder->image_width, decoder->image_height, (long long)max_pixels);
    longjmp(s->errors.jump, 1);
  }
  out->width = (int32_t)decoder->image_width;
  out->height = (int32_t)decoder->image_height;
  s->pixels = malloc(edge_image_bytes(out));
  if (!s->pixels) ERREXIT1(decoder, JERR_OUT_OF_MEMORY, 0);
  s->orientation = find_orientation(decoder);
  jpeg_start_decompress(decoder);
  read_rows(s, out);
  jpeg_finish_decompress(decoder);
}

/* Turns s->pixels upright into out. */
static bool turn(session *s, edge_image *out) {
  if (s->orientation == 1) {
    out->data = s->pixels;
    s->pixels = NULL;
    return true;
  }
  edge_image flat = {out->width, out->height, s->pixels};
  if (s->orientation >= 5) {
    out->width = flat.height;
    out->height = flat.width;
  }
  out->data = malloc(edge_image_bytes(out));
  if (out->data) edge_image_orient(&flat, s->orientation, out);
  return out->data != NULL;
}

bool edge_jpeg_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                      size_t size) {
  session *s = calloc(1, sizeof *s);
  if (!s) {
    snprintf(message, size, "out of memory");
    return false;
  }
  s->decoder.err = jpeg_std_error(&s->errors.base);
  s->errors.base.error_exit = on_error;
  s->errors.base.emit_message = on_message;
  s->errors.message = message;
  s->errors.size = size;
  bool ok = false;
  if (setjmp(s->errors.jump) == 0) {
    jpeg_create_decompress(&s->decoder);
    s->progress.base.progress_monitor = on_progress;
    s->decoder.progress = &s->progress.base;
    decode(s, bytes, len, max_pixels, out);
    ok = turn(s, out);
    if (!ok) snprintf(message, size, "out of memory");
  }
  jpeg_destroy_decompress(&s->decoder);
  free(s->row);
  free(s->pixels);
  free(s);
  return ok;
}
