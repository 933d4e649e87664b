import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { writeCpio } from "../../src/formats/cpio.js";
import type { FunctionSymbol } from "./symbols.js";

/** What the counting runs in: absolute paths. */
export interface Machine {
  readonly qemuSystem: string;
  /** A Linux kernel for arm64. */
  readonly kernel: string;
  /** count_blocks.so, compiled for the host that runs QEMU. */
  readonly plugin: string;
}

/** A straight run of instructions and how often it was executed. */
export interface Block {
  readonly symbol: string;
  /** Disassembled, `mnemonic operands`. */
  readonly instructions: readonly string[];
  readonly count: number;
}

export interface Counted {
  /** The line of JSON that the program printed. */
  readonly output: string;
  readonly blocks: readonly Block[];
}

/**
 * Boots Linux in QEMU with `program` as its only process, which runs `layers` one after the other, and counts with our
 * plugin every instruction that `functions` execute between the program's marks. Debian's user-mode emulator is linked
 * statically and cannot load plugins, the system emulator can. Counts depend on the program only: two runs give the same.
 * Throws Error when the program fails.
 */
export async function countLayers(options: {
  readonly machine: Machine;
  readonly cpu: string;
  readonly program: string;
  readonly layers: readonly string[];
  readonly functions: readonly FunctionSymbol[];
  /** Further files of the machine: path without a leading slash, in one folder at most -> file of the host. */
  readonly files?: Readonly<Record<string, string>>;
}): Promise<Counted[]> {
  const { machine, functions } = options;
  const mark = functions.find(({ name }) => name === "bench_mark");
  if (mark === undefined) throw new Error(`${options.program} has no bench_mark`);
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-count-"));
  try {
    const initrd = join(folder, "initrd.cpio");
    const out = join(folder, "counts");
    await writeFile(initrd, await image(options));
    const low = Math.min(...functions.map(({ address }) => address));
    const high = Math.max(...functions.map(({ address, size }) => address + size));
    const { stdout } = await execa(
      machine.qemuSystem,
      [
        ...["-machine", "virt", "-accel", "tcg,thread=single", "-cpu", options.cpu, "-m", "512"],
        ...["-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-nic", "none"],
        ...[
          "-kernel",
          machine.kernel,
          "-initrd",
          initrd,
          "-append",
          "console=ttyAMA0 quiet loglevel=0 panic=-1 rdinit=/init",
        ],
        ...["-plugin", `${machine.plugin},low=${low},high=${high},mark=${mark.address},out=${out}`],
      ],
      { stdin: "ignore", timeout: 600_000 },
    );
    const lines = stdout.split(/\r?\n/).filter((line) => line.startsWith("{"));
    if (lines.pop() !== '{"done":true}' || lines.length !== options.layers.length)
      throw new Error(`the program did not run every layer:\n${stdout}`);
    const regions = readCounts(await readFile(out, "utf8"), functions);
    return lines.map((output, index) => {
      /* Before each measured region lies the preparation of its layer. */
      const blocks = regions[2 * index + 1];
      if (blocks === undefined) throw new Error(`nothing was counted for ${options.layers[index]}`);
      return { output, blocks };
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function image(options: {
  readonly program: string;
  readonly layers: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
}): Promise<Uint8Array> {
  const files = Object.entries(options.files ?? {});
  const folders = new Set(files.map(([path]) => path.split("/", 1)[0] ?? ""));
  return writeCpio([
    { type: "directory", path: "dev", mode: 0o755 },
    { type: "character", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { type: "file", path: "init", mode: 0o755, data: await readFile(options.program) },
    { type: "file", path: "layers", mode: 0o644, data: new TextEncoder().encode(`${options.layers.join("\n")}\n`) },
    ...[...folders].map((path) => ({ type: "directory" as const, path, mode: 0o755 })),
    ...(await Promise.all(
      files.map(async ([path, from]) => ({ type: "file" as const, path, mode: 0o755, data: await readFile(from) })),
    )),
  ]);
}

/** Reads what count_blocks.c writes: the blocks of each region. */
function readCounts(text: string, functions: readonly FunctionSymbol[]): Block[][] {
  const instructions = new Map<string, string[]>();
  const regions: Block[][] = [];
  let region: Block[] = [];
  let open: string[] = [];
  for (const line of text.split("\n")) {
    const [kind, address = "", ...rest] = line.split(/\s+/);
    if (kind === "t") {
      open = [];
      instructions.set(address, open);
    } else if (kind === "i") {
      open.push(rest.join(" "));
    } else if (kind === "b") {
      const at = Number.parseInt(address, 16);
      const symbol = functions.find((one) => at >= one.address && at < one.address + one.size);
      const texts = instructions.get(address);
      if (symbol !== undefined && texts !== undefined)
        region.push({ symbol: symbol.name, instructions: texts, count: Number(rest[0]) });
    } else if (kind === "r") {
      regions.push(region);
      region = [];
    }
  }
  return regions;
}
