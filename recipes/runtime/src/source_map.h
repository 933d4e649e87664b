/* source_map.h: positions of the bundle back to the TypeScript files (source map version 3). */
#ifndef EDGE_SOURCE_MAP_H
#define EDGE_SOURCE_MAP_H

#include <stdint.h>

typedef struct edge_source_map edge_source_map;

typedef struct {
  const char *source; /* owned by the map */
  int32_t line, column; /* from 1 */
} edge_position;

/* Reads the file; NULL when there is none or it is no source map. The caller frees it. */
edge_source_map *edge_source_map_read(const char *path);
void edge_source_map_free(edge_source_map *map);
/* Position of the original for a generated line and column (from 1). 0 when found. */
int edge_source_map_find(const edge_source_map *map, int32_t line, int32_t column, edge_position *out);

#endif
