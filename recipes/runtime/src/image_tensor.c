/* From pixels to a normalised float tensor. */
#include "image.h"

void edge_image_tensor(const edge_image *in, const edge_tensor_options *options, float *out) {
  for (int plane = 0; plane < 3; plane++) {
    /* A pixel has 256 values: one rounding each, in a table. */
    float table[256];
    for (int value = 0; value < 256; value++)
      table[value] = (float)(((double)value / 255 - options->mean[plane]) / options->std[plane]);
    const int channel = options->bgr ? 2 - plane : plane;
    const uint8_t *source = in->data + channel;
    for (int32_t y = 0; y < options->height; y++) {
      int32_t filled = y < in->height ? in->width : 0;
      for (int32_t x = 0; x < filled; x++, source += 3) *out++ = table[*source];
      for (int32_t x = filled; x < options->width; x++) *out++ = options->fill;
    }
  }
}
