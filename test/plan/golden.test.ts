import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { planImage } from "../../src/builders/debian/plan-image.js";
import { findKind } from "../../src/execute/kinds.js";
import { inventedLock, project, requestFor } from "../helpers/image-request.js";

/**
 * Plans as they were reviewed, with the version of each step's kind: all that decides a step's key. A change that means to leave
 * results alone leaves these files alone. After one that does not: EDGEIMG_UPDATE_GOLDEN=1 npx tap run test/plan/golden.test.ts, and
 * review the difference.
 */
const home = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");
const pairs = [
  ["rpi4", "ncnn", "all"],
  ["rpi4", "ncnn", "model"],
  ["qemu-a53", "onnxruntime", "all"],
] as const;

for (const [board, engine, ops] of pairs) {
  const name = `${board}-${engine}${ops === "all" ? "" : `-ops-${ops}`}`;
  t.test(`the plan of ${name} is as it was reviewed`, async (t) => {
    const folder = t.testdir();
    const text = ops === "all" ? project : `${project}engine: { name: ${engine}, ops: ${ops} }\n`;
    const request = await requestFor(folder, { board, engine, text });
    // Versions of this program and its compilers are no part of the plan's shape.
    const fixed = { ...request, versions: { edgeimg: "0", esbuild: "0", typescript: "0" } };
    const plan = planImage(fixed, inventedLock(request));
    const steps = plan.steps.map(({ id, kind, inputs, params }) => ({
      id,
      kind: `${kind} ${findKind(kind).version}`,
      inputs,
      params,
    }));
    const shown = `${JSON.stringify({ steps, targets: plan.targets, first: plan.first }, null, 1)}\n`
      .replaceAll(folder, "PROJECT")
      .replaceAll(home, "EDGEIMG");
    const file = join(home, `test/fixtures/plans/${name}.json`);
    if (process.env.EDGEIMG_UPDATE_GOLDEN !== undefined) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, shown);
    }
    const golden = JSON.parse(readFileSync(file, "utf8"));
    const made = JSON.parse(shown);
    t.same(
      made.steps.map((step: { id: string }) => step.id),
      golden.steps.map((step: { id: string }) => step.id),
      "the same steps (EDGEIMG_UPDATE_GOLDEN=1 writes them anew)",
    );
    for (const [index, step] of made.steps.entries()) t.same(step, golden.steps[index], step.id);
    t.same({ targets: made.targets, first: made.first }, { targets: golden.targets, first: golden.first });
  });
}
