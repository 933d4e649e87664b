import { type A64Extension, type A64Instruction, a64Instruction, isBehindLseCheck } from "./a64-features.js";
import { codeSections } from "./elf-code.js";

/** The instructions of one extension in a file. */
export interface ExtensionUse {
  readonly extension: A64Extension;
  readonly count: number;
  /** The first of them. */
  readonly instruction: string;
  readonly address: number;
}

/**
 * The extensions of ARMv8.0 that an AArch64 ELF file's code uses, by what its instructions are; `words` is how many were looked at.
 * Atomics behind libgcc's check of the processor do not count. Data between instructions is taken for instructions, too; compilers
 * for AArch64 put none there.
 */
export function extensionsIn(bytes: Buffer): { readonly words: number; readonly uses: readonly ExtensionUse[] } {
  const uses = new Map<A64Extension, ExtensionUse>();
  let words = 0;
  for (const { offset, size, address } of codeSections(bytes)) {
    for (let at = offset; at + 4 <= offset + size; at += 4) {
      words++;
      const found = a64Instruction(bytes.readUInt32LE(at));
      if (found === undefined || isChecked(bytes, { at, offset, found })) continue;
      const known = uses.get(found.extension);
      if (known === undefined) uses.set(found.extension, { ...found, count: 1, address: address + at - offset });
      else uses.set(found.extension, { ...known, count: known.count + 1 });
    }
  }
  return { words, uses: [...uses.values()] };
}

const isChecked = (bytes: Buffer, here: { at: number; offset: number; found: A64Instruction }): boolean =>
  here.found.extension === "lse" &&
  here.at >= here.offset + 8 &&
  isBehindLseCheck(bytes.readUInt32LE(here.at - 8), bytes.readUInt32LE(here.at - 4));
