/*
 * Which extension of the architecture an A64 instruction belongs to: a table of encodings (Arm Architecture Reference Manual for
 * A-profile, DDI 0487, chapter C4 "A64 Instruction Set Encoding"), for what compilers and libraries for Linux use.
 */

/** An instruction that not every ARMv8 core has. */
export interface A64Instruction {
  readonly extension: A64Extension;
  /** The instruction, or the group that it is one of, as an assembler writes it. */
  readonly instruction: string;
}

/** All that the table knows, by GCC's names. */
export const a64Extensions = [
  "lse",
  "rcpc",
  "rcpc2",
  "rdma",
  "fp16",
  "fp16fml",
  "dotprod",
  "i8mm",
  "bf16",
  "jscvt",
  "fcma",
  "frintts",
  "flagm",
  "flagm2",
  "pauth",
  "sb",
  "memtag",
  "mops",
  "sve",
  "sme",
  "aes",
  "pmull",
  "sha1",
  "sha2",
  "sha3",
  "sm4",
] as const;
export type A64Extension = (typeof a64Extensions)[number];

/** Of ARMv8.0, in the middle of what a row below covers: they come first. */
const base = "";

type Row = readonly [mask: number, value: number, extension: A64Extension | typeof base, instruction: string];

const rows: readonly Row[] = [
  // Loads and stores.
  [0x3fa07c00, 0x08a07c00, "lse", "cas"],
  [0xbfa07c00, 0x08207c00, "lse", "casp"],
  [0x3ffffc00, 0x38bfc000, "rcpc", "ldapr"],
  [0x3f208c00, 0x38200000, "lse", "ldadd, ldclr, ldeor, ldset, ldsmax, ldsmin, ldumax or ldumin"],
  [0x3f20fc00, 0x38208000, "lse", "swp"],
  [0x3f200c00, 0x19000000, "rcpc2", "ldapur or stlur"],
  [0xff200400, 0xf8200400, "pauth", "ldraa or ldrab"],
  [0xff200000, 0xd9200000, "memtag", "stg, ldg or the like"],
  [0x3b200c00, 0x19000400, "mops", "cpyf, cpy, set or setg"],
  // Whole numbers, branches, system.
  [0xbfc00000, 0x91800000, "memtag", "addg or subg"],
  [0xffe0f000, 0x9ac01000, "memtag", "irg or gmi"],
  [0xffe0fc00, 0x9ac03000, "pauth", "pacga"],
  [0xffff0000, 0xdac10000, "pauth", "pacia or the like, with a register"],
  [0xffe07c10, 0xba000400, "flagm", "rmif"],
  [0xffffbc1f, 0x3a00080d, "flagm", "setf8 or setf16"],
  [0xffffffff, 0xd500401f, "flagm", "cfinv"],
  [0xffffffff, 0xd500403f, "flagm2", "xaflag"],
  [0xffffffff, 0xd500405f, "flagm2", "axflag"],
  [0xfffff0ff, 0xd50330ff, "sb", "sb"],
  [0xfffffbff, 0xd65f0bff, "pauth", "retaa or retab"],
  [0xfedff800, 0xd61f0800, "pauth", "braa, blraa or the like"],
  // Numbers of half, single and double precision.
  [0xfffffc00, 0x1ee24000, base, "fcvt"],
  [0xfffffc00, 0x1ee2c000, base, "fcvt"],
  [0x7fc00000, 0x1ec00000, "fp16", "a scalar instruction of half precision"],
  [0xffc00000, 0x1fc00000, "fp16", "fmadd or the like of half precision"],
  [0xfffffc00, 0x1e634000, "bf16", "bfcvt"],
  [0xfffffc00, 0x1e7e0000, "jscvt", "fjcvtzs"],
  [0xffbe7c00, 0x1e284000, "frintts", "frint32 or frint64"],
  // Vectors: three of the same kind.
  [0x9f60c400, 0x0e400400, "fp16", "a vector instruction of half precision"],
  [0xdf60c400, 0x5e400400, "fp16", "a vector instruction of half precision"],
  [0x9fe0fc00, 0x0e809400, "dotprod", "sdot or udot"],
  [0xbfe0fc00, 0x0e809c00, "i8mm", "usdot"],
  [0xffe0fc00, 0x4e80a400, "i8mm", "smmla"],
  [0xffe0fc00, 0x6e80a400, "i8mm", "ummla"],
  [0xffe0fc00, 0x4e80ac00, "i8mm", "usmmla"],
  [0xbfe0fc00, 0x2e40fc00, "bf16", "bfdot"],
  [0xffe0fc00, 0x6e40ec00, "bf16", "bfmmla"],
  [0xbfe0fc00, 0x2ec0fc00, "bf16", "bfmlalb or bfmlalt"],
  [0xbf20f400, 0x2e008400, "rdma", "sqrdmlah or sqrdmlsh"],
  [0xff20f400, 0x7e008400, "rdma", "sqrdmlah or sqrdmlsh"],
  [0xbf20e400, 0x2e00c400, "fcma", "fcmla"],
  [0xbf20ec00, 0x2e00e400, "fcma", "fcadd"],
  [0xbf60fc00, 0x0e20ec00, "fp16fml", "fmlal or fmlsl"],
  [0xbf60fc00, 0x2e20cc00, "fp16fml", "fmlal2 or fmlsl2"],
  [0xbfe0fc00, 0x0ee0e000, "pmull", "pmull of 64 bits"],
  // Vectors: of two registers, across, immediate.
  [0x9f7e0c00, 0x0e780800, "fp16", "a vector instruction of half precision"],
  [0xdf7e0c00, 0x5e780800, "fp16", "a vector instruction of half precision"],
  [0xff7fec00, 0x5e30c800, "fp16", "faddp or the like of half precision"],
  [0xff7ffc00, 0x5e30f800, "fp16", "fmaxp or fminp of half precision"],
  [0xbf7fcc00, 0x0e30c800, "fp16", "fmaxv or the like of half precision"],
  [0xbff8fc00, 0x0f00fc00, "fp16", "fmov of half precision"],
  [0x9ff0fc00, 0x0f10e400, "fp16", "scvtf or ucvtf of half precision"],
  [0x9ff0fc00, 0x0f10fc00, "fp16", "fcvtzs or fcvtzu of half precision"],
  [0xdff0fc00, 0x5f10e400, "fp16", "scvtf or ucvtf of half precision"],
  [0xdff0fc00, 0x5f10fc00, "fp16", "fcvtzs or fcvtzu of half precision"],
  [0xbffffc00, 0x0ea16800, "bf16", "bfcvtn"],
  [0x9fbfec00, 0x0e21e800, "frintts", "frint32 or frint64"],
  // Vectors: by an element.
  [0x9fc0f400, 0x0f80e000, "dotprod", "sdot or udot"],
  [0xbfc0f400, 0x0f80f000, "i8mm", "usdot"],
  [0xbfc0f400, 0x0f00f000, "i8mm", "sudot"],
  [0xbfc0f400, 0x0f40f000, "bf16", "bfdot"],
  [0xbfc0f400, 0x0fc0f000, "bf16", "bfmlalb or bfmlalt"],
  [0xbfc0b400, 0x0f001000, "fp16", "fmla or fmls of half precision"],
  [0xffc0b400, 0x5f001000, "fp16", "fmla or fmls of half precision"],
  [0x9fc0f400, 0x0f009000, "fp16", "fmul or fmulx of half precision"],
  [0xdfc0f400, 0x5f009000, "fp16", "fmul or fmulx of half precision"],
  [0xbfc0b400, 0x0f800000, "fp16fml", "fmlal or fmlsl"],
  [0xbfc0b400, 0x2f808000, "fp16fml", "fmlal2 or fmlsl2"],
  [0xbf00d400, 0x2f00d000, "rdma", "sqrdmlah or sqrdmlsh"],
  [0xff00d400, 0x7f00d000, "rdma", "sqrdmlah or sqrdmlsh"],
  [0xbf009400, 0x2f001000, "fcma", "fcmla"],
  // Cryptography.
  [0xffffcc00, 0x4e284800, "aes", "aese, aesd, aesmc or aesimc"],
  [0xffe0cc00, 0x5e000000, "sha1", "sha1c, sha1p, sha1m or sha1su0"],
  [0xffe0cc00, 0x5e004000, "sha2", "sha256h, sha256h2 or sha256su1"],
  [0xffffec00, 0x5e280800, "sha1", "sha1h or sha1su1"],
  [0xfffffc00, 0x5e282800, "sha2", "sha256su0"],
  [0xffe0f000, 0xce608000, "sha3", "sha512h, sha512h2, sha512su1 or rax1"],
  [0xfffffc00, 0xcec08000, "sha3", "sha512su0"],
  [0xffc08000, 0xce000000, "sha3", "eor3 or bcax"],
  [0xffe00000, 0xce800000, "sha3", "xar"],
  [0xff000000, 0xce000000, "sm4", "an instruction of SM3 or SM4"],
  // Whole spaces.
  [0x1e000000, 0x04000000, "sve", "an instruction of SVE"],
  [0x9e000000, 0x80000000, "sme", "an instruction of SME"],
];

/** The rows that a first byte may be of, in their order. */
const byTopByte: readonly (readonly Row[])[] = Array.from({ length: 256 }, (_, byte) =>
  rows.filter(([mask, value]) => ((byte & (mask >>> 24)) ^ (value >>> 24)) === 0),
);

/** The extension of one instruction word; undefined for ARMv8.0 (with CRC32) and for what the table does not know. */
export function a64Instruction(word: number): A64Instruction | undefined {
  for (const [mask, value, extension, instruction] of byTopByte[word >>> 24] ?? []) {
    if (((word & mask) ^ value) !== 0) continue;
    return extension === base ? undefined : { extension, instruction };
  }
  return undefined;
}

/**
 * Whether the instruction after these two runs only where the processor has LSE atomics: GCC's -moutline-atomics, the default of
 * AArch64 Linux, calls helpers of libgcc that load a byte into x16 and branch past the one instruction when it is 0.
 */
export const isBehindLseCheck = (load: number, branch: number): boolean =>
  (load & 0xffc003ff) === 0x39400210 && ((branch & 0xff00001f) ^ 0x34000010) === 0;
