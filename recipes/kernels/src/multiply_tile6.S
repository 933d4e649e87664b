/*
 * Four vectors of weights times up to six pixels, sums in the narrowest lanes that hold them.
 *   u2: MUL/MLA on uint8 lanes: 28 products of two 2-bit codes (9 each) fit 255, then UADALP into uint16 (DSQ, arXiv 1908.05033,
 *       with codes made unsigned so that twice as many fit). Vectors hold 8 codes of two channels, or 8 codes of a pixel twice.
 *   s4: SMLAL, SMLAL2 into int16 (Han et al., ICPP 2020): 273 products of [-8,7] and [0,15] fit; edge_kernel.max_depth cuts
 *       deeper sums. Vectors hold 16 codes of one channel or pixel.
 * Registers: v0-v3 weights, v4-v7 input, v8-v31 sums [pixel][vector].
 */
#if defined(__aarch64__)
#include "arm64.h"
#define U2_STEPS 28

.macro low_u2 _is_first, _sum, _wv, _av
  .if \_is_first
    mul v\_sum\().16b, v\_wv\().16b, v\_av\().16b
  .else
    mla v\_sum\().16b, v\_wv\().16b, v\_av\().16b
  .endif
.endm
.macro high_u2 _sum, _wv, _av
.endm
.macro low_s4 _is_first, _sum, _wv, _av
  .if \_is_first
    smull v\_sum\().8h, v\_wv\().8b, v\_av\().8b
  .else
    smlal v\_sum\().8h, v\_wv\().8b, v\_av\().8b
  .endif
.endm
.macro high_s4 _sum, _wv, _av
  smlal2 v\_sum\().8h, v\_wv\().16b, v\_av\().16b
.endm

.macro column _kind, _is_first, _sum, _av
  .irp _rr, 0, 1, 2, 3
    low_\_kind \_is_first, %(\_sum + \_rr), \_rr, \_av
  .endr
  .irp _rr, 0, 1, 2, 3
    high_\_kind %(\_sum + \_rr), \_rr, \_av
  .endr
.endm

.macro step_plain _kind, _is_first, _pixels
  load_some 0, 4, x0
  .if \_pixels > 4
    load_some 4, 4, x1
  .else
    load_some 4, \_pixels, x1
  .endif
  .set c, 0
  .rept \_pixels
    .if c == 4
      load_some 4, %(\_pixels - 4), x1
    .endif
    .if c >= 4
      column \_kind, \_is_first, %(8 + 4 * c), %c
    .else
      column \_kind, \_is_first, %(8 + 4 * c), %(4 + c)
    .endif
    .set c, c + 1
  .endr
.endm

/* x6 steps, at least one; the first one starts the sums. */
.macro steps_plain _kind, _pixels
  step_plain \_kind, 1, \_pixels
  sub x6, x6, #1
  lsr x10, x6, #1
  cbz x10, 22f
21:
  step_plain \_kind, 0, \_pixels
  subs x10, x10, #1
  step_plain \_kind, 0, \_pixels
  b.ne 21b
22:
  tbz x6, #0, 23f
  step_plain \_kind, 0, \_pixels
23:
.endm

/*
 * In-order cores, six pixels. Group number `seq` of a pair of steps multiplies one pixel and loads the input of the pixel
 * two groups ahead (its upper half is inserted one group later). Weights are reloaded behind their last use in a step.
 */
.macro group _kind, _is_first, _seq, _col, _unit, _high
  .set here, 4 + \_seq % 4
  .set soon, 4 + (\_seq + 1) % 4
  .set later, 4 + (\_seq + 2) % 4
  .irp _rr, 0, 1, 2, 3
    .if \_col == 0
      insert_high \_rr, %(14 + \_rr)
    .endif
    low_\_kind \_is_first, %(8 + 4 * \_col + \_rr), \_rr, %here
    .if \_rr == 0
      insert_high %soon, 12
    .elseif \_rr == 1
      load_low %later, 0, x1, %((\_col + 2) * \_unit), 0
    .elseif \_rr == 2
      load_high 12, x1, %((\_col + 2) * \_unit + \_high)
    .endif
    .ifc \_kind, u2
      .if \_col == 5
        load_low \_rr, 0, x0, %(64 + 16 * \_rr), 0
      .endif
    .endif
  .endr
  .ifc \_kind, s4
    .irp _rr, 0, 1, 2, 3
      high_s4 %(8 + 4 * \_col + \_rr), \_rr, %here
      .if \_col == 5
        load_low \_rr, 0, x0, %(64 + 16 * \_rr), 0
      .endif
    .endr
  .endif
  .if \_col >= 1
    .if \_col <= 4
      load_high %(13 + \_col), x0, %(64 + 16 * (\_col - 1) + 8)
    .endif
  .endif
.endm
.macro step_inorder _kind, _is_first, _phase, _unit, _high
  .irp _cc, 0, 1, 2, 3, 4, 5
    group \_kind, \_is_first, %(6 * \_phase + \_cc), \_cc, \_unit, \_high
  .endr
  add x0, x0, #64
  add x1, x1, #(6 * \_unit)
.endm
.macro preload_inorder _unit, _high
  .irp _rr, 0, 1, 2, 3
    load_low \_rr, 0, x0, %(16 * \_rr), 0
    load_high %(14 + \_rr), x0, %(16 * \_rr + 8)
  .endr
  load_low 4, 0, x1, 0, 0
  load_high 12, x1, \_high
  insert_high 4, 12
  load_low 5, 0, x1, \_unit, 0
  load_high 12, x1, %(\_unit + \_high)
.endm
.macro steps_inorder _kind, _unit, _high
  preload_inorder \_unit, \_high
  step_inorder \_kind, 1, 0, \_unit, \_high
  subs x6, x6, #1
  b.eq 23f
  step_inorder \_kind, 0, 1, \_unit, \_high
  sub x6, x6, #1
  lsr x10, x6, #1
  cbz x10, 22f
21:
  step_inorder \_kind, 0, 0, \_unit, \_high
  subs x10, x10, #1
  step_inorder \_kind, 0, 1, \_unit, \_high
  b.ne 21b
22:
  tbz x6, #0, 23f
  step_inorder \_kind, 0, 0, \_unit, \_high
23:
.endm

.macro widen_first _ra, _rb, _at
  uaddlp v\_ra\().8h, v\_ra\().16b
  uaddlp v\_rb\().8h, v\_rb\().16b
  stp q\_ra, q\_rb, [sp, #(\_at)]
.endm
.macro widen_more _ra, _rb, _ta, _tb, _at
  ldp q\_ta, q\_tb, [sp, #(\_at)]
  uadalp v\_ta\().8h, v\_ra\().16b
  uadalp v\_tb\().8h, v\_rb\().16b
  stp q\_ta, q\_tb, [sp, #(\_at)]
.endm
.macro add_lanes _to, _ra, _rb, _lanes
  addp v\_to\().\_lanes, v\_ra\().\_lanes, v\_rb\().\_lanes
.endm
.macro widen _to, _from
  uaddlp v\_to\().8h, v\_from\().16b
.endm
.macro widen_signed _to, _from
  saddlp v\_to\().4s, v\_from\().8h
.endm
/* Sums of one pixel, with those kept on the stack: _ra.._ra+3, through v_ta.._ta+3. */
.macro finish_more _ra, _ta, _at
  load_stack %(\_ta), %(\_ta + 1), \_at
  load_stack %(\_ta + 2), %(\_ta + 3), %(\_at + 32)
  .irp _rr, 0, 1, 2, 3
    widen_into %(\_ta + \_rr), %(\_ra + \_rr)
  .endr
  add_lanes %(\_ta), %(\_ta), %(\_ta + 1), 8h
  add_lanes %(\_ta + 2), %(\_ta + 2), %(\_ta + 3), 8h
  add_lanes \_ra, %(\_ta), %(\_ta + 2), 8h
.endm
.macro load_stack _ta, _tb, _at
  ldp q\_ta, q\_tb, [sp, #(\_at)]
.endm
.macro widen_into _to, _from
  uadalp v\_to\().8h, v\_from\().16b
.endm
.macro add_four _ra, _lanes
  add_lanes \_ra, \_ra, %(\_ra + 1), \_lanes
  add_lanes %(\_ra + 2), %(\_ra + 2), %(\_ra + 3), \_lanes
  add_lanes \_ra, \_ra, %(\_ra + 2), \_lanes
.endm
.macro store_pair _ra, _rb
  stp q\_ra, q\_rb, [x3], #32
.endm
.macro store_one _ra
  str q\_ra, [x3], #16
.endm
.macro store_tile _pixels
  .set c, 0
  .rept \_pixels / 2
    store_pair %(8 + 4 * c), %(12 + 4 * c)
    .set c, c + 2
  .endr
  .if \_pixels % 2
    store_one %(8 + 4 * c)
  .endif
.endm

/* x9: steps left, x11: whether the stack holds sums. */
.macro body_u2 _pixels, _mode, _unit, _high
  mov x9, x2
  mov x11, #0
2:
  mov x6, #U2_STEPS
  cmp x9, x6
  csel x6, x9, x6, lo
  sub x9, x9, x6
  .ifc \_mode, inorder
    steps_inorder u2, \_unit, \_high
  .else
    steps_plain u2, \_pixels
  .endif
  cbz x9, 4f
  cbnz x11, 3f
  mov x11, #1
  .set c, 0
  .rept 2 * \_pixels
    widen_first %(8 + 2 * c), %(9 + 2 * c), %(32 * c)
    .set c, c + 1
  .endr
  b 2b
3:
  .set c, 0
  .rept 2 * \_pixels
    widen_more %(8 + 2 * c), %(9 + 2 * c), %(2 * (c % 4)), %(2 * (c % 4) + 1), %(32 * c)
    .set c, c + 1
  .endr
  b 2b
4:
  cbnz x11, 5f
  .set c, 8
  .rept 4 * \_pixels
    widen %c, %c
    .set c, c + 1
  .endr
  .set c, 0
  .rept \_pixels
    add_four %(8 + 4 * c), 8h
    .set c, c + 1
  .endr
  b 6f
5:
  .set c, 0
  .rept \_pixels
    finish_more %(8 + 4 * c), %(4 * (c % 2)), %(64 * c)
    .set c, c + 1
  .endr
6:
  store_tile \_pixels
.endm
.macro body_s4 _pixels, _mode, _unit, _high
  mov x6, x2
  .ifc \_mode, inorder
    steps_inorder s4, \_unit, \_high
  .else
    steps_plain s4, \_pixels
  .endif
  .set c, 8
  .rept 4 * \_pixels
    widen_signed %c, %c
    .set c, c + 1
  .endr
  .set c, 0
  .rept \_pixels
    add_four %(8 + 4 * c), 4s
    .set c, c + 1
  .endr
  store_tile \_pixels
.endm

.macro kernel _name, _kind, _pixels, _mode, _unit, _high
  begin \_name
  sub sp, sp, #384
  mov x8, #(\_pixels * \_unit)
  mul x8, x8, x2
1:
  mov x0, x5
  mov x1, x7
  add x7, x7, x8
  body_\_kind \_pixels, \_mode, \_unit, \_high
  subs x4, x4, #1
  b.ne 1b
  add sp, sp, #384
  end \_name
.endm

  kernel edge_u2_plain_1, u2, 1, plain, 16, 8
  kernel edge_u2_plain_2, u2, 2, plain, 16, 8
  kernel edge_u2_plain_3, u2, 3, plain, 16, 8
  kernel edge_u2_plain_4, u2, 4, plain, 16, 8
  kernel edge_u2_plain_5, u2, 5, plain, 16, 8
  kernel edge_u2_plain_6, u2, 6, plain, 16, 8
  kernel edge_u2_inorder_6, u2, 6, inorder, 16, 8
  kernel edge_s4_plain_1, s4, 1, plain, 16, 8
  kernel edge_s4_plain_2, s4, 2, plain, 16, 8
  kernel edge_s4_plain_3, s4, 3, plain, 16, 8
  kernel edge_s4_plain_4, s4, 4, plain, 16, 8
  kernel edge_s4_plain_5, s4, 5, plain, 16, 8
  kernel edge_s4_plain_6, s4, 6, plain, 16, 8
  kernel edge_s4_inorder_6, s4, 6, inorder, 16, 8
#endif

  .section .note.GNU-stack, "", %progbits
