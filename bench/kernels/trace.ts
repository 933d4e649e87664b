import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import type { Block, Counted } from "./count.js";
import type { FunctionSymbol } from "./symbols.js";

/**
 * Counts as count.ts does, without a machine and a plugin: the user-mode emulator writes a line for every block that
 * it executes in `functions`. Needs no compiler for the host, but its log holds 100 MB for a layer of a hundred million products.
 * `layers` are lines as in bench.c. Throws Error when the program fails.
 */
export async function traceLayers(options: {
  /** qemu-aarch64, and the processor that it shows. */
  readonly qemu: string;
  readonly cpu: string;
  /** Linked to a fixed address. */
  readonly program: string;
  /** Where the libraries of a program that is not static are: a sysroot, and folders of further ones. */
  readonly libraries?: { readonly sysroot: string; readonly folders: readonly string[] };
  readonly layers: readonly string[];
  readonly functions: readonly FunctionSymbol[];
}): Promise<Counted[]> {
  const { qemu, cpu, program, functions } = options;
  const mark = functions.find(({ name }) => name === "bench_mark");
  if (mark === undefined) throw new Error(`${program} has no bench_mark`);
  const ranges = functions.map(({ address, size }) => `0x${address.toString(16)}+0x${size.toString(16)}`).join(",");
  const { sysroot, folders = [] } = options.libraries ?? {};
  const search = sysroot === undefined ? [] : ["-L", sysroot, "-E", `LD_LIBRARY_PATH=${folders.join(":")}`];
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-trace-"));
  try {
    const log = join(folder, "log");
    const results: Counted[] = [];
    for (const layer of options.layers) {
      const { stdout } = await execa(qemu, [
        ...["-cpu", cpu, ...search, "-d", "in_asm,exec,nochain", "-dfilter", ranges, "-D", log, program],
        ...layer.split(" "),
      ]);
      results.push({ output: stdout, blocks: await readTrace(log, functions, mark.address) });
    }
    return results;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The blocks between the program's first two marks. */
async function readTrace(log: string, functions: readonly FunctionSymbol[], mark: number): Promise<Block[]> {
  const instructions = new Map<number, string[]>();
  const counts = new Map<number, number>();
  let marks = 0;
  let open: string[] | undefined;
  for await (const line of createInterface({ input: createReadStream(log) })) {
    if (line.startsWith("Trace ")) {
      /* Trace 0: host [base/address/flags/cflags] */
      const at = Number.parseInt(line.slice(line.indexOf("/") + 1), 16);
      if (at === mark) marks++;
      else if (marks === 1) counts.set(at, (counts.get(at) ?? 0) + 1);
    } else if (line.startsWith("IN:")) {
      open = [];
    } else if (open !== undefined && line.startsWith("0x")) {
      /* address:  code  mnemonic  operands */
      const [address = "", , ...words] = line.split(/\s+/);
      if (open.length === 0) instructions.set(Number.parseInt(address, 16), open);
      open.push(words.join(" "));
    }
  }
  if (marks !== 2) throw new Error(`the program set ${marks} marks, not 2`);
  return [...counts].map(([at, count]): Block => {
    const symbol = functions.find(({ address, size }) => at >= address && at < address + size);
    const texts = instructions.get(at);
    if (symbol === undefined || texts === undefined) throw new Error(`nothing is known of the block at ${at}`);
    return { symbol: symbol.name, instructions: texts, count };
  });
}
