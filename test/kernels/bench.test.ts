import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type Layer, resnet18, schemes } from "../../bench/kernels/layers.js";
import { allOfUserMode, hotFunctions, type Row, rowOf, type Task, taskLine } from "../../bench/kernels/measure.js";
import { cores } from "../../bench/kernels/ports.js";
import { compileBench, compileNcnnBench } from "../../bench/kernels/programs.js";
import { goals } from "../../bench/kernels/tables.js";
import { traceLayers } from "../../bench/kernels/trace.js";
import { inOrderNcnn, kernelTools } from "./tools.js";

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

t.test("counted instructions and modelled cycles reach the goals", async (t) => {
  const tools = kernelTools();
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-kernels-bench-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const [first] = cores;
  if (first === undefined) throw new Error("there are no cores");
  /* One program for all: only the compiler's version of a convolution differs by core, and no goal is about that. */
  const program = await compileBench(tools, first, folder);
  const functions = await hotFunctions(program);
  const seen = new Set<string>();
  const sums = new Set<number>();
  for (const core of cores) {
    const tasks: Task[] = schemes.map((scheme) => ({ layer, scheme, by: "core" }));
    if (core === first) tasks.push({ layer, scheme: "w8a8", by: "plain" });
    if (core.name === "a72")
      tasks.push(
        { layer, scheme: "w2a2", by: "neon64" },
        { layer, scheme: "w8a8", by: "neon64" },
        { layer: shortSums, scheme: "w1a1", by: "core" },
      );
    const counted = await traceLayers({
      qemu: tools.qemu,
      cpu: core.cpu,
      program,
      layers: tasks.map((task) => taskLine(core, task)),
      functions,
    });
    const rows = counted.map((one, index) => rowOf(core, tasks[index], one));
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
  const folder = await mkdtemp(join(tmpdir(), "edgeimg-kernels-bench-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const [core] = cores;
  if (core === undefined) throw new Error("there are no cores");
  const whole = find(256);
  const count = async (
    program: string,
    tasks: readonly Task[],
    more: Pick<Parameters<typeof traceLayers>[0], "functions" | "libraries">,
  ) => {
    const layers = tasks.map((task) => taskLine(core, task));
    const counted = await traceLayers({ qemu: tools.qemu, cpu: core.cpu, program, layers, ...more });
    return counted.map((one, index) => rowOf(core, tasks[index], one));
  };
  const program = await compileBench(tools, core, folder);
  const own = await count(
    program,
    ["w8a8", "w2a2", "w1a1"].map((scheme) => ({ layer: whole, scheme, by: "core" })),
    { functions: await hotFunctions(program) },
  );
  const ncnn = inOrderNcnn();
  const theirs = await compileNcnnBench(tools, ncnn, folder);
  const others = await count(
    theirs.program,
    (["ncnn", "ncnn-direct"] as const).map((by) => ({ layer: whole, scheme: "w8a8", by })),
    { functions: await allOfUserMode(theirs.program), libraries: { sysroot: tools.sysroot, folders: [`${ncnn}/lib`] } },
  );
  const cycles = (rows: readonly Row[], index: number) =>
    (rows[index]?.cycles ?? 0) + (rows[index]?.packingCycles ?? 0);
  const atLeast = (index: number, other: number, goal: number) => {
    const ratio = cycles(others, other) / cycles(own, index);
    t.ok(
      ratio >= goal,
      `${own[index]?.scheme} against ${others[other]?.kernel}: ${ratio.toFixed(2)}, at least ${goal}`,
    );
  };
  atLeast(0, 0, 1);
  atLeast(1, 0, 1.5);
  /* Four times ncnn's Winograd with 6-bit weights is out of the core's reach: docs/kernels.md. */
  atLeast(2, 0, 3.7);
  atLeast(2, 1, 4);
});
