import type { InstructionClass } from "./classify.js";

/**
 * What one instruction occupies. In-order cores: `slot0` cycles of the only slot that takes 128-bit arithmetic, `either`
 * slots that may pair with it, `both` cycles in which nothing else issues; `partner` counts what may issue beside an INS (1) and
 * INS themselves (-1): without a partner INS takes slot 0. Loads and stores of several registers cost one each. Out-of-order cores: micro-operations and cycles
 * of each pipe; `v` may go to either vector pipe.
 */
export interface Price {
  readonly slot0?: number;
  readonly either?: number;
  readonly both?: number;
  readonly partner?: number;
  readonly uops?: number;
  readonly v0?: number;
  readonly v1?: number;
  readonly v?: number;
  readonly load?: number;
  readonly store?: number;
  readonly integer?: number;
}

export interface Core {
  readonly name: string;
  readonly title: string;
  readonly variant: "a53" | "a72" | "dot";
  /** CPU of the emulator, with the same instructions. */
  readonly cpu: string;
  /** Micro-operations per cycle; undefined for an in-order core. */
  readonly width: number | undefined;
  readonly loadPipes: number;
  readonly integerPipes: number;
  readonly prices: Readonly<Record<InstructionClass, Price>>;
  /** Multiplications per cycle that the arithmetic alone allows, by scheme. */
  readonly limits: Readonly<Record<string, number>>;
}

/*
 * Cortex-A53. Arm published no optimization guide. 128-bit arithmetic issues from slot 0, one a cycle: GCC's cortex-a53.md,
 * written by Arm. A 128-bit load takes two cycles and pairs with nothing, a 64-bit vector load takes one, LDR X
 * pairs with arithmetic, INS from a general register with a 64-bit vector load: ncnn's notes on dual issue (docs/developer-guide/arm-a53-a55-dual-issue.md).
 * FMLA 4s at one a cycle: cpufp's 11.26 GFLOPS at 1.41 GHz. Assumed, not found: stores cost what loads do, LD1R as LDR Q.
 */
const a53: Readonly<Record<InstructionClass, Price>> = {
  dot: { slot0: 1 },
  multiply8: { slot0: 1 },
  multiplyLong: { slot0: 1 },
  multiply: { slot0: 1 },
  pairAccumulate: { slot0: 1 },
  count: { slot0: 1 },
  vectorShift: { slot0: 1 },
  vectorNarrow: { slot0: 1 },
  vectorFloat: { slot0: 1 },
  vectorSimple: { slot0: 1 },
  duplicate: { slot0: 1 },
  insert: { either: 1, partner: -1 },
  loadQ: { both: 2, load: 2 },
  loadPairQ: { both: 4, load: 4 },
  loadD: { slot0: 1, load: 1, partner: 1 },
  loadPairD: { both: 2, load: 2 },
  loadSpread: { both: 2, load: 2 },
  load: { either: 1, load: 1 },
  loadPair: { both: 1, load: 1 },
  storeQ: { both: 2, load: 2 },
  storePairQ: { both: 4, load: 4 },
  storeD: { slot0: 1, load: 1 },
  storePairD: { both: 2, load: 2 },
  store: { either: 1, load: 1 },
  storePair: { both: 1, load: 1 },
  integer: { either: 1 },
  integerMultiply: { both: 1 },
  branch: { either: 1 },
};

/*
 * Cortex-A57 and A72: pipes F0 and F1, one load and one store pipe, two simple integer pipes, three micro-operations a cycle.
 * Arm's Cortex-A57 software optimization guide, sections 3.14 and 3.15, as transcribed in LLVM's AArch64SchedA57.td:
 * SMULL and SMLAL F0; MUL and MLA Q-form two cycles of F0; SADALP F1; shifts and saturating narrowing F1; the rest either.
 * CNT of 128 bits: LLVM lets it take either pipe, GCC's cortex-a57.md both; the dearer one is used. Assumed: LDP Q is two loads.
 */
const a72: Readonly<Record<InstructionClass, Price>> = {
  dot: { uops: 1, v: 1 },
  multiply8: { uops: 2, v0: 2 },
  multiplyLong: { uops: 1, v0: 1 },
  multiply: { uops: 2, v0: 2 },
  pairAccumulate: { uops: 1, v1: 1 },
  count: { uops: 2, v0: 1, v1: 1 },
  vectorShift: { uops: 1, v1: 1 },
  vectorNarrow: { uops: 1, v1: 1 },
  vectorFloat: { uops: 2, v: 2 },
  vectorSimple: { uops: 1, v: 1 },
  duplicate: { uops: 1, load: 1 },
  insert: { uops: 2, load: 1, v: 1 },
  loadQ: { uops: 1, load: 1 },
  loadPairQ: { uops: 2, load: 2 },
  loadD: { uops: 1, load: 1 },
  loadPairD: { uops: 2, load: 2 },
  loadSpread: { uops: 2, load: 1, v: 1 },
  load: { uops: 1, load: 1 },
  loadPair: { uops: 2, load: 1 },
  storeQ: { uops: 2, store: 2 },
  storePairQ: { uops: 4, store: 4 },
  storeD: { uops: 1, store: 1 },
  storePairD: { uops: 2, store: 2 },
  store: { uops: 1, store: 1 },
  storePair: { uops: 2, store: 2 },
  integer: { uops: 1, integer: 1 },
  integerMultiply: { uops: 1, integer: 1 },
  branch: { uops: 1 },
};

/*
 * Cortex-A76 (also A78, Neoverse N1): pipes V0 and V1, two load pipes, three simple integer pipes, four instructions a cycle.
 * Arm's Neoverse N1 software optimization guide as transcribed in LLVM's AArch64SchedNeoverseN1.td; SDOT at two a cycle:
 * cpufp's 153.5 GOPS at 2.4 GHz. MUL and MLA of bytes two cycles of V0. Stores take a vector pipe for their data.
 */
const a76: Readonly<Record<InstructionClass, Price>> = {
  dot: { uops: 1, v: 1 },
  multiply8: { uops: 1, v0: 2 },
  multiplyLong: { uops: 1, v0: 1 },
  multiply: { uops: 1, v0: 2 },
  pairAccumulate: { uops: 1, v1: 1 },
  count: { uops: 1, v: 1 },
  vectorShift: { uops: 1, v1: 1 },
  vectorNarrow: { uops: 1, v1: 1 },
  vectorFloat: { uops: 1, v: 1 },
  vectorSimple: { uops: 1, v: 1 },
  duplicate: { uops: 1, v: 1 },
  insert: { uops: 2, v: 1, integer: 1 },
  loadQ: { uops: 1, load: 1 },
  loadPairQ: { uops: 2, load: 2 },
  loadD: { uops: 1, load: 1 },
  loadPairD: { uops: 1, load: 1 },
  loadSpread: { uops: 2, load: 1, v: 1 },
  load: { uops: 1, load: 1 },
  loadPair: { uops: 1, load: 1 },
  storeQ: { uops: 2, store: 1, v: 1 },
  storePairQ: { uops: 4, store: 2, v: 2 },
  storeD: { uops: 2, store: 1, v: 1 },
  storePairD: { uops: 2, store: 1, v: 1 },
  store: { uops: 1, store: 1 },
  storePair: { uops: 1, store: 1 },
  integer: { uops: 1, integer: 1 },
  integerMultiply: { uops: 1, integer: 1 },
  branch: { uops: 1 },
};

/**
 * Limits: 16 lanes times the arithmetic instructions that one product of two vectors needs, on these pipes; `winograd`: four
 * products of SMLAL a cycle, each worth four; `winogradNarrow`: eight of MLA, each worth three.
 */
export const cores: readonly Core[] = [
  {
    name: "a53",
    title: "Cortex-A53 (Raspberry Pi 3, Zero 2 W)",
    variant: "a53",
    cpu: "cortex-a53",
    width: undefined,
    loadPipes: 1,
    integerPipes: 2,
    prices: a53,
    limits: { w8a8: 5.33, w7a7: 7.1, w4a4: 8, w2a2: 15.4, w1a2: 21.3, w1a1: 42.7, winograd: 16, winogradNarrow: 24 },
  },
  {
    name: "a72",
    title: "Cortex-A72, A57 (Raspberry Pi 4, Jetson Nano)",
    variant: "a72",
    cpu: "cortex-a72",
    width: 3,
    loadPipes: 1,
    integerPipes: 2,
    prices: a72,
    limits: { w8a8: 8, w7a7: 8, w4a4: 8, w2a2: 16, w1a2: 32, w1a1: 64, winograd: 16 },
  },
  {
    name: "a76",
    title: "Cortex-A76 (Raspberry Pi 5)",
    variant: "dot",
    cpu: "cortex-a76",
    width: 4,
    loadPipes: 2,
    integerPipes: 3,
    prices: a76,
    limits: { w8a8: 32, w7a7: 32, w4a4: 32, w2a2: 32, w1a2: 42.7, w1a1: 85.3 },
  },
];
