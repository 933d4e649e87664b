/* What the decoders share, and the choice among them. */
#include "image_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool edge_decode_size(int64_t width, int64_t height, int64_t max_pixels, edge_image *out, char *message, size_t size) {
  if (width < 1 || height < 1 || width > EDGE_IMAGE_SIDE || height > EDGE_IMAGE_SIDE || width * height > max_pixels) {
    snprintf(message, size, "the picture has %lld x %lld pixels, %lld are allowed", (long long)width,
             (long long)height, (long long)max_pixels);
    return false;
  }
  out->width = (int32_t)width;
  out->height = (int32_t)height;
  return true;
}

uint8_t *edge_decode_over_white(uint8_t *pixels, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const uint8_t *in = pixels + i * 4;
    unsigned alpha = in[3];
    uint8_t rgb[3];
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)((in[c] * alpha + 255 * (255 - alpha) + 127) / 255);
    memcpy(pixels + i * 3, rgb, 3);
  }
  uint8_t *smaller = realloc(pixels, count * 3);
  return smaller ? smaller : pixels;
}

bool edge_decode_upright(uint8_t *pixels, int orientation, edge_image *out, char *message, size_t size) {
  edge_image flat = {out->width, out->height, pixels};
  out->data = pixels;
  if (orientation == 1) return true;
  if (orientation >= 5) {
    out->width = flat.height;
    out->height = flat.width;
  }
  out->data = malloc(edge_image_bytes(out));
  if (out->data) edge_image_orient(&flat, orientation, out);
  else snprintf(message, size, "out of memory");
  free(pixels);
  return out->data != NULL;
}

bool edge_image_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                       size_t size) {
  switch (edge_image_format(bytes, len)) {
    case EDGE_FORMAT_JPEG:
      return edge_jpeg_decode(bytes, len, max_pixels, out, message, size);
    case EDGE_FORMAT_PNG:
      return edge_png_decode(bytes, len, max_pixels, out, message, size);
    case EDGE_FORMAT_WEBP:
      return edge_webp_decode(bytes, len, max_pixels, out, message, size);
    default:
      edge_image_refusal(bytes, len, message, size);
      return false;
  }
}
