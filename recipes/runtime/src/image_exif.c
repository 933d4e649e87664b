/* The one field of EXIF that changes a picture: orientation (EXIF 2.32, 4.6.4; TIFF 6.0, section 2). */
#include <string.h>

#include "image_decode.h"

#define TAG_ORIENTATION 0x112

static uint32_t read_number(const uint8_t *at, int bytes, bool little) {
  uint32_t value = 0;
  for (int i = 0; i < bytes; i++) value |= (uint32_t)at[i] << 8 * (little ? i : bytes - 1 - i);
  return value;
}

/* The value of an entry of 12 bytes: one BYTE, SHORT or LONG, 0 for anything else. SHORT is the standard's. */
static uint32_t entry_value(const uint8_t *entry, bool little) {
  uint32_t type = read_number(entry + 2, 2, little);
  int bytes = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
  return bytes && read_number(entry + 4, 4, little) == 1 ? read_number(entry + 8, bytes, little) : 0;
}

int edge_exif_orientation(const uint8_t *data, size_t len) {
  /* Some writers put the name before the block twice. */
  while (len >= 6 && memcmp(data, "Exif\0\0", 6) == 0) {
    data += 6;
    len -= 6;
  }
  if (len < 8) return 1;
  bool little = memcmp(data, "II*\0", 4) == 0;
  if (!little && memcmp(data, "MM\0*", 4) != 0) return 1;
  size_t at = read_number(data + 4, 4, little);
  if (at > len || len - at < 2) return 1;
  uint32_t count = read_number(data + at, 2, little);
  at += 2;
  for (; count > 0 && len - at >= 12; count--, at += 12) {
    if (read_number(data + at, 2, little) != TAG_ORIENTATION) continue;
    uint32_t value = entry_value(data + at, little);
    return value >= 1 && value <= 8 ? (int)value : 1;
  }
  return 1;
}
