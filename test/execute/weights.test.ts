import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { execute } from "../../src/execute/execute.js";
import type { Step } from "../../src/plan/step.js";
import { testPlan, testServices } from "../helpers/services.js";

const small = ["a", "b", "c", "d"];
const heavy = ["x", "y"];

/** Runs four small steps and two that take all jobs; says which ran beside a heavy one, how many ran at once, and the results. */
async function build(t: Test, weight: Step["weight"]) {
  const folder = t.testdir({ cache: {}, tools: {} });
  mkdirSync(join(folder, "tools"), { recursive: true });
  // The shell's own commands only: a step has no PATH of the host.
  const script = "#!/bin/sh\nn=0\nwhile [ $n -lt 20000 ]; do n=$((n + 1)); done\necho $1 > out/$1\n";
  writeFileSync(join(folder, "tools/work"), script, { mode: 0o755 });
  const services = await testServices(join(folder, "cache"), { jobs: 3 });
  const run = (id: string) => ({
    id,
    kind: "run",
    inputs: { tools: "tools" },
    params: { commands: [["in/tools/work", id]] },
    ...(heavy.includes(id) && weight !== undefined ? { weight } : {}),
  });
  const plan = testPlan([
    { id: "tools", kind: "local", params: { path: join(folder, "tools") } },
    ...["a", "x", "b", "c", "y", "d"].map(run),
  ]);
  const results = await execute(plan, [...small, ...heavy], services);
  const running = new Set<string>();
  const beside: string[] = [];
  let most = 0;
  for (const event of services.events) {
    if (event.type === "step-start" && event.step !== "tools") {
      running.add(event.step);
      most = Math.max(most, running.size);
      if (heavy.some((id) => running.has(id)) && running.size > 1) beside.push([...running].join("+"));
    } else if (event.type === "step-end") running.delete(event.step);
  }
  const keys = [...results].filter(([id]) => id !== "tools").map(([id, { action, digest }]) => [id, action, digest]);
  return { beside, most, keys: keys.sort() };
}

t.test("a step whose tools use all jobs runs alone, small ones share the jobs", async (t) => {
  const weighed = await build(t, "all");
  t.same(weighed.beside, []);
  t.ok(weighed.most > 1 && weighed.most <= 3, "small ones run at once");
  const unweighed = await build(t, undefined);
  t.not(unweighed.beside.length, 0, "without a weight they run beside others");
  t.same(weighed.keys, unweighed.keys, "a weight changes neither keys nor results");
});
