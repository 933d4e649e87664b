import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { execute } from "../../src/execute/execute.js";
import type { Plan } from "../../src/plan/step.js";
import { started, type TestServices, testPlan, testServices } from "../helpers/services.js";

/** A step that leaves a part in its work folder, and one that fails after that. */
async function setUp(t: Test) {
  const folder = t.testdir({ cache: {}, tools: {} });
  mkdirSync(join(folder, "tools"), { recursive: true });
  const write = (name: string, end: string) =>
    writeFileSync(
      join(folder, `tools/${name}`),
      `#!/bin/sh\n[ -e build/part ] || echo made > build/part\nread -r part < build/part\necho "$part" > out/all\n${end}\n`,
      { mode: 0o755 },
    );
  write("good", "exit 0");
  write("bad", "echo this is why >&2; exit 3");
  const plan = testPlan([
    { id: "tools", kind: "local", params: { path: join(folder, "tools") } },
    ...["good", "bad"].map((id) => ({
      id,
      kind: "run",
      inputs: { tools: "tools" },
      params: { folders: ["build"], commands: [[`in/tools/${id}`]] },
    })),
  ]);
  const services = await testServices(join(folder, "cache"));
  return { plan, services, works: () => readdirSync(join(services.store.root, "work")) };
}

const kept = (services: TestServices) =>
  services.events.flatMap((event) => (event.type === "step-kept" ? [{ step: event.step, path: event.path }] : []));

/** As `--only ID --keep-work` builds it. */
const anew = (plan: Plan, id: string): Plan => ({ ...plan, again: [id] });

t.test("the work folder of a finished step is kept and named when asked, with its result", async (t) => {
  const { plan, services, works } = await setUp(t);
  await execute(plan, ["good"], services);
  t.same(works(), [], "not unasked");
  services.events.length = 0;
  await execute(anew(plan, "good"), ["good"], { ...services, keepWork: true });
  t.same(started(services.events), ["tools", "good"], "it ran although the store had its result");
  const [{ step, path } = { step: "", path: "" }, ...more] = kept(services);
  t.same([step, more], ["good", []], "steps that run no tools keep nothing");
  t.equal(readFileSync(join(path, "build/part"), "utf8"), "made\n");
  t.equal(readFileSync(join(path, "out/all"), "utf8"), "made\n");
  t.match(readFileSync(join(path, "log.txt"), "utf8"), /^\$ in\/tools\/good/);
  await execute(plan, ["good"], services);
  t.notOk(existsSync(path), "the next build without --keep-work removes it");
});

t.test("the work folder of a failed step is named", async (t) => {
  const { plan, services } = await setUp(t);
  await t.rejects(execute(plan, ["bad"], { ...services, keepWork: true }), { code: "ERR_EDGEIMG_STEP_FAILED" });
  const [{ step, path } = { step: "", path: "" }] = kept(services);
  t.equal(step, "bad");
  t.match(readFileSync(join(path, "log.txt"), "utf8"), /this is why/);
  t.equal(readFileSync(join(path, "out/all"), "utf8"), "made\n");
});

t.test("nothing that somebody changed in a kept folder reaches a result", async (t) => {
  const { plan, services } = await setUp(t);
  const first = await execute(plan, ["good"], { ...services, keepWork: true });
  const [{ path } = { path: "" }] = kept(services);
  writeFileSync(join(path, "build/part"), "changed by hand\n");
  const action = first.get("good")?.action ?? "";
  rmSync(join(services.store.root, "actions", action));
  const second = await execute(plan, ["good"], services);
  t.equal(second.get("good")?.digest, first.get("good")?.digest);
});
