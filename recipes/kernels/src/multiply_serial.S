/*
 * Bit-serial: codes as bit planes, AND and CNT of every pair of planes, UADALP into uint16 by weight of the pair.
 *   bs22: 2-bit weights and input, sums of weight 1, 2 and 4; four channels, up to four pixels.
 *   bs12: 1-bit weights, 2-bit input, sums of weight 1 and 2; eight channels, up to three pixels.
 *   bs11: 1-bit weights and input, EOR for AND; eight channels, up to six pixels. For out-of-order cores: in-order ones would
 *         wait for the two registers between (multiply_tile4.S has theirs).
 * Vectors hold 64 bits of two channels, or the same 64 bits of a pixel twice.
 * (Bit-serial convolution as in DeepliteRT, arXiv 2309.10878. On Cortex-A57 and A72 UADALP runs beside AND and CNT.)
 * Registers: v0-v3 weights, v4-v5 input planes, v6-v7 between, v8-v31 sums.
 */
#if defined(__aarch64__)
#include "arm64.h"

.macro both _to, _wv, _av
  and v\_to\().16b, v\_wv\().16b, v\_av\().16b
.endm
.macro count _reg
  cnt v\_reg\().16b, v\_reg\().16b
.endm
.macro widen_add _to, _from, _is_first
  .if \_is_first
    uaddlp v\_to\().8h, v\_from\().16b
  .else
    uadalp v\_to\().8h, v\_from\().16b
  .endif
.endm
.macro add_lanes _to, _ra, _rb
  addp v\_to\().8h, v\_ra\().8h, v\_rb\().8h
.endm
.macro add_times _to, _from, _by
  mla v\_to\().8h, v\_from\().8h, v\_by\().8h
.endm
.macro store_one _ra
  str q\_ra, [x3], #16
.endm
.macro store_half _ra
  str d\_ra, [x3], #8
.endm

/* Planes v\_wa (weight 1) and v\_wb (weight 2) of two channels; sums from v\_sum. */
.macro pair22 _wa, _wb, _sum, _is_first
  both 6, \_wa, 4
  both 7, \_wb, 4
  count 6
  count 7
  widen_add \_sum, 6, \_is_first
  widen_add %(\_sum + 1), 7, \_is_first
  both 6, \_wa, 5
  both 7, \_wb, 5
  count 6
  count 7
  widen_add %(\_sum + 1), 6, 0
  widen_add %(\_sum + 2), 7, \_is_first
.endm
.macro step22 _is_first, _pixels
  load_some 0, 4, x0
  .set c, 0
  .rept \_pixels
    load_some 4, 2, x1
    pair22 0, 1, %(8 + 6 * c), \_is_first
    pair22 2, 3, %(11 + 6 * c), \_is_first
    .set c, c + 1
  .endr
.endm
.macro finish22 _pixels
  movi v0.8h, #2
  movi v1.8h, #4
  .set c, 0
  .rept \_pixels
    .irp _kk, 0, 1, 2
      add_lanes %(8 + 6 * c + \_kk), %(8 + 6 * c + \_kk), %(11 + 6 * c + \_kk)
    .endr
    .set c, c + 1
  .endr
  .set c, 0
  .rept (\_pixels + 1) / 2
    .set other, c + 1
    .if other >= \_pixels
      .set other, c
    .endif
    .irp _kk, 0, 1, 2
      add_lanes %(8 + 6 * c + \_kk), %(8 + 6 * c + \_kk), %(8 + 6 * other + \_kk)
    .endr
    add_times %(8 + 6 * c), %(9 + 6 * c), 0
    add_times %(8 + 6 * c), %(10 + 6 * c), 1
    .if c + 1 < \_pixels
      store_one %(8 + 6 * c)
    .else
      store_half %(8 + 6 * c)
    .endif
    .set c, c + 2
  .endr
.endm

.macro step12 _is_first, _pixels
  load_some 0, 4, x0
  .set c, 0
  .rept \_pixels
    load_some 4, 2, x1
    .irp _rr, 0, 1, 2, 3
      both 6, \_rr, 4
      both 7, \_rr, 5
      count 6
      count 7
      widen_add %(8 + 8 * c + \_rr), 6, \_is_first
      widen_add %(12 + 8 * c + \_rr), 7, \_is_first
    .endr
    .set c, c + 1
  .endr
.endm
.macro finish12 _pixels
  movi v0.8h, #2
  .set c, 0
  .rept \_pixels
    .irp _rr, 0, 1, 2, 3
      add_times %(8 + 8 * c + \_rr), %(12 + 8 * c + \_rr), 0
    .endr
    add_lanes %(8 + 8 * c), %(8 + 8 * c), %(9 + 8 * c)
    add_lanes %(10 + 8 * c), %(10 + 8 * c), %(11 + 8 * c)
    add_lanes %(8 + 8 * c), %(8 + 8 * c), %(10 + 8 * c)
    store_one %(8 + 8 * c)
    .set c, c + 1
  .endr
.endm

.macro differ _to, _wv, _av
  eor v\_to\().16b, v\_wv\().16b, v\_av\().16b
.endm
.macro pair11 _wa, _wb, _av, _sum, _is_first
  differ 6, \_wa, \_av
  differ 7, \_wb, \_av
  count 6
  count 7
  widen_add \_sum, 6, \_is_first
  widen_add %(\_sum + 1), 7, \_is_first
.endm
.macro step11 _is_first, _pixels
  load_some 0, 4, x0
  .set c, 0
  .rept \_pixels
    .if c % 2 == 0
      .if c + 1 < \_pixels
        load_some 4, 2, x1
      .else
        load_some 4, 1, x1
      .endif
    .endif
    pair11 0, 1, %(4 + c % 2), %(8 + 4 * c), \_is_first
    pair11 2, 3, %(4 + c % 2), %(10 + 4 * c), \_is_first
    .set c, c + 1
  .endr
.endm
.macro store_pair _ra, _rb
  stp q\_ra, q\_rb, [x3], #32
.endm
.macro finish11 _pixels
  .set c, 0
  .rept \_pixels
    add_lanes %(8 + 4 * c), %(8 + 4 * c), %(9 + 4 * c)
    add_lanes %(10 + 4 * c), %(10 + 4 * c), %(11 + 4 * c)
    add_lanes %(8 + 4 * c), %(8 + 4 * c), %(10 + 4 * c)
    .set c, c + 1
  .endr
  .set c, 0
  .rept \_pixels / 2
    store_pair %(8 + 4 * c), %(12 + 4 * c)
    .set c, c + 2
  .endr
  .if \_pixels % 2
    store_one %(8 + 4 * c)
  .endif
.endm

/* The first step starts the sums, then four steps a turn. */
.macro kernel _name, _kind, _pixels
  begin \_name
  sub x9, x2, #1
  lsr x10, x9, #2
1:
  mov x0, x5
  step\_kind 1, \_pixels
  cbz x10, 3f
  mov x6, x10
2:
  step\_kind 0, \_pixels
  subs x6, x6, #1
  step\_kind 0, \_pixels
  step\_kind 0, \_pixels
  step\_kind 0, \_pixels
  b.ne 2b
3:
  ands x6, x9, #3
  b.eq 5f
4:
  step\_kind 0, \_pixels
  subs x6, x6, #1
  b.ne 4b
5:
  finish\_kind \_pixels
  subs x4, x4, #1
  b.ne 1b
  end \_name
.endm

  kernel edge_bs22_1, 22, 1
  kernel edge_bs22_2, 22, 2
  kernel edge_bs22_3, 22, 3
  kernel edge_bs22_4, 22, 4
  kernel edge_bs12_1, 12, 1
  kernel edge_bs12_2, 12, 2
  kernel edge_bs12_3, 12, 3
  kernel edge_bs11_1, 11, 1
  kernel edge_bs11_2, 11, 2
  kernel edge_bs11_3, 11, 3
  kernel edge_bs11_4, 11, 4
  kernel edge_bs11_5, 11, 5
  kernel edge_bs11_6, 11, 6
#endif

  .section .note.GNU-stack, "", %progbits
