import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { execute } from "../../src/execute/execute.js";
import { testPlan, testServices } from "../helpers/services.js";

const home = fileURLToPath(new URL("../../", import.meta.url));
const allowed = { dims: [{ min: 1, max: 1, step: 1 }] };
const ports = {
  inputs: [
    { name: 'im"age', type: "u8", allowed },
    { name: "count", type: "i64", allowed },
  ],
  outputs: [{ name: "scores", type: "f32" }],
  operators: [],
};

/** Checks an app of a project with one model, "classify". Gives nothing, or the error. */
async function check(t: Test, app: string): Promise<EdgeimgError | undefined> {
  const root = t.testdir({
    cache: {},
    project: { "main.ts": app },
    ports: { "ports.json": JSON.stringify(ports) },
  });
  const plan = testPlan([
    { id: "project", kind: "local", params: { path: join(root, "project"), exclude: [] } },
    { id: "recipe", kind: "local", params: { path: join(home, "recipes/runtime"), exclude: [] } },
    { id: "ports", kind: "local", params: { path: join(root, "ports"), exclude: [] } },
    { id: "models", kind: "model-types", inputs: { classify: "ports" }, params: {} },
    {
      id: "typecheck",
      kind: "typecheck",
      inputs: { project: "project", runtime: "recipe", models: "models" },
      params: { entry: "main.ts", typescript: "x" },
    },
  ]);
  const services = await testServices(join(root, "cache"));
  return execute(plan, ["typecheck"], services).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof EdgeimgError) return error;
      throw error;
    },
  );
}

t.test("load gives a project's model with the types of its outputs, without a cast", async (t) => {
  const error = await check(
    t,
    `import { load, type Model } from "edge:nn";
const model = await load("classify", { threads: 1 });
const { scores } = await model.run({
  'im"age': { shape: [1], data: new Uint8Array(1) },
  count: { shape: [1], data: new BigInt64Array(1) },
});
const best: number = Math.max(...scores.data);
const any: Model = model;
const names: string[] = ["classify"];
const others: Model[] = await Promise.all(names.map((name) => load(name)));
console.log(best, any.name, others.length);
`,
  );
  t.equal(error, undefined, error === undefined ? "" : `${error.message} ${JSON.stringify(error)}`);
});

t.test("a wrong model, a wrong input, a wrong array and a wrong output are errors of types", async (t) => {
  const error = await check(
    t,
    `import { load } from "edge:nn";
await load("clasify");
const model = await load("classify");
const count = { shape: [1], data: new BigInt64Array(1) };
await model.run({ image: { shape: [1], data: new Uint8Array(1) }, count });
const { score } = await model.run({ 'im"age': { shape: [1], data: new Float32Array(1) }, count });
console.log(score);
`,
  );
  t.equal(error?.code, "ERR_EDGEIMG_APP_TYPES");
  t.match(error?.message, '"classify"');
  t.match(error?.place, { line: 2 });
  const others = (error?.details ?? []).join("\n");
  t.match(others, /main\.ts:5:.*image/);
  t.match(others, /main\.ts:6:.*score/);
  t.match(others, /main\.ts:6:.*Uint8Array/);
});
