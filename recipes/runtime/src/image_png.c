/* PNG by libpng. */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

/* Blends RGBA over white into RGB, in place: the output never passes the input. */
static void over_white(uint8_t *pixels, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const uint8_t *in = pixels + i * 4;
    unsigned alpha = in[3];
    uint8_t rgb[3];
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)((in[c] * alpha + 255 * (255 - alpha) + 127) / 255);
    memcpy(pixels + i * 3, rgb, 3);
  }
}

static bool refuse(png_image *image, uint8_t *data, const char *why, char *message, size_t size) {
  snprintf(message, size, "cannot decode the PNG: %s", why);
  png_image_free(image);
  free(data);
  return false;
}

bool edge_png_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                     size_t size) {
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, bytes, len)) return refuse(&image, NULL, image.message, message, size);
  int64_t pixels = (int64_t)image.width * image.height;
  if (image.width > EDGE_IMAGE_SIDE || image.height > EDGE_IMAGE_SIDE || pixels > max_pixels) {
    snprintf(message, size, "the picture has %u x %u pixels, %lld are allowed", (unsigned)image.width,
             (unsigned)image.height, (long long)max_pixels);
    png_image_free(&image);
    return false;
  }
  bool alpha = (image.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  image.format = alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  uint8_t *data = malloc((size_t)pixels * (alpha ? 4 : 3));
  if (!data) return refuse(&image, NULL, "out of memory", message, size);
  /* Also a file that ends too early makes this fail. */
  if (!png_image_finish_read(&image, NULL, data, 0, NULL)) return refuse(&image, data, image.message, message, size);
  if (alpha) {
    over_white(data, (size_t)pixels);
    uint8_t *smaller = realloc(data, (size_t)pixels * 3);
    if (smaller) data = smaller;
  }
  out->width = (int32_t)image.width;
  out->height = (int32_t)image.height;
  out->data = data;
  return true;
}

bool edge_image_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                       size_t size) {
  if (len >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
    return edge_jpeg_decode(bytes, len, max_pixels, out, message, size);
  if (len >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
    return edge_png_decode(bytes, len, max_pixels, out, message, size);
  snprintf(message, size, "neither JPEG nor PNG");
  return false;
}
