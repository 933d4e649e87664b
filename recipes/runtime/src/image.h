/* image.h: operations on 8-bit RGB pictures, in integers or in doubles without
 * contraction, so that every core gives the same bytes. */
#ifndef EDGE_IMAGE_H
#define EDGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDGE_IMAGE_SIDE 32767                     /* keeps all products below in 63 bits */
#define EDGE_IMAGE_PIXELS ((int64_t)64 << 20)

/* RGB, rows top to bottom, no padding: data has width * height * 3 bytes. Who made it owns it. */
typedef struct {
  int32_t width, height;
  uint8_t *data;
} edge_image;

typedef struct {
  double x, y;
} edge_point;

static inline size_t edge_image_bytes(const edge_image *image) {
  return (size_t)image->width * (size_t)image->height * 3;
}

/* In all of these `out` has its size set and room for its pixels. */

/* Bilinear, pixel centres aligned, edges replicated. False when out of memory. */
bool edge_image_resize(const edge_image *in, edge_image *out);
/* out's size at x, y of in; the box must lie inside. */
void edge_image_crop(const edge_image *in, int32_t x, int32_t y, edge_image *out);
/* `orientation` as in EXIF, 1 to 8; out has its sides swapped from 5 on. */
void edge_image_orient(const edge_image *in, int orientation, edge_image *out);
/* Maps the quadrilateral (top left, top right, bottom right, bottom left; (0, 0) is the corner
 * of the first pixel, not its centre) onto out. False when it is not convex. */
bool edge_image_quad(const edge_image *in, const edge_point quad[4], edge_image *out);

typedef struct {
  double mean[3], std[3]; /* in the tensor's channel order */
  bool bgr;
  int32_t width, height; /* of the tensor, not below the image's */
  float fill;
} edge_tensor_options;

/* Writes 3 * height * width floats: (value / 255 - mean) / std, planes in channel order. */
void edge_image_tensor(const edge_image *in, const edge_tensor_options *options, float *out);

/* Decodes JPEG, PNG or WebP: 8-bit samples as they are stored, alpha over white, upright as the EXIF orientation says.
 * out->data is malloc'ed and the caller's. False with a sentence in `message`. */
bool edge_image_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                       size_t size);

#endif
