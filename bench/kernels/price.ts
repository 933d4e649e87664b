import { classify, type InstructionClass, registersMoved } from "./classify.js";
import type { Block } from "./count.js";
import type { Core, Price } from "./ports.js";

type Sums = { -readonly [Key in keyof Required<Price>]: number };

const nothing = (): Sums => ({
  slot0: 0,
  either: 0,
  both: 0,
  partner: 0,
  uops: 0,
  v0: 0,
  v1: 0,
  v: 0,
  load: 0,
  store: 0,
  integer: 0,
});

function add(sums: Sums, price: Price, times: number): void {
  sums.slot0 += (price.slot0 ?? 0) * times;
  sums.either += (price.either ?? 0) * times;
  sums.both += (price.both ?? 0) * times;
  sums.partner += (price.partner ?? 0) * times;
  sums.uops += (price.uops ?? 0) * times;
  sums.v0 += (price.v0 ?? 0) * times;
  sums.v1 += (price.v1 ?? 0) * times;
  sums.v += (price.v ?? 0) * times;
  sums.load += (price.load ?? 0) * times;
  sums.store += (price.store ?? 0) * times;
  sums.integer += (price.integer ?? 0) * times;
}

/** Executed instructions by class. */
export function histogram(blocks: readonly Block[]): Map<InstructionClass, number> {
  const result = new Map<InstructionClass, number>();
  for (const { instructions, count } of blocks)
    for (const text of instructions) {
      const name = classify(text);
      result.set(name, (result.get(name) ?? 0) + count);
    }
  return result;
}

export interface Modelled {
  readonly cycles: number;
  /** The resource that was full. */
  readonly bound: string;
}

/**
 * Cycles by the port table: every load hits the first-level cache, no branch is mispredicted, no result is waited for.
 * On an in-order core each block is priced alone (instructions pair with neighbours only); on an out-of-order core the
 * fullest pipe of the whole run counts.
 */
export function price(core: Core, blocks: readonly Block[]): Modelled {
  if (core.width === undefined) return priceInOrder(core, blocks);
  const sums = nothing();
  for (const { instructions, count } of blocks)
    for (const text of instructions) add(sums, core.prices[classify(text)], registersMoved(text) * count);
  const bounds: readonly (readonly [string, number])[] = [
    ["issue width", sums.uops / core.width],
    ["vector pipe 0", sums.v0],
    ["vector pipe 1", sums.v1],
    ["both vector pipes", (sums.v0 + sums.v1 + sums.v) / 2],
    ["loads", sums.load / core.loadPipes],
    ["stores", sums.store],
    ["integer pipes", sums.integer / core.integerPipes],
  ];
  const [bound, cycles] = bounds.reduce((a, b) => (b[1] > a[1] ? b : a));
  return { cycles, bound };
}

function priceInOrder(core: Core, blocks: readonly Block[]): Modelled {
  const by = new Map<string, number>();
  const partners = new Map<string, number>();
  for (const { symbol, instructions, count } of blocks) {
    const sums = nothing();
    for (const text of instructions) add(sums, core.prices[classify(text)], registersMoved(text));
    const bounds: readonly (readonly [string, number])[] = [
      ["slot 0", sums.both + sums.slot0],
      ["both slots", sums.both + (sums.slot0 + sums.either) / 2],
      ["loads", sums.load],
    ];
    const [bound, cycles] = bounds.reduce((a, b) => (b[1] > a[1] ? b : a));
    by.set(bound, (by.get(bound) ?? 0) + cycles * count);
    partners.set(symbol, (partners.get(symbol) ?? 0) + sums.partner * count);
  }
  /* An INS may wait for the next load, which the emulator may have put into another block. */
  let cycles = 0;
  for (const balance of partners.values()) cycles += Math.max(0, -balance);
  let bound: readonly [string, number] = ["slot 0", 0];
  for (const entry of by) {
    cycles += entry[1];
    if (entry[1] > bound[1]) bound = entry;
  }
  return { cycles, bound: bound[0] };
}
