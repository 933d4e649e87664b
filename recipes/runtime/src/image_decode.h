/* image_decode.h: the decoders of one format each, and what they share. */
#ifndef EDGE_IMAGE_DECODE_H
#define EDGE_IMAGE_DECODE_H

#include "image.h"

typedef enum { EDGE_FORMAT_OTHER, EDGE_FORMAT_JPEG, EDGE_FORMAT_PNG, EDGE_FORMAT_WEBP } edge_format;

/* What the first bytes say. */
edge_format edge_image_format(const uint8_t *bytes, size_t len);
/* Writes a sentence that names the format of what is none of these, and says how to convert it. */
void edge_image_refusal(const uint8_t *bytes, size_t len, char *message, size_t size);

/* As edge_image_decode, for one format. */
bool edge_jpeg_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                      size_t size);
bool edge_png_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                     size_t size);
bool edge_webp_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                      size_t size);

/* Orientation, 1 to 8, of an EXIF block: a TIFF header with or without "Exif\0\0" before it. 1 when it says none or
 * nonsense. */
int edge_exif_orientation(const uint8_t *data, size_t len);

/* Sets out's size. False with a sentence when it is too large. */
bool edge_decode_size(int64_t width, int64_t height, int64_t max_pixels, edge_image *out, char *message, size_t size);
/* Blends `count` pixels RGBA over white into RGB, in place; gives the block (malloc), made smaller. */
uint8_t *edge_decode_over_white(uint8_t *pixels, size_t count);
/* Takes `pixels` (malloc, of out's size) and gives them turned upright in out, whose sides may change.
 * False with a sentence, and `pixels` freed, when out of memory. */
bool edge_decode_upright(uint8_t *pixels, int orientation, edge_image *out, char *message, size_t size);

#endif
