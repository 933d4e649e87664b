import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { resnet18, schemes } from "../../bench/kernels/layers.js";
import { measure, type Row, type Task } from "../../bench/kernels/measure.js";
import { cores } from "../../bench/kernels/ports.js";
import { benchTools, compileBench, makeMachine } from "../../bench/kernels/programs.js";
import { goals } from "../../bench/kernels/tables.js";

const tools = benchTools();

/** Multiplications per executed instruction, packing of the input excluded: kernel -> at least. */
const perInstruction: Readonly<Record<string, number>> = {
  "s8-smull": 4.5,
  "u2-mla": 10.5,
  "2x2-and-cnt": 8.5,
  "1x1-eor-cnt": 33,
};

t.test(
  "counted instructions and modelled cycles reach the goals",
  { skip: tools === undefined ? "no compiler for the host, emulator or kernel was named" : false },
  async (t) => {
    if (tools === undefined) return;
    const folder = await mkdtemp(join(tmpdir(), "edgeimg-kernels-bench-"));
    t.teardown(() => rm(folder, { recursive: true }));
    const machine = await makeMachine(tools, folder);
    const layer = resnet18.find(({ height }) => height === 14);
    if (layer === undefined) throw new Error("there is no 14x14 layer");
    const seen = new Set<string>();
    for (const core of cores) {
      const program = await compileBench(tools, core, folder);
      const tasks: Task[] = schemes.map((scheme) => ({ layer, scheme, by: "core" }));
      tasks.push({ layer, scheme: "w8a8", by: "plain" });
      if (core.name === "a72")
        tasks.push({ layer, scheme: "w2a2", by: "neon64" }, { layer, scheme: "w8a8", by: "neon64" });
      const rows = await measure({ machine, program, core, tasks });
      for (const row of rows) check(t, core.name, row, seen);
      const int8 = rows.filter(({ scheme }) => scheme === "w8a8");
      t.equal(
        new Set(int8.map(({ checksum }) => checksum)).size,
        1,
        `${core.name}: int8 equals the compiler's version`,
      );
    }
    t.same([...seen].sort(), Object.keys(perInstruction).sort(), "every ratchet was applied");
  },
);

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
