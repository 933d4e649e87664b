/* Which kernels each core runs, as data, and how the core is recognised. */
#include "internal.h"

/* ---- kernels: order, channels, pixels, pixel step, depth, weight planes, input planes, doubled, narrow, deepest sum ---- */

#define BYTES EDGE_ORDER_BYTES
#define BITS EDGE_ORDER_BITS

static const edge_kernel scalar_bytes = {"scalar-bytes", BYTES, 4, 4, 1, 16, 0, 0, 0, 0, EDGE_MAX_DEPTH,
                                         {edge_scalar_bytes, edge_scalar_bytes, edge_scalar_bytes, edge_scalar_bytes}};
static const edge_kernel scalar_bs22 = {"scalar-2x2", BITS, 4, 4, 1, 64, 2, 2, 0, 1, 7232,
                                        {edge_scalar_bits, edge_scalar_bits, edge_scalar_bits, edge_scalar_bits}};
static const edge_kernel scalar_bs12 = {"scalar-1x2", BITS, 8, 3, 1, 64, 1, 2, 0, 1, 21824,
                                        {edge_scalar_bits, edge_scalar_bits, edge_scalar_bits}};
static const edge_kernel scalar_bin = {"scalar-1x1", BITS, 8, 4, 1, 64, 1, 1, 0, 1, 32704,
                                       {edge_scalar_bits, edge_scalar_bits, edge_scalar_bits, edge_scalar_bits}};
static const edge_variant_row scalar_row = {
    "scalar", {&scalar_bytes, &scalar_bytes, &scalar_bytes, &scalar_bs22, &scalar_bs12, &scalar_bin}, {NULL}};

#if defined(__aarch64__)
#include <sys/auxv.h>

edge_multiply edge_s8_plain_1, edge_s8_plain_2, edge_s8_plain_3, edge_s8_plain_4, edge_s8_inorder_4;
edge_multiply edge_bin_plain_1, edge_bin_plain_2, edge_bin_plain_3, edge_bin_inorder_4;
edge_multiply edge_u2_plain_1, edge_u2_plain_2, edge_u2_plain_3, edge_u2_plain_4, edge_u2_plain_5, edge_u2_plain_6, edge_u2_inorder_6;
edge_multiply edge_s4_plain_1, edge_s4_plain_2, edge_s4_plain_3, edge_s4_plain_4, edge_s4_plain_5, edge_s4_plain_6, edge_s4_inorder_6;
edge_multiply edge_s7_plain_1, edge_s7_plain_2, edge_s7_inorder_3;
edge_multiply edge_bs22_1, edge_bs22_2, edge_bs22_3, edge_bs22_4, edge_bs12_1, edge_bs12_2, edge_bs12_3;
edge_multiply edge_bs11_1, edge_bs11_2, edge_bs11_3, edge_bs11_4, edge_bs11_5, edge_bs11_6;
edge_multiply edge_dot_4, edge_dot_8, edge_dot_12;
edge_winograd_multiply edge_winograd_plain_1, edge_winograd_plain_2, edge_winograd_plain_3, edge_winograd_plain_4, edge_winograd_plain_5,
    edge_winograd_plain_6, edge_winograd_plain_7, edge_winograd_plain_8;
edge_winograd_multiply edge_winograd_inorder_1, edge_winograd_inorder_2, edge_winograd_inorder_3, edge_winograd_inorder_4,
    edge_winograd_inorder_5, edge_winograd_inorder_6, edge_winograd_inorder_7, edge_winograd_inorder_8;
edge_winograd_multiply edge_winograd_narrow_1, edge_winograd_narrow_2, edge_winograd_narrow_3, edge_winograd_narrow_4,
    edge_winograd_narrow_5, edge_winograd_narrow_6, edge_winograd_narrow_7, edge_winograd_narrow_8;

static const edge_kernel s8_plain = {"s8-smull", BYTES, 4, 4, 1, 16, 0, 0, 0, 0, EDGE_MAX_DEPTH,
                                     {edge_s8_plain_1, edge_s8_plain_2, edge_s8_plain_3, edge_s8_plain_4}};
static const edge_kernel s8_inorder = {"s8-smull-inorder", BYTES, 4, 4, 1, 16, 0, 0, 0, 0, EDGE_MAX_DEPTH,
                                       {edge_s8_plain_1, edge_s8_plain_2, edge_s8_plain_3, edge_s8_inorder_4}};
static const edge_kernel s7_inorder = {"s7-smlal-inorder", BYTES, 4, 3, 1, 16, 0, 0, 0, 0, EDGE_MAX_DEPTH,
                                       {edge_s7_plain_1, edge_s7_plain_2, edge_s7_inorder_3}};
/* 136 steps of two products per int16 lane: 272 * 120 < 32768. */
static const edge_kernel s4_inorder = {
    "s4-smlal-inorder", BYTES, 4, 6, 1, 16, 0, 0, 0, 0, 2176,
    {edge_s4_plain_1, edge_s4_plain_2, edge_s4_plain_3, edge_s4_plain_4, edge_s4_plain_5, edge_s4_inorder_6}};
static const edge_kernel s4_plain = {
    "s4-smlal", BYTES, 4, 6, 1, 16, 0, 0, 0, 0, 2176,
    {edge_s4_plain_1, edge_s4_plain_2, edge_s4_plain_3, edge_s4_plain_4, edge_s4_plain_5, edge_s4_plain_6}};
/* 9 * 7280 < 65536: sums of one output fit uint16. */
static const edge_kernel u2_inorder = {
    "u2-mla-inorder", BYTES, 8, 6, 1, 8, 0, 0, 1, 1, 7280,
    {edge_u2_plain_1, edge_u2_plain_2, edge_u2_plain_3, edge_u2_plain_4, edge_u2_plain_5, edge_u2_inorder_6}};
static const edge_kernel u2_plain = {
    "u2-mla", BYTES, 8, 6, 1, 8, 0, 0, 1, 1, 7280,
    {edge_u2_plain_1, edge_u2_plain_2, edge_u2_plain_3, edge_u2_plain_4, edge_u2_plain_5, edge_u2_plain_6}};
static const edge_kernel bs22 = {"2x2-and-cnt", BITS, 4, 4, 1, 64, 2, 2, 1, 1, 7232, {edge_bs22_1, edge_bs22_2, edge_bs22_3, edge_bs22_4}};
static const edge_kernel bs12 = {"1x2-and-cnt", BITS, 8, 3, 1, 64, 1, 2, 1, 1, 21824, {edge_bs12_1, edge_bs12_2, edge_bs12_3}};
static const edge_kernel bin_plain = {"1x1-eor-cnt", BITS, 8, 6, 1, 64, 1, 1, 1, 1, 32704,
                                      {edge_bs11_1, edge_bs11_2, edge_bs11_3, edge_bs11_4, edge_bs11_5, edge_bs11_6}};
static const edge_kernel bin_inorder = {"1x1-eor-cnt-inorder", BITS, 8, 4, 1, 64, 1, 1, 1, 1, 32704,
                                        {edge_bin_plain_1, edge_bin_plain_2, edge_bin_plain_3, edge_bin_inorder_4}};
static const edge_kernel dot = {"s8-sdot", BYTES, 8, 12, 4, 4, 0, 0, 0, 0, EDGE_MAX_DEPTH, {edge_dot_4, edge_dot_8, edge_dot_12}};

/* The direct kernels do up to 6.3 products a cycle on an A53 and 8 on an A72; these 4, of a quarter as many. */
static const edge_winograd winograd_inorder = {
    "s16-winograd-inorder",
    4,
    8,
    1 << 18,
    8,
    {edge_winograd_inorder_1, edge_winograd_inorder_2, edge_winograd_inorder_3, edge_winograd_inorder_4, edge_winograd_inorder_5,
     edge_winograd_inorder_6, edge_winograd_inorder_7, edge_winograd_inorder_8}};
static const edge_winograd winograd_plain = {
    "s16-winograd",
    4,
    8,
    1 << 18,
    10,
    {edge_winograd_plain_1, edge_winograd_plain_2, edge_winograd_plain_3, edge_winograd_plain_4, edge_winograd_plain_5,
     edge_winograd_plain_6, edge_winograd_plain_7, edge_winograd_plain_8}};
/* MLA of 16 bits has half throughput on out-of-order cores: only for the A53. */
static const edge_winograd winograd_narrow = {
    "s16-winograd-narrow",
    2,
    16,
    1366,
    5,
    {edge_winograd_narrow_1, edge_winograd_narrow_2, edge_winograd_narrow_3, edge_winograd_narrow_4, edge_winograd_narrow_5,
     edge_winograd_narrow_6, edge_winograd_narrow_7, edge_winograd_narrow_8}};

static const edge_variant_row a53_row = {"a53", {&s8_inorder, &s7_inorder, &s4_inorder, &u2_inorder, &bs12, &bin_inorder},
                                         {&winograd_inorder, &winograd_inorder, &winograd_inorder, &winograd_narrow, &winograd_narrow}};
static const edge_variant_row neon64_row = {"neon64", {&s8_plain, &s8_plain, &s4_plain, &u2_plain, &bs12, &bin_plain}, {NULL}};
static const edge_variant_row a72_row = {"a72", {&s8_plain, &s8_plain, &s4_plain, &bs22, &bs12, &bin_plain},
                                         {&winograd_plain, &winograd_plain, &winograd_plain}};
static const edge_variant_row dot_row = {"dot", {&dot, &dot, &dot, &dot, &bs12, &bin_plain}, {NULL}};

/* HWCAP bits of the kernel's asm/hwcap.h. */
#define HWCAP_ASIMDDP_BIT (1ul << 20)
#define HWCAP_CPUID_BIT (1ul << 11)

static int has_dot(void) {
  return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP_BIT) != 0;
}

/* Part numbers of MIDR_EL1 (Arm's technical reference manuals) whose pipelines are in order and without dot product. */
static int is_inorder(void) {
  uint64_t midr;
  if ((getauxval(AT_HWCAP) & HWCAP_CPUID_BIT) == 0) return 0;
  __asm__("mrs %0, midr_el1" : "=r"(midr));
  if ((midr >> 24 & 0xff) != 0x41) return 0;
  switch (midr >> 4 & 0xfff) {
    case 0xd02: /* A34 */
    case 0xd03: /* A53 */
    case 0xd04: /* A35 */
      return 1;
    default: return 0;
  }
}

edge_variant edge_variant_detect(void) {
  return has_dot() ? EDGE_VARIANT_DOT : is_inorder() ? EDGE_VARIANT_A53 : EDGE_VARIANT_A72;
}

edge_status edge_variant_check(edge_variant variant) {
  switch (variant) {
    case EDGE_VARIANT_SCALAR:
    case EDGE_VARIANT_A53:
    case EDGE_VARIANT_A72:
    case EDGE_VARIANT_NEON64: return EDGE_OK;
    case EDGE_VARIANT_DOT: return has_dot() ? EDGE_OK : EDGE_E_UNSUPPORTED;
    case EDGE_VARIANT_NEON32: return EDGE_E_UNSUPPORTED;
    default: return EDGE_E_ARGUMENT;
  }
}

const edge_variant_row *edge_variant_find(edge_variant variant) {
  switch (variant) {
    case EDGE_VARIANT_A53: return &a53_row;
    case EDGE_VARIANT_A72: return &a72_row;
    case EDGE_VARIANT_DOT: return &dot_row;
    case EDGE_VARIANT_NEON64: return &neon64_row;
    default: return &scalar_row;
  }
}

#elif defined(__arm__) && defined(__ARM_NEON)
#include <sys/auxv.h>

edge_multiply edge_neon32_s8_1, edge_neon32_s8_2, edge_neon32_u2_1, edge_neon32_u2_2, edge_neon32_bin_1, edge_neon32_bin_2, edge_neon32_bs12_1;

static const edge_kernel neon32_s8 = {"s8-vmull", BYTES, 4, 2, 1, 16, 0, 0, 0, 0, EDGE_MAX_DEPTH, {edge_neon32_s8_1, edge_neon32_s8_2}};
static const edge_kernel neon32_u2 = {"u2-vmla", BYTES, 8, 2, 1, 8, 0, 0, 1, 1, 7280, {edge_neon32_u2_1, edge_neon32_u2_2}};
static const edge_kernel neon32_bin = {"1x1-veor-vcnt", BITS, 8, 2, 1, 64, 1, 1, 1, 1, 32704, {edge_neon32_bin_1, edge_neon32_bin_2}};
static const edge_kernel neon32_bs12 = {"1x2-vand-vcnt", BITS, 8, 1, 1, 64, 1, 2, 1, 1, 21824, {edge_neon32_bs12_1}};
static const edge_variant_row neon32_row = {"neon32", {&neon32_s8, &neon32_s8, &neon32_s8, &neon32_u2, &neon32_bs12, &neon32_bin}, {NULL}};

/* HWCAP bit of the kernel's asm/hwcap.h. */
#define HWCAP_NEON_BIT (1ul << 12)

edge_variant edge_variant_detect(void) {
  return (getauxval(AT_HWCAP) & HWCAP_NEON_BIT) != 0 ? EDGE_VARIANT_NEON32 : EDGE_VARIANT_SCALAR;
}

edge_status edge_variant_check(edge_variant variant) {
  if (variant == EDGE_VARIANT_SCALAR) return EDGE_OK;
  if (variant == EDGE_VARIANT_NEON32) return (getauxval(AT_HWCAP) & HWCAP_NEON_BIT) != 0 ? EDGE_OK : EDGE_E_UNSUPPORTED;
  return variant >= EDGE_VARIANT_A53 && variant <= EDGE_VARIANT_NEON64 ? EDGE_E_UNSUPPORTED : EDGE_E_ARGUMENT;
}

const edge_variant_row *edge_variant_find(edge_variant variant) {
  return variant == EDGE_VARIANT_NEON32 ? &neon32_row : &scalar_row;
}

#else

edge_variant edge_variant_detect(void) {
  return EDGE_VARIANT_SCALAR;
}

edge_status edge_variant_check(edge_variant variant) {
  if (variant == EDGE_VARIANT_SCALAR) return EDGE_OK;
  return variant >= EDGE_VARIANT_A53 && variant <= EDGE_VARIANT_NEON64 ? EDGE_E_UNSUPPORTED : EDGE_E_ARGUMENT;
}

const edge_variant_row *edge_variant_find(edge_variant variant) {
  (void)variant;
  return &scalar_row;
}
#endif

const char *edge_variant_name(edge_variant variant) {
  static const char *const names[] = {"auto", "scalar", "a53", "a72", "dot", "neon32", "neon64"};
  return variant >= EDGE_VARIANT_AUTO && variant <= EDGE_VARIANT_NEON64 ? names[variant] : "?";
}
