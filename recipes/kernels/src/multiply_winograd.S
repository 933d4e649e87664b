/*
 * The products of Winograd's algorithm (winograd.c), by lane, up to eight tiles at once. Sums overflow freely.
 *   wide:   int16 x int16 into int32, SMLAL: eight output channels.
 *   narrow: int16 x int16 into int16, MLA: sixteen output channels, twice as many products an instruction.
 * Everything lies in the order in which it is read:
 *   weights [position][channel][8 or 16 outputs], input [position][channel / 8][tile][8 channels],
 *   sums [position][tile][8 or 16 outputs]
 *   x0 weights, x1 input, x2 steps of eight channels (at least 1), x3 sums, x4 positions (at least 1)
 * Registers: v0-v7 input (one tile each), v8-v15 weights, v16-v31 sums [tile][half].
 * Both reach up to 128 bytes past the end (EDGE_SLACK).
 */
#if defined(__aarch64__)
#include "arm64.h"

.macro product _is_first, _low, _high, _w, _t, _k
  .if \_is_first
    smull v\_low\().4s, v\_w\().4h, v\_t\().h[\_k]
    smull2 v\_high\().4s, v\_w\().8h, v\_t\().h[\_k]
  .else
    smlal v\_low\().4s, v\_w\().4h, v\_t\().h[\_k]
    smlal2 v\_high\().4s, v\_w\().8h, v\_t\().h[\_k]
  .endif
.endm

/* One channel of all tiles. */
.macro row_plain _is_first, _k, _tiles
  .set c, 0
  .rept \_tiles
    product \_is_first, %(16 + 2 * c), %(17 + 2 * c), %(8 + \_k), %c, \_k
    .set c, c + 1
  .endr
.endm
.macro step_plain _is_first, _tiles
  load_some 0, \_tiles, x1
  load_some 8, 8, x0
  row_plain \_is_first, 0, \_tiles
  .irp _kk, 1, 2, 3, 4, 5, 6, 7
    row_plain 0, \_kk, \_tiles
  .endr
.endm
.macro preload_plain _tiles
.endm

/*
 * In-order cores: every 16 bytes are an LDR D, and an LDR X whose INS pairs with a later LDR D. A row of weights is loaded
 * one row behind its last use; of the input the lower halves (channels 0-3) behind the last row, the upper ones in the first.
 */
.macro row_inorder _is_first, _k, _tiles, _vw, _at
  .set c, 0
  .rept \_tiles
    product \_is_first, %(16 + 2 * c), %(17 + 2 * c), %(8 + \_k), %c, \_k
    .if c == 0
      load_low \_vw, 0, x0, \_at, 0
      load_high 6, x0, %(\_at + 8)
    .endif
    .if \_k == 0
      load_high %(9 + c), x1, %(16 * c + 8)
    .endif
    .if \_k == 1 + c / 3
      insert_high %c, %(9 + c)
    .endif
    .if \_k == 7
      load_low %c, 0, x1, %(16 * (\_tiles + c)), 0
    .endif
    .set c, c + 1
  .endr
  insert_high \_vw, 6
.endm
.macro step_inorder _is_first, _tiles
  row_inorder \_is_first, 0, \_tiles, 15, 112
  .irp _kk, 1, 2, 3, 4, 5, 6, 7
    row_inorder 0, \_kk, \_tiles, %(7 + \_kk), %(112 + 16 * \_kk)
  .endr
  add x0, x0, #128
  add x1, x1, #(16 * \_tiles)
.endm
.macro preload_inorder _tiles
  .irp _kk, 0, 1, 2, 3, 4, 5, 6
    load_low %(8 + \_kk), 0, x0, %(16 * \_kk), 0
    load_high 6, x0, %(16 * \_kk + 8)
    insert_high %(8 + \_kk), 6
  .endr
  .set c, 0
  .rept \_tiles
    load_low %c, 0, x1, %(16 * c), 0
    .set c, c + 1
  .endr
.endm

/* As step_inorder; a row of weights has two registers, and is loaded three rows ahead. */
.macro product_narrow _is_first, _low, _high, _wl, _wh, _t, _k
  .if \_is_first
    mul v\_low\().8h, v\_wl\().8h, v\_t\().h[\_k]
    mul v\_high\().8h, v\_wh\().8h, v\_t\().h[\_k]
  .else
    mla v\_low\().8h, v\_wl\().8h, v\_t\().h[\_k]
    mla v\_high\().8h, v\_wh\().8h, v\_t\().h[\_k]
  .endif
.endm
.macro row_narrow _is_first, _k, _tiles, _vw, _at
  .set c, 0
  .rept \_tiles
    product_narrow \_is_first, %(16 + 2 * c), %(17 + 2 * c), %(8 + 2 * \_k - 8 * (\_k / 4)), %(9 + 2 * \_k - 8 * (\_k / 4)), %c, \_k
    .if c == 0
      load_low \_vw, 0, x0, \_at, 0
      load_high 6, x0, %(\_at + 8)
    .endif
    .if c == \_tiles / 2
      load_low %(\_vw + 1), 0, x0, %(\_at + 16), 0
      insert_high \_vw, 6
      load_high 8, x0, %(\_at + 24)
    .endif
    .if \_k == 0
      load_high %(9 + c), x1, %(16 * c + 8)
    .endif
    .if \_k == 1 + c / 3
      insert_high %c, %(9 + c)
    .endif
    .if \_k == 7
      load_low %c, 0, x1, %(16 * (\_tiles + c)), 0
    .endif
    .set c, c + 1
  .endr
  insert_high %(\_vw + 1), 8
.endm
.macro step_narrow _is_first, _tiles
  row_narrow \_is_first, 0, \_tiles, 14, 96
  row_narrow 0, 1, \_tiles, 8, 128
  row_narrow 0, 2, \_tiles, 10, 160
  row_narrow 0, 3, \_tiles, 12, 192
  row_narrow 0, 4, \_tiles, 14, 224
  row_narrow 0, 5, \_tiles, 8, 256
  row_narrow 0, 6, \_tiles, 10, 288
  row_narrow 0, 7, \_tiles, 12, 320
  add x0, x0, #256
  add x1, x1, #(16 * \_tiles)
.endm
.macro preload_narrow _tiles
  .irp _kk, 0, 1, 2, 3, 4, 5
    load_low %(8 + \_kk), 0, x0, %(16 * \_kk), 0
    load_high 6, x0, %(16 * \_kk + 8)
    insert_high %(8 + \_kk), 6
  .endr
  .set c, 0
  .rept \_tiles
    load_low %c, 0, x1, %(16 * c), 0
    .set c, c + 1
  .endr
.endm

.macro store_pair _ra, _rb
  stp q\_ra, q\_rb, [x3], #32
.endm

.macro kernel _name, _mode, _tiles
  begin \_name
  preload_\_mode \_tiles
1:
  step_\_mode 1, \_tiles
  subs x5, x2, #1
  b.eq 3f
2:
  step_\_mode 0, \_tiles
  subs x5, x5, #1
  b.ne 2b
3:
  .set c, 0
  .rept \_tiles
    store_pair %(16 + 2 * c), %(17 + 2 * c)
    .set c, c + 1
  .endr
  subs x4, x4, #1
  b.ne 1b
  end \_name
.endm

  kernel edge_winograd_plain_1, plain, 1
  kernel edge_winograd_plain_2, plain, 2
  kernel edge_winograd_plain_3, plain, 3
  kernel edge_winograd_plain_4, plain, 4
  kernel edge_winograd_plain_5, plain, 5
  kernel edge_winograd_plain_6, plain, 6
  kernel edge_winograd_plain_7, plain, 7
  kernel edge_winograd_plain_8, plain, 8
  kernel edge_winograd_inorder_1, inorder, 1
  kernel edge_winograd_inorder_2, inorder, 2
  kernel edge_winograd_inorder_3, inorder, 3
  kernel edge_winograd_inorder_4, inorder, 4
  kernel edge_winograd_inorder_5, inorder, 5
  kernel edge_winograd_inorder_6, inorder, 6
  kernel edge_winograd_inorder_7, inorder, 7
  kernel edge_winograd_inorder_8, inorder, 8
  kernel edge_winograd_narrow_1, narrow, 1
  kernel edge_winograd_narrow_2, narrow, 2
  kernel edge_winograd_narrow_3, narrow, 3
  kernel edge_winograd_narrow_4, narrow, 4
  kernel edge_winograd_narrow_5, narrow, 5
  kernel edge_winograd_narrow_6, narrow, 6
  kernel edge_winograd_narrow_7, narrow, 7
  kernel edge_winograd_narrow_8, narrow, 8
#endif

  .section .note.GNU-stack, "", %progbits
