import { join } from "node:path";
import t from "tap";
import { EdgeimgError, withKeyPlace } from "../../src/errors/edgeimg-error.js";
import { execute } from "../../src/execute/execute.js";
import { testPlan, testServices } from "../helpers/services.js";

const placeOf = (key: readonly (string | number)[]) => ({ file: key.join("."), line: 1, column: 2 });

t.test("an error of a step names the project's key that asks for the step", async (t) => {
  const folder = t.testdir({ cache: {} });
  const services = { ...(await testServices(join(folder, "cache"))), placeOf };
  const step = { id: "a", kind: "local", params: { path: join(folder, "none") } };
  const about = ["models", "m", "onnx"];
  await t.rejects(execute(testPlan([{ ...step, about }]), ["a"], services), {
    code: "ERR_EDGEIMG_PROJECT_FILE",
    place: placeOf(about),
    hint: /Correct its path/,
  });
  const error = await execute(testPlan([step]), ["a"], services).catch((one: unknown) => one);
  t.match(error, { code: "ERR_EDGEIMG_PROJECT_FILE", place: undefined }, "a step that no key asks for");
});

t.test("an error's own key goes before the step's, and its own place before both", (t) => {
  const code = "ERR_EDGEIMG_MODEL_SHAPES";
  const own = new EdgeimgError(code, "m", { key: ["own"], details: ["d"], hint: "h", subject: "s" });
  t.match(withKeyPlace(own, placeOf, ["step"]), {
    code,
    message: "m",
    place: { file: "own" },
    details: ["d"],
    hint: "h",
    subject: "s",
  });
  const placed = new EdgeimgError(code, "m", { key: ["own"], place: { file: "f" } });
  t.equal(withKeyPlace(placed, placeOf, ["step"]), placed);
  t.equal(withKeyPlace(own, undefined, ["step"]), own, "where no project is known");
  const bug = new Error("a bug");
  t.equal(withKeyPlace(bug, placeOf, ["step"]), bug);
  t.end();
});
