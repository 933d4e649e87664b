/*
 * 7 bits: weights within [-63,63], input within [-64,63]. Eight products fit 16 bits, so SMULL and seven SMLAL before one
 * SADALP (EasyQuant, arXiv 2006.16669; gemmlowp's Int7Operands_AccumEightWithin16Bits). Four channels, up to three pixels;
 * vectors hold 16 codes of one channel or pixel.
 * Registers: v0-v3 weights, v4-v7 input, v8-v19 int16 sums, v20-v31 int32 sums [pixel][channel].
 */
#if defined(__aarch64__)
#include "arm64.h"

.macro low _is_first, _sum, _wv, _av
  .if \_is_first
    smull v\_sum\().8h, v\_wv\().8b, v\_av\().8b
  .else
    smlal v\_sum\().8h, v\_wv\().8b, v\_av\().8b
  .endif
.endm
.macro high _sum, _wv, _av
  smlal2 v\_sum\().8h, v\_wv\().16b, v\_av\().16b
.endm
.macro clear_one _reg
  movi v\_reg\().4s, #0
.endm
.macro widen_add _to, _from
  sadalp v\_to\().4s, v\_from\().8h
.endm
.macro widen_all _pixels
  .set c, 0
  .rept 4 * \_pixels
    widen_add %(20 + c), %(8 + c)
    .set c, c + 1
  .endr
.endm
.macro step_plain _is_first, _pixels
  load_some 0, 4, x0
  load_some 4, \_pixels, x1
  .set c, 0
  .rept \_pixels
    .irp _rr, 0, 1, 2, 3
      low \_is_first, %(8 + 4 * c + \_rr), \_rr, %(4 + c)
    .endr
    .irp _rr, 0, 1, 2, 3
      high %(8 + 4 * c + \_rr), \_rr, %(4 + c)
    .endr
    .set c, c + 1
  .endr
.endm

/* Loads as in multiply_tile6.S: input two groups ahead, weights behind their last use. */
.macro group _is_first, _seq, _col
  .set here, 4 + \_seq % 4
  .set soon, 4 + (\_seq + 1) % 4
  .set later, 4 + (\_seq + 2) % 4
  .irp _rr, 0, 1, 2, 3
    .if \_col == 0
      insert_high \_rr, %(14 + \_rr)
    .endif
    low \_is_first, %(8 + 4 * \_col + \_rr), \_rr, %here
    .if \_rr == 0
      insert_high %soon, 12
    .elseif \_rr == 1
      load_low %later, 0, x1, %((\_col + 2) * 16), 0
    .elseif \_rr == 2
      load_high 12, x1, %((\_col + 2) * 16 + 8)
    .endif
  .endr
  .irp _rr, 0, 1, 2, 3
    high %(8 + 4 * \_col + \_rr), \_rr, %here
    .if \_col == 1
      load_high %(14 + \_rr), x0, %(64 + 16 * \_rr + 8)
    .elseif \_col == 2
      load_low \_rr, 0, x0, %(64 + 16 * \_rr), 0
    .endif
  .endr
.endm
.macro step_inorder _is_first, _phase
  .irp _cc, 0, 1, 2
    group \_is_first, %(3 * \_phase + \_cc), \_cc
  .endr
  add x0, x0, #64
  add x1, x1, #48
.endm
.macro preload_inorder
  .irp _rr, 0, 1, 2, 3
    load_low \_rr, 0, x0, %(16 * \_rr), 0
    load_high %(14 + \_rr), x0, %(16 * \_rr + 8)
  .endr
  load_low 4, 0, x1, 0, 0
  load_high 12, x1, 8
  insert_high 4, 12
  load_low 5, 0, x1, 16, 0
  load_high 12, x1, 24
.endm
.macro add_lanes _to, _ra, _rb
  addp v\_to\().4s, v\_ra\().4s, v\_rb\().4s
.endm
.macro store_one _ra
  str q\_ra, [x3], #16
.endm

.macro kernel _name, _pixels, _inorder
  begin \_name
  mov x8, #(\_pixels * 16)
  mul x8, x8, x2
1:
  mov x0, x5
  mov x1, x7
  add x7, x7, x8
  .set c, 20
  .rept 4 * \_pixels
    clear_one %c
    .set c, c + 1
  .endr
  lsr x6, x2, #2
  cbz x6, 3f
  .if \_inorder
    preload_inorder
  .endif
2:
  .if \_inorder
    step_inorder 1, 0
    step_inorder 0, 1
    step_inorder 0, 2
    step_inorder 0, 3
  .else
    step_plain 1, \_pixels
    step_plain 0, \_pixels
    step_plain 0, \_pixels
    step_plain 0, \_pixels
  .endif
  subs x6, x6, #1
  widen_all \_pixels
  b.ne 2b
3:
  ands x6, x2, #3
  b.eq 5f
  step_plain 1, \_pixels
4:
  subs x6, x6, #1
  b.eq 6f
  step_plain 0, \_pixels
  b 4b
6:
  widen_all \_pixels
5:
  .set c, 0
  .rept \_pixels
    add_lanes %(20 + 4 * c), %(20 + 4 * c), %(21 + 4 * c)
    add_lanes %(22 + 4 * c), %(22 + 4 * c), %(23 + 4 * c)
    .set c, c + 1
  .endr
  .set c, 0
  .rept \_pixels
    add_lanes %(20 + 4 * c), %(20 + 4 * c), %(22 + 4 * c)
    store_one %(20 + 4 * c)
    .set c, c + 1
  .endr
  subs x4, x4, #1
  b.ne 1b
  end \_name
.endm

  kernel edge_s7_plain_1, 1, 0
  kernel edge_s7_plain_2, 2, 0
  kernel edge_s7_inorder_3, 3, 1
#endif

  .section .note.GNU-stack, "", %progbits
