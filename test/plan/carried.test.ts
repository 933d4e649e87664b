import t from "tap";
import { carriedSteps } from "../../src/plan/carried.js";
import { testPlan } from "../helpers/services.js";

t.test("what compiles is carried; what reads the project, what unpacks and what nobody needs is not", async (t) => {
  const step = (id: string, kind: string, ...inputs: string[]) => ({
    id,
    kind,
    inputs: Object.fromEntries(inputs.map((one) => [one, one])),
    params: {},
  });
  const plan = {
    ...testPlan([
      step("project", "local"),
      step("recipe", "local"),
      step("fetch", "fetch"),
      step("root", "root", "fetch"),
      step("object", "run", "root", "recipe"),
      step("engine", "run", "object"),
      step("check", "run", "engine"),
      step("app", "run", "project", "engine", "root"),
      step("image", "run", "app"),
    ]),
    targets: { disk: "image", check: "check" },
  };
  const { portable, carried } = carriedSteps(plan, {
    isOwn: ({ id }) => id === "project",
    isRemade: ({ kind }) => ["fetch", "root", "local"].includes(kind),
  });
  t.same([...carried], ["engine", "check"]);
  t.same([...portable], ["recipe", "fetch", "root", "object", "engine", "check"]);
});
