import { mkdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { planImage } from "../../src/builders/debian/plan-image.js";
import { targetName } from "../../src/config/matrix.js";
import { execute } from "../../src/execute/execute.js";
import { mergePlans } from "../../src/plan/merge.js";
import type { Plan } from "../../src/plan/step.js";
import { inventedLock, requestFor } from "../helpers/image-request.js";
import { started, testPlan, testServices } from "../helpers/services.js";

const compose = (id: string, text: string, inputs: Record<string, string> = {}) => ({
  id,
  kind: "compose",
  inputs,
  params: { parts: Object.keys(inputs).map((from) => ({ from, to: from })), files: { [`${id}.txt`]: text } },
});

/** A toolchain that all share, a program per core, an image per board. */
const board = (name: string, core: string): { name: string; plan: Plan } => ({
  name,
  plan: {
    ...testPlan([
      compose("toolchain", "gcc"),
      compose("program", core, { toolchain: "toolchain" }),
      compose("image", name, { program: "program" }),
    ]),
    targets: { disk: "image" },
    first: ["toolchain"],
  },
});

t.test("what plans share is one step, what differs keeps apart", async (t) => {
  const { plan, targets, steps } = mergePlans([board("a", "a72"), board("b", "a53"), board("c", "a72")]);
  t.same(
    plan.steps.map(({ id, title }) => `${id}: ${title}`),
    [
      "toolchain: toolchain",
      "program@a: program (a, c)",
      "image@a: image (a)",
      "program@b: program (b)",
      "image@b: image (b)",
      "image@c: image (c)",
    ],
  );
  t.same(plan.targets, { "a/disk": "image@a", "b/disk": "image@b", "c/disk": "image@c" });
  t.same(targets.get("c"), { disk: "image@c" });
  t.same(steps.get("c"), ["toolchain", "program@a", "image@c"]);
  t.same(plan.first, ["toolchain"]);

  const services = await testServices(join(t.testdir(), "cache"));
  await execute(plan, Object.values(plan.targets), services);
  t.same(started(services.events).sort(), plan.steps.map(({ id }) => id).sort(), "each ran, and ran once");
});

t.test("one plan stays what it is", async (t) => {
  const { name, plan } = board("a", "a72");
  const merged = mergePlans([{ name, plan }]);
  t.same(merged.plan.steps, plan.steps);
  t.same(merged.targets.get("a"), plan.targets);
});

t.test("steps of the same words whose inputs differ stay apart", async (t) => {
  const plan = (text: string): Plan => testPlan([compose("in", text), compose("out", "same", { in: "in" })]);
  const merged = mergePlans([
    { name: "a", plan: plan("1") },
    { name: "b", plan: plan("2") },
  ]);
  t.equal(merged.plan.steps.length, 4);
});

t.test("three boards with two engines share toolchain, engine per core and app", async (t) => {
  const folder = t.testdir();
  const plans: { name: string; plan: Plan }[] = [];
  for (const name of ["rpi4", "qemu-a72", "rpi3"]) {
    for (const engine of ["ncnn", "onnxruntime"]) {
      mkdirSync(join(folder, "project"), { recursive: true });
      const request = await requestFor(join(folder, "project"), { board: name, engine });
      plans.push({ name: targetName({ board: name, engine }), plan: planImage(request, inventedLock(request)) });
    }
  }
  const { plan } = mergePlans(plans);
  const count = (pattern: RegExp) => plan.steps.filter(({ id }) => pattern.test(id)).length;
  t.equal(count(/^root\/tools\/toolchain/), 1, "one toolchain");
  t.equal(count(/^compile\/ncnn(@|$)/), 2, "ncnn for each of two cores");
  t.equal(count(/^compile\/onnxruntime(@|$)/), 1, "prebuilt, the same for every core");
  t.equal(count(/^app\/(bundle|typecheck)(@|$)/), 2, "the app is bundled and checked once");
  t.equal(count(/^image\/disk@/), 6, "an image each");
  const works = plan.steps.map(({ kind, params, inputs }) => JSON.stringify({ kind, params, inputs }));
  t.equal(new Set(works).size, works.length, "no two steps do the same");
  t.equal(new Set(plan.steps.map(({ id }) => id)).size, plan.steps.length);
  const sum = plans.reduce((total, one) => total + one.plan.steps.length, 0);
  t.ok(plan.steps.length < sum / 2, `${plan.steps.length} steps instead of ${sum}`);
});
