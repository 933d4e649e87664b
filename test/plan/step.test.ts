import t from "tap";
import { planBuilder, type Step } from "../../src/plan/step.js";

const step = (id: string, more: Partial<Step> = {}): Step => ({
  id,
  kind: "compose",
  title: id,
  why: "test",
  inputs: {},
  params: {},
  ...more,
});

t.test("several fragments may ask for the same step", async (t) => {
  const plan = planBuilder();
  t.equal(plan.add(step("a")), "a");
  t.equal(plan.add(step("a", { title: "other words", why: "another reason" })), "a");
  t.equal(plan.add(step("b", { inputs: { in: "a" } })), "b");
  t.same([...plan.steps.keys()], ["a", "b"]);
  t.equal(plan.steps.get("a")?.title, "a", "the first one's words");
});

t.test("mistakes are found at once", async (t) => {
  const plan = planBuilder();
  plan.add(step("a"));
  for (const other of [{ params: { x: 1 } }, { kind: "run" }, { inputs: { x: "a" } }]) {
    t.throws(() => plan.add(step("a", other)), { message: "two different steps are called a" });
  }
  t.throws(() => plan.add(step("c", { inputs: { in: "b" } })), {
    message: "step c needs b, which is not in the plan yet",
  });
});
