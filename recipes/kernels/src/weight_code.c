/* The values of the caller's weights, one by one. */
#include "internal.h"

int32_t edge_weight_code(const edge_conv *conv, const void *weights, size_t index) {
  const uint8_t *bytes = weights;
  switch (conv->weight_format) {
    case EDGE_WEIGHTS_INT4: {
      int32_t nibble = (bytes[index >> 1] >> (4 * (index & 1))) & 15;
      return nibble >= 8 ? nibble - 16 : nibble;
    }
    case EDGE_WEIGHTS_LOG4: {
      int32_t nibble = (bytes[index >> 1] >> (4 * (index & 1))) & 15;
      int32_t exponent = nibble & 7;
      int32_t size = exponent == 0 ? 0 : 1 << (exponent - 1);
      return nibble & 8 ? -size : size;
    }
    case EDGE_WEIGHTS_UINT2: return (bytes[index >> 2] >> (2 * (index & 3))) & 3;
    case EDGE_WEIGHTS_BITS: return (bytes[index >> 3] >> (index & 7)) & 1;
    default: return (int8_t)bytes[index];
  }
}

int edge_weight_valid(const edge_conv *conv, int32_t code) {
  switch (conv->scheme) {
    case EDGE_W8A8: return code >= -127;
    case EDGE_W7A7: return code >= -63 && code <= 63;
    case EDGE_W4A4: return code >= -8 && code <= 7;
    case EDGE_W2A2: return code >= 0 && code <= 3;
    default: return code == 0 || code == 1;
  }
}
