/* Whether a packed buffer's header is as it was written. */
#include "internal.h"

uint32_t edge_header_check(const edge_header *header) {
  /* FNV-1a over everything before `check`. */
  const uint8_t *bytes = (const uint8_t *)header;
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < offsetof(edge_header, check); i++) hash = (hash ^ bytes[i]) * 16777619u;
  return hash;
}
