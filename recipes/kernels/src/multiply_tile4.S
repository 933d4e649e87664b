/*
 * Four vectors of weights times up to four pixels, three instructions for each product of two vectors.
 *   s8:  SMULL, SMLAL2 (two int8 products fit 16 bits when weights stay within [-127,127]), SADALP into int32.
 *        Vectors hold 16 codes of one channel or pixel: 4 channels. (gemmlowp's AccumTwoWithin16Bits)
 *   bin: EOR, CNT, UADALP into uint16. Vectors hold 64 bits of two channels, or the same 64 bits of a pixel twice: 8 channels.
 *        (daBNN, arXiv 1908.05858)
 * Registers: v0-v3 weights, v4-v7 input, v8-v15 between, v16-v31 sums [pixel][vector].
 */
#if defined(__aarch64__)
#include "arm64.h"

.macro first_s8 _t, _w, _a
  smull v\_t\().8h, v\_w\().8b, v\_a\().8b
.endm
.macro second_s8 _t, _w, _a
  smlal2 v\_t\().8h, v\_w\().16b, v\_a\().16b
.endm
.macro third_s8 _s, _t, _is_first
  .if \_is_first
    saddlp v\_s\().4s, v\_t\().8h
  .else
    sadalp v\_s\().4s, v\_t\().8h
  .endif
.endm
.macro add_s8 _d, _a, _b
  addp v\_d\().4s, v\_a\().4s, v\_b\().4s
.endm
.macro first_bin _t, _w, _a
  eor v\_t\().16b, v\_w\().16b, v\_a\().16b
.endm
.macro second_bin _t, _w, _a
  cnt v\_t\().16b, v\_t\().16b
.endm
.macro third_bin _s, _t, _is_first
  .if \_is_first
    uaddlp v\_s\().8h, v\_t\().16b
  .else
    uadalp v\_s\().8h, v\_t\().16b
  .endif
.endm
.macro add_bin _d, _a, _b
  addp v\_d\().8h, v\_a\().8h, v\_b\().8h
.endm

/* [pixel][vector] -> one vector of channels a pixel, stored. */
.macro reduce_tile _kind, _pixels
  .set c, 0
  .rept \_pixels
    add_\_kind %(16 + 4 * c), %(16 + 4 * c), %(17 + 4 * c)
    add_\_kind %(18 + 4 * c), %(18 + 4 * c), %(19 + 4 * c)
    .set c, c + 1
  .endr
  .set c, 0
  .rept \_pixels
    add_\_kind %(16 + 4 * c), %(16 + 4 * c), %(18 + 4 * c)
    .set c, c + 1
  .endr
  .if \_pixels == 4
    stp q16, q20, [x3], #32
    stp q24, q28, [x3], #32
  .elseif \_pixels == 3
    stp q16, q20, [x3], #32
    str q24, [x3], #16
  .elseif \_pixels == 2
    stp q16, q20, [x3], #32
  .else
    str q16, [x3], #16
  .endif
.endm

/* One pixel (v\a) with four vectors of weights, sums from v\s; \t is the first of four registers between. */
.macro column _kind, _is_first, _s, _a, _t
  .irp _r, 0, 1, 2, 3
    first_\_kind %(\_t + \_r), %(\_r), %(\_a)
  .endr
  .irp _r, 0, 1, 2, 3
    second_\_kind %(\_t + \_r), %(\_r), %(\_a)
  .endr
  .irp _r, 0, 1, 2, 3
    third_\_kind %(\_s + \_r), %(\_t + \_r), \_is_first
  .endr
.endm

.macro step_plain _kind, _is_first, _pixels
  load_some 0, 4, x0
  load_some 4, \_pixels, x1
  .set c, 0
  .set between, 8
  .rept \_pixels
    column \_kind, \_is_first, %(16 + 4 * c), %(4 + c), %between
    .set c, c + 1
    .set between, 20 - between
  .endr
.endm

/* Out-of-order cores: plain loads. The first step starts the sums, then four steps a turn. */
.macro kernel_plain _kind, _name, _pixels
  begin \_name
  sub x9, x2, #1
  lsr x10, x9, #2
1:
  mov x0, x5
  step_plain \_kind, 1, \_pixels
  cbz x10, 3f
  mov x6, x10
2:
  step_plain \_kind, 0, \_pixels
  subs x6, x6, #1
  step_plain \_kind, 0, \_pixels
  step_plain \_kind, 0, \_pixels
  step_plain \_kind, 0, \_pixels
  b.ne 2b
3:
  ands x6, x9, #3
  b.eq 5f
4:
  step_plain \_kind, 0, \_pixels
  subs x6, x6, #1
  b.ne 4b
5:
  reduce_tile \_kind, \_pixels
  subs x4, x4, #1
  b.ne 1b
  end \_name
.endm

/*
 * In-order cores. A 128-bit load would block both issue slots for two cycles; here each is an LDR D, and an LDR X and an INS
 * that pair with arithmetic. Weights alternate between v0-v3 and v12-v15; the next step's input follows one pixel
 * behind its last use. \unit is the bytes of one pixel's step, \high the offset of its upper half.
 */
.macro column_inorder _kind, _is_first, _s, _a, _w, _next, _at, _v, _x1at, _unit, _high
  first_\_kind 8, %(\_w), \_a
  load_low %(\_next), 0, x0, %(\_at), 0
  first_\_kind 9, %(\_w + 1), \_a
  load_high 9, x0, %(\_at + 8)
  first_\_kind 10, %(\_w + 2), \_a
  load_low %(\_v), 0, x1, %(\_x1at), 0
  first_\_kind 11, %(\_w + 3), \_a
  load_high 10, x1, %(\_x1at + \_high)
  second_\_kind 8, %(\_w), \_a
  second_\_kind 9, %(\_w + 1), \_a
  insert_high %(\_next), 9
  second_\_kind 10, %(\_w + 2), \_a
  second_\_kind 11, %(\_w + 3), \_a
  insert_high %(\_v), 10
  third_\_kind %(\_s), 8, \_is_first
  third_\_kind %(\_s + 1), 9, \_is_first
  third_\_kind %(\_s + 2), 10, \_is_first
  third_\_kind %(\_s + 3), 11, \_is_first
.endm
.macro step_inorder _kind, _is_first, _w, _next, _unit, _high
  column_inorder \_kind, \_is_first, 16, 4, \_w, %(\_next), 64, 7, %(3 * \_unit), \_unit, \_high
  column_inorder \_kind, \_is_first, 20, 5, \_w, %(\_next + 1), 80, 4, %(4 * \_unit), \_unit, \_high
  column_inorder \_kind, \_is_first, 24, 6, \_w, %(\_next + 2), 96, 5, %(5 * \_unit), \_unit, \_high
  column_inorder \_kind, \_is_first, 28, 7, \_w, %(\_next + 3), 112, 6, %(6 * \_unit), \_unit, \_high
  add x0, x0, #64
  add x1, x1, #(4 * \_unit)
.endm
.macro preload _v, _base, _at, _high
  load_low \_v, 0, \_base, \_at, 0
  load_high 9, \_base, %(\_at + \_high)
  insert_high \_v, 9
.endm
.macro kernel_inorder _kind, _name, _unit, _high
  begin \_name
  mov x8, #(4 * \_unit)
  mul x8, x8, x2
1:
  mov x0, x5
  mov x1, x7
  add x7, x7, x8
  preload 0, x0, 0, 8
  preload 1, x0, 16, 8
  preload 2, x0, 32, 8
  preload 3, x0, 48, 8
  preload 4, x1, 0, \_high
  preload 5, x1, %(\_unit), \_high
  preload 6, x1, %(2 * \_unit), \_high
  step_inorder \_kind, 1, 0, 12, \_unit, \_high
  sub x11, x2, #1
  lsr x6, x11, #1
  cbz x6, 3f
2:
  step_inorder \_kind, 0, 12, 0, \_unit, \_high
  subs x6, x6, #1
  step_inorder \_kind, 0, 0, 12, \_unit, \_high
  b.ne 2b
3:
  tbz x11, #0, 4f
  step_inorder \_kind, 0, 12, 0, \_unit, \_high
4:
  reduce_tile \_kind, 4
  subs x4, x4, #1
  b.ne 1b
  end \_name
.endm

  kernel_plain s8, edge_s8_plain_1, 1
  kernel_plain s8, edge_s8_plain_2, 2
  kernel_plain s8, edge_s8_plain_3, 3
  kernel_plain s8, edge_s8_plain_4, 4
  kernel_plain bin, edge_bin_plain_1, 1
  kernel_plain bin, edge_bin_plain_2, 2
  kernel_plain bin, edge_bin_plain_3, 3
  kernel_inorder s8, edge_s8_inorder_4, 16, 8
  kernel_inorder bin, edge_bin_inorder_4, 16, 8
#endif

  .section .note.GNU-stack, "", %progbits
