/* Shared by the files of Winograd's algorithm. */
#ifndef EDGE_WINOGRAD_H
#define EDGE_WINOGRAD_H

#include "internal.h"

/* Sums of one block lie in rows of this many pixels. */
#define EDGE_WINOGRAD_PIXELS (EDGE_WINOGRAD_TILES * 4)
/* Where a constant added to a product appears in all outputs of its tile, times 12 (narrow kernels): points 1 and 1. */
#define EDGE_WINOGRAD_ALL 7

/*
 * v = B^T d B of one tile, `channels` channels from `first` on. `cells` are its cells, row by row; `to` points to the tile
 * in [position][channels / 8][tiles][8].
 */
void edge_winograd_input(const edge_winograd *k, const uint8_t *const *cells, size_t first, size_t channels, size_t tiles,
                         int is_signed, int32_t zero, int16_t *to);

/*
 * The sums of a block of output channels from its products [position][tile][k->outputs], added to those there when `more`
 * is set: int32 [row][EDGE_WINOGRAD_PIXELS][8] or, narrow, uint16 [half][row][EDGE_WINOGRAD_PIXELS][8].
 * `offsets` (narrow) are twelve times what is added to the sums of each output channel.
 */
void edge_winograd_output(const edge_winograd *k, const void *products, size_t tiles, const int16_t *offsets, void *sums, int more);

#endif
