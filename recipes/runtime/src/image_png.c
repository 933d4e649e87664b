/* PNG by libpng: the samples as they are stored, without any conversion of colour. */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_decode.h"

/* All memory that must be freed after a jump. */
typedef struct {
  png_structp png;
  png_infop info;
  const uint8_t *at; /* what is not read yet; the caller's */
  size_t left;
  uint8_t *pixels;
  int orientation;
  char *message;
  size_t size;
} session;

static void on_error(png_structp png, png_const_charp text) {
  session *s = png_get_error_ptr(png);
  snprintf(s->message, s->size, "cannot decode the PNG: %s", text);
  png_longjmp(png, 1);
}

/* A chunk that does not change the picture may be damaged; these two do, and the library would leave them out. */
static void on_warning(png_structp png, png_const_charp text) {
  bool needed = strncmp(text, "tRNS: ", 6) == 0 || strncmp(text, "eXIf: ", 6) == 0;
  if (needed && strstr(text, "CRC error")) png_error(png, text);
}

static void read_bytes(png_structp png, png_bytep out, size_t count) {
  session *s = png_get_io_ptr(png);
  if (count > s->left) png_error(png, "the file ends too early");
  memcpy(out, s->at, count);
  s->at += count;
  s->left -= count;
}

/* Makes rows of 8-bit RGB or RGBA; gives the number of channels. */
static int set_transforms(png_structp png, png_infop info) {
  png_set_strip_16(png);    /* the high byte, as other decoders give it */
  png_set_expand(png);      /* palettes, 1 to 4 bits, tRNS */
  png_set_gray_to_rgb(png); /* does nothing where there is colour */
  return png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA || png_get_valid(png, info, PNG_INFO_tRNS) ? 4 : 3;
}

static void read_orientation(session *s) {
  png_bytep exif = NULL;
  png_uint_32 len = 0;
  s->orientation = png_get_eXIf_1(s->png, s->info, &len, &exif) ? edge_exif_orientation(exif, len) : 1;
}

static bool decode(session *s, int64_t max_pixels, edge_image *out) {
  png_structp png = s->png;
  png_infop info = s->info;
  png_set_read_fn(png, s, read_bytes);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* ours has a better sentence */
  /* No text and no profile is unpacked: what is not needed is left out, whatever it holds. */
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT, (png_const_bytep) "eXIf", 1);
  png_read_info(png, info);
  if (!edge_decode_size(png_get_image_width(png, info), png_get_image_height(png, info), max_pixels, out, s->message,
                        s->size))
    return false;
  int channels = set_transforms(png, info);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  size_t stride = (size_t)out->width * (size_t)channels;
  if (png_get_rowbytes(png, info) != stride) png_error(png, "a kind of pixels that is not known");
  s->pixels = malloc(stride * (size_t)out->height);
  if (!s->pixels) png_error(png, "out of memory");
  for (int pass = 0; pass < passes; pass++)
    for (int32_t y = 0; y < out->height; y++) png_read_row(png, s->pixels + (size_t)y * stride, NULL);
  /* Up to IEND: a file that is cut after its last row is cut, and eXIf may come this late. */
  png_read_end(png, info);
  read_orientation(s);
  if (channels == 4) s->pixels = edge_decode_over_white(s->pixels, (size_t)out->width * (size_t)out->height);
  return true;
}

bool edge_png_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                     size_t size) {
  session *s = calloc(1, sizeof *s);
  if (s) {
    *s = (session){.at = bytes, .left = len, .message = message, .size = size};
    s->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, s, on_error, on_warning);
    s->info = s->png ? png_create_info_struct(s->png) : NULL;
  }
  volatile bool ok = false;
  if (!s || !s->info) snprintf(message, size, "out of memory");
  else if (setjmp(png_jmpbuf(s->png)) == 0) ok = decode(s, max_pixels, out);
  if (s && s->png) png_destroy_read_struct(&s->png, &s->info, NULL);
  if (ok) ok = edge_decode_upright(s->pixels, s->orientation, out, message, size);
  else if (s) free(s->pixels);
  free(s);
  return ok;
}
