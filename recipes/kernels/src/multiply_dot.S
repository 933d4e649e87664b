/*
 * SDOT by lane (Armv8.2 dot product): eight channels times 4, 8 or 12 pixels, four codes of depth a step. No sums across lanes
 * are needed at the end. Only reached where HWCAP_ASIMDDP is set (variants.c).
 * Registers: v0-v3 weights, v4-v7 input, v8-v31 int32 sums [pixel][half].
 */
#if defined(__aarch64__)
#include "arm64.h"
  .arch armv8.2-a+dotprod

.macro dot _sum, _wv, _av, _lane
  sdot v\_sum\().4s, v\_wv\().16b, v\_av\().4b[\_lane]
.endm
.macro clear_one _reg
  movi v\_reg\().4s, #0
.endm
.macro column4 _first, _wv, _av
  .irp _ll, 0, 1, 2, 3
    dot %(8 + 2 * (\_first + \_ll)), \_wv, \_av, \_ll
    dot %(9 + 2 * (\_first + \_ll)), %(\_wv + 1), \_av, \_ll
  .endr
.endm
.macro step _wv, _pixels
  load_some \_wv, 2, x0
  load_some 4, %(\_pixels / 4), x1
  .set c, 0
  .rept \_pixels / 4
    column4 %(4 * c), \_wv, %(4 + c)
    .set c, c + 1
  .endr
.endm
.macro store_pair _ra, _rb
  stp q\_ra, q\_rb, [x3], #32
.endm

.macro kernel _name, _pixels
  begin \_name
1:
  mov x0, x5
  .set c, 8
  .rept 2 * \_pixels
    clear_one %c
    .set c, c + 1
  .endr
  lsr x6, x2, #1
  cbz x6, 3f
2:
  step 0, \_pixels
  subs x6, x6, #1
  step 2, \_pixels
  b.ne 2b
3:
  tbz x2, #0, 4f
  step 0, \_pixels
4:
  .set c, 8
  .rept \_pixels
    store_pair %c, %(c + 1)
    .set c, c + 2
  .endr
  subs x4, x4, #1
  b.ne 1b
  end \_name
.endm

  kernel edge_dot_4, 4
  kernel edge_dot_8, 8
  kernel edge_dot_12, 12
#endif

  .section .note.GNU-stack, "", %progbits
