import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type Block, type Counted, countLayers, type Machine } from "./count.js";
import type { Layer } from "./layers.js";
import type { Core } from "./ports.js";
import { histogram, type Modelled, price } from "./price.js";
import { type FunctionSymbol, readFunctions } from "./symbols.js";

/** One kernel on one core with one layer: counted by the emulator, priced by the port table. */
export const row = z.object({
  core: z.string(),
  layer: z.string(),
  scheme: z.string(),
  kernel: z.string(),
  macs: z.number(),
  checksum: z.number(),
  /** Executed instructions of the call without packing, and of packing the input. */
  instructions: z.number(),
  packing: z.number(),
  cycles: z.number(),
  packingCycles: z.number(),
  /** What was full. */
  bound: z.string(),
});
export type Row = z.infer<typeof row>;

/** A layer and what runs it: the core's own variant, the compiler's version, the variant with the fewest instructions, or ncnn. */
export interface Task {
  readonly layer: Layer;
  readonly scheme: string;
  readonly by: "core" | "plain" | "neon64" | "ncnn" | "ncnn-direct";
}

const printed = z.object({ kernel: z.string(), macs: z.number(), checksum: z.number() });
const packing =
  /^(edge_pack_pixels|edge_plane_rows|pack_\w+|gather_row|scatter_\w+|plane_\w+|sum_codes|copy_w\w+|codes_of|place|slot_of|.*mem(cpy|set|move)\w*)(\.|$)/;
const counted =
  /^(edge_|finish_|run_panels|multiply|widen_add|open_packed|point_finish|sum_pixel|sum_four|sum_edge|sum_some|add_tap|plain_conv|dot_row|winograd_|bench_mark)/;
const skipped = /^edge_(conv_prepare|weight_|header_check|variant_|depthwise_prepare|winograd_prepare)/;

/** Functions of the library and the yardstick that run while a layer runs, and the mark. */
export async function hotFunctions(path: string): Promise<FunctionSymbol[]> {
  const all = readFunctions(await readFile(path));
  return all.filter(({ name }) => (packing.test(name) || counted.test(name)) && !skipped.test(name));
}

/** The mark, and one name for every other address of a process. */
export async function allOfUserMode(path: string): Promise<FunctionSymbol[]> {
  const all = readFunctions(await readFile(path));
  return [...all.filter(({ name }) => name === "bench_mark"), { name: "process", address: 0, size: 2 ** 48 }];
}

/** The line that tells the program what to run. */
export function taskLine(core: Core, { layer, scheme, by }: Task): string {
  const { height, width, inChannels, outChannels, kernel, stride, depthwise } = layer;
  const shape = [height, width, inChannels, outChannels, kernel, stride, depthwise ? 1 : 0];
  return [by === "core" ? core.variant : by, scheme, ...shape, 1].join(" ");
}

/** Runs all tasks on one emulated core. */
export async function measure(options: {
  readonly machine: Machine;
  readonly program: string;
  readonly core: Core;
  readonly tasks: readonly Task[];
  /** Shared libraries that the program needs in the machine; everything in user mode is counted then. */
  readonly files?: Readonly<Record<string, string>>;
}): Promise<Row[]> {
  const { core, tasks } = options;
  const results = await countLayers({
    machine: options.machine,
    cpu: core.cpu,
    program: options.program,
    layers: tasks.map((task) => taskLine(core, task)),
    functions: await (options.files === undefined ? hotFunctions(options.program) : allOfUserMode(options.program)),
    ...(options.files === undefined ? {} : { files: options.files }),
  });
  return results.map((counted, index) => rowOf(core, tasks[index], counted));
}

/** Prices what was counted for one task. */
export function rowOf(core: Core, task: Task | undefined, { output, blocks }: Counted): Row {
  if (task === undefined) throw new Error("more results than tasks");
  const { kernel, macs, checksum } = printed.parse(JSON.parse(output));
  const own = summarize(
    core,
    blocks.filter(({ symbol }) => !packing.test(symbol) && symbol !== "bench_mark"),
  );
  const pack = summarize(
    core,
    blocks.filter(({ symbol }) => packing.test(symbol)),
  );
  return {
    core: core.name,
    layer: task.layer.name,
    scheme: task.scheme,
    kernel,
    macs,
    checksum,
    instructions: own.instructions,
    packing: pack.instructions,
    cycles: Math.round(own.modelled.cycles),
    packingCycles: Math.round(pack.modelled.cycles),
    bound: own.modelled.bound,
  };
}

function summarize(core: Core, blocks: readonly Block[]): { instructions: number; modelled: Modelled } {
  let instructions = 0;
  for (const count of histogram(blocks).values()) instructions += count;
  return { instructions, modelled: price(core, blocks) };
}
