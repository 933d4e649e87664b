import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import * as kinds from "../../src/execute/kinds.js";
import * as z from "../../src/ground/zod.js";
import { defineKind } from "../../src/steps/kind.js";
import { removeTree, treePath } from "../../src/store/store.js";
import { started, testPlan, testServices } from "../helpers/services.js";

/** A step whose result is never the same, as the last digits of a reference's sums are not on another processor. */
const varying = defineKind({
  name: "varying",
  version: 1,
  varies: true,
  params: z.strictObject({}),
  async run(_, { out }) {
    writeFileSync(join(out, "id"), randomUUID());
  },
});
// A mock reaches what the mocked module imports itself, no further.
const known = {
  "../../src/execute/kinds.js": {
    findKind: (name: string) => (name === "varying" ? varying : kinds.findKind(name)),
  },
};
const at = "../../src/execute";
const stepKey = { [`${at}/step-key.js`]: await t.mockImport<object>(`${at}/step-key.js`, known) };
const runStep = { [`${at}/run-step.js`]: await t.mockImport<object>(`${at}/run-step.js`, stepKey) };
const schedule = { [`${at}/schedule.js`]: await t.mockImport<object>(`${at}/schedule.js`, { ...known, ...runStep }) };
const { execute } = await t.mockImport<typeof import("../../src/execute/execute.js")>(`${at}/execute.js`, {
  ...known,
  ...stepKey,
  ...schedule,
});

t.test("a lost result of a kind that varies is made anew with other bytes, and what follows reads those", async (t) => {
  const services = await testServices(join(t.testdir({ cache: {} }), "cache"));
  const first = { id: "first", kind: "varying", params: {} };
  const after = (text: string) => ({
    id: "after",
    kind: "compose",
    inputs: { first: "first" },
    params: { parts: [{ from: "first" }], files: { text } },
  });
  const before = (await execute(testPlan([first]), ["first"], services)).get("first")?.digest ?? "";
  const old = readFileSync(join(treePath(services.store, before), "id"), "utf8");
  await removeTree(services.store, before);
  services.events.length = 0;
  const results = await execute(testPlan([first, after("a")]), ["after"], services);
  t.same(started(services.events), ["first", "after"]);
  const made = readFileSync(join(treePath(services.store, results.get("after")?.digest ?? ""), "id"), "utf8");
  t.match(made, /^[0-9a-f-]{36}$/);
  t.not(made, old);
  services.events.length = 0;
  await execute(testPlan([first, after("b")]), ["after"], services);
  t.same(started(services.events), ["after"], "and is then known again");
});
