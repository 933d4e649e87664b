#include "utf8.h"

size_t edge_utf8_step(const uint8_t *bytes, size_t len, bool *valid) {
  uint8_t lead = bytes[0];
  uint8_t low = 0x80, high = 0xbf;
  size_t need;
  *valid = true;
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) need = 1;
  else if (lead >= 0xe0 && lead <= 0xef) need = 2;
  else if (lead >= 0xf0 && lead <= 0xf4) need = 3;
  else {
    *valid = false;
    return 1;
  }
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  for (size_t at = 1; at <= need; at++) {
    if (at >= len || bytes[at] < low || bytes[at] > high) {
      *valid = false;
      return at;
    }
    low = 0x80;
    high = 0xbf;
  }
  return need + 1;
}

void edge_utf8_fix_surrogates(uint8_t *bytes, size_t len) {
  for (size_t at = 0; at + 2 < len; at++) {
    if (bytes[at] != 0xed || bytes[at + 1] < 0xa0) continue;
    bytes[at] = 0xef;
    bytes[at + 1] = 0xbf;
    bytes[at + 2] = 0xbd;
    at += 2;
  }
}
