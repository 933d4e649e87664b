import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type Layer, resnet18, schemes } from "../../bench/kernels/layers.js";
import { allOfUserMode, hotFunctions, type Row, rowOf, type Task, taskLine } from "../../bench/kernels/measure.js";
import { type Core, cores } from "../../bench/kernels/ports.js";
import { compileBench, compileNcnnBench } from "../../bench/kernels/programs.js";
import { goals } from "../../bench/kernels/tables.js";
import { traceLayers } from "../../bench/kernels/trace.js";
import { installedNcnn, kernelTools } from "./tools.js";

/** Multiplications per executed instruction, packing of the input excluded: kernel -> at least. */
const perInstruction: Readonly<Record<string, number>> = {
  "s8-smull": 4.5,
  "u2-mla": 10.5,
  "2x2-and-cnt": 8.5,
  "1x1-eor-cnt": 33,
};

/* Eight times fewer outputs than in ResNet-18, to be quick: input is transformed and packed for fewer. */
const layer: Layer = { ...find(256), outChannels: 32 };
const shortSums = find(64);

function find(channels: number): Layer {
  const found = resnet18.find(({ inChannels }) => inChannels === channels);
  if (found === undefined) throw new Error(`there is no layer of ${channels} channels`);
  return found;
}

/** A folder of one test. */
async function scratch(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-kernels-bench-"));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

/** Counts tasks on one core, in their order. */
async function count(
  core: Core,
  tasks: readonly Task[],
  how: Pick<Parameters<typeof traceLayers>[0], "program" | "functions" | "libraries">,
): Promise<Row[]> {
  const layers = tasks.map((task) => taskLine(core, task));
  const counted = await traceLayers({ qemu: kernelTools().qemu, cpu: core.cpu, layers, ...how });
  return counted.map((one, index) => rowOf(core, tasks[index], one));
}

const [inOrder] = cores;
if (inOrder === undefined) throw new Error("there are no cores");

t.test("counted instructions and modelled cycles reach the goals", async (t) => {
  /* One program for all: only the compiler's version of a convolution differs by core, and no goal is about that. */
  const program = await compileBench(kernelTools(), inOrder, await scratch(t));
  const functions = await hotFunctions(program);
  const seen = new Set<string>();
  const sums = new Set<number>();
  for (const core of cores) {
    const tasks: Task[] = schemes.map((scheme) => ({ layer, scheme, by: "core" }));
    if (core === inOrder) tasks.push({ layer, scheme: "w8a8", by: "plain" });
    if (core.name === "a72")
      tasks.push(
        { layer, scheme: "w2a2", by: "neon64" },
        { layer, scheme: "w8a8", by: "neon64" },
        { layer: shortSums, scheme: "w1a1", by: "core" },
      );
    const rows = await count(core, tasks, { program, functions });
    for (const row of rows) check(t, core.name, row, seen);
    const int8 = rows.filter(({ scheme }) => scheme === "w8a8");
    for (const { checksum } of int8) sums.add(checksum);
  }
  t.equal(sums.size, 1, "int8 is the same on every core, and equals the compiler's version");
  t.same([...seen].sort(), Object.keys(perInstruction).sort(), "every ratchet was applied");
});

function check(t: Test, core: string, row: Row, seen: Set<string>): void {
  const goal = row.kernel === "compiler" || row.kernel === "u2-mla" ? undefined : goals[core]?.[row.scheme];
  const rate = row.macs / row.cycles;
  if (goal !== undefined)
    t.ok(rate >= goal, `${core} ${row.kernel}: ${rate.toFixed(2)} MAC per modelled cycle, goal ${goal}`);
  const ratchet = core === "a72" ? perInstruction[row.kernel] : undefined;
  if (ratchet === undefined) return;
  seen.add(row.kernel);
  const counted = row.macs / row.instructions;
  t.ok(counted >= ratchet, `${row.kernel}: ${counted.toFixed(2)} MAC per instruction, at least ${ratchet}`);
}

t.test("against ncnn's int8 on the A53, in one run: faster at 8 bits, 1.5 times at 2", async (t) => {
  const tools = kernelTools();
  const folder = await scratch(t);
  const whole = find(256);
  const program = await compileBench(tools, inOrder, folder);
  const own = await count(
    inOrder,
    ["w8a8", "w2a2", "w1a1"].map((scheme) => ({ layer: whole, scheme, by: "core" })),
    { program, functions: await hotFunctions(program) },
  );
  /* Of the same instruction set; only the order of instructions is another core's. The tables of docs/kernels.md have the one for the A53. */
  const ncnn = installedNcnn();
  const other = (await compileNcnnBench(tools, ncnn, folder)).program;
  const theirs = await count(
    inOrder,
    (["ncnn", "ncnn-direct"] as const).map((by) => ({ layer: whole, scheme: "w8a8", by })),
    {
      program: other,
      functions: await allOfUserMode(other),
      libraries: { sysroot: tools.sysroot, folders: [`${ncnn}/lib`] },
    },
  );
  const cycles = (rows: readonly Row[], fits: (row: Row) => boolean): number => {
    const row = rows.find(fits);
    if (row === undefined || row.cycles === 0) throw new Error("a layer was not counted");
    return row.cycles + row.packingCycles;
  };
  const atLeast = (scheme: string, kernel: string, goal: number) => {
    const ratio = cycles(theirs, (row) => row.kernel === kernel) / cycles(own, (row) => row.scheme === scheme);
    t.ok(ratio >= goal, `${scheme} against ${kernel}: ${ratio.toFixed(2)}, at least ${goal}`);
  };
  atLeast("w8a8", "ncnn", 1);
  atLeast("w2a2", "ncnn", 1.5);
  /* Four times ncnn's Winograd with 6-bit weights is out of the core's reach: docs/kernels.md. */
  atLeast("w1a1", "ncnn", 3.7);
  atLeast("w1a1", "ncnn-direct", 4);
});
