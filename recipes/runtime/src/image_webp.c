/* WebP by libwebp: one picture, lossy or lossless, with or without alpha. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>

#include "image_decode.h"

static bool refuse(const char *why, char *message, size_t size) {
  snprintf(message, size, "cannot decode the WebP: %s", why);
  return false;
}

static const char *reason(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return "out of memory";
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return "the file ends too early";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "it needs a feature that is not supported";
    default:
      return "its data is damaged";
  }
}

static uint32_t read_size(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The chunks of a RIFF file (RFC 9649): the orientation in the first with EXIF, 1 without. */
static int find_orientation(const uint8_t *bytes, size_t len) {
  for (size_t at = 12; len - at >= 8;) {
    uint32_t size = read_size(bytes + at + 4);
    if (size > len - at - 8) return 1;
    if (memcmp(bytes + at, "EXIF", 4) == 0) return edge_exif_orientation(bytes + at + 8, size);
    at += 8 + (size_t)size;
    if (size % 2 == 1 && at < len) at++; /* chunks begin at even places */
  }
  return 1;
}

bool edge_webp_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                      size_t size) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return refuse("the library is another version", message, size);
  VP8StatusCode status = WebPGetFeatures(bytes, len, &config.input);
  if (status != VP8_STATUS_OK) return refuse(reason(status), message, size);
  if (config.input.has_animation)
    return refuse("it is animated; take one frame, for example with `webpmux -get frame 1 in.webp -o out.webp`", message,
                  size);
  /* What the file says of its length: the library would not mind that its last chunks are missing. */
  if (read_size(bytes + 4) > len - 8) return refuse("the file ends too early", message, size);
  if (!edge_decode_size(config.input.width, config.input.height, max_pixels, out, message, size)) return false;
  size_t pixels = (size_t)out->width * (size_t)out->height;
  int channels = config.input.has_alpha ? 4 : 3;
  uint8_t *data = malloc(pixels * (size_t)channels);
  if (!data) return refuse("out of memory", message, size);
  config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = data;
  config.output.u.RGBA.stride = out->width * channels;
  config.output.u.RGBA.size = pixels * (size_t)channels;
  status = WebPDecode(bytes, len, &config);
  WebPFreeDecBuffer(&config.output); /* leaves our memory alone */
  if (status != VP8_STATUS_OK) {
    free(data);
    return refuse(reason(status), message, size);
  }
  if (channels == 4) data = edge_decode_over_white(data, pixels);
  return edge_decode_upright(data, find_orientation(bytes, len), out, message, size);
}
