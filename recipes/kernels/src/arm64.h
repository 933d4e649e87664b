/*
 * Shared by the assembly files. All kernels have the signature edge_multiply (internal.h):
 *   x0 weights, x1 input panel, x2 steps (at least 1), x3 sums, x4 tiles (at least 1)
 * Inside: x5 start of the weights, x6 loop counter, x7 start of the input panel, x8 its size.
 * The in-order variants read up to 128 bytes past the end of both panels (never using them); plan.c leaves that room
 * (EDGE_SLACK in internal.h).
 */
/* clang-format off */
.macro begin _name
  .text
  .align 4
  .global \_name
  .hidden \_name
  .type \_name, %function
\_name:
  stp d8, d9, [sp, #-64]!
  stp d10, d11, [sp, #16]
  stp d12, d13, [sp, #32]
  stp d14, d15, [sp, #48]
  mov x5, x0
  mov x7, x1
.endm

.macro end _name
  ldp d10, d11, [sp, #16]
  ldp d12, d13, [sp, #32]
  ldp d14, d15, [sp, #48]
  ldp d8, d9, [sp], #64
  ret
  .size \_name, . - \_name
.endm

/* Several 16-byte registers from [\base], which moves on: q\first, q\first+1, ... */
.macro load_some _first, _count, _base
  .if \_count >= 2
    load_pair %(\_first), %(\_first + 1), \_base
    load_some %(\_first + 2), %(\_count - 2), \_base
  .elseif \_count == 1
    load_one %(\_first), \_base
  .endif
.endm
.macro load_pair _a, _b, _base
  ldp q\_a, q\_b, [\_base], #32
.endm
.macro load_one _a, _base
  ldr q\_a, [\_base], #16
.endm

/* The two halves of a 16-byte load that an in-order core can hide beside other work: see insert_high. */
.macro load_low _v, _x, _base, _low, _high
  ldr d\_v, [\_base, #(\_low)]
.endm
.macro load_high _x, _base, _high
  ldr x\_x, [\_base, #(\_high)]
.endm
.macro insert_high _v, _x
  ins v\_v\().d[1], x\_x
.endm
.altmacro
/* clang-format on */
