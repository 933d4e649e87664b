import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { planImage } from "../../src/builders/debian/plan-image.js";
import { inventedLock, requestFor } from "../helpers/image-request.js";

const home = fileURLToPath(new URL("../../", import.meta.url));

/** The steps of a project with the toy engine, behind a converter of fixed shapes, and one model. */
async function stepsOf(folder: string, inputs: string, shapes: "fixed" | "declared" = "fixed") {
  for (const kind of ["engines", "converters"]) {
    await mkdir(join(folder, "recipes", kind), { recursive: true });
    await cp(join(home, `test/fixtures/${kind}/toy`), join(folder, "recipes", kind, "toy"), { recursive: true });
  }
  const engine = join(folder, "recipes/engines/toy/recipe.yaml");
  await writeFile(engine, (await readFile(engine, "utf8")).replace("accepts: [onnx]", "accepts: [toy]"));
  const converter = join(folder, "recipes/converters/toy/converter.yaml");
  await writeFile(converter, (await readFile(converter, "utf8")).replace("to: toy\n", `to: toy\nshapes: ${shapes}\n`));
  const text = `format: 1\nname: x\napp: { entry: main.ts }\nmodels: { m: { onnx: m.onnx, inputs: ${inputs} } }\n`;
  const request = await requestFor(folder, { board: "rpi4", engine: "toy", text });
  const { steps } = planImage(request, inventedLock(request));
  const named = (start: string) => steps.filter(({ id }) => id.startsWith(start));
  const one = (id: string) => steps.find((step) => step.id === id);
  return { named, one };
}

t.test("a model of an open shape is converted once for each fixed one, and all are checked", async (t) => {
  const input = "{ dims: [1, 2..8/2], fixed: [[1, 2], [1, 6]] }";
  const { named, one } = await stepsOf(t.testdir(), `{ x: ${input} }`);
  t.same(
    named("convert/")
      .map(({ id, title }) => [id, title])
      .sort(),
    [
      ["convert/toy/m/0", "Convert model m with toy (copies what it has looked at) at 1x2"],
      ["convert/toy/m/1", "Convert model m with toy (copies what it has looked at) at 1x6"],
    ],
  );
  t.match(one("model-ports/m/1")?.params, { declared: { x: { shapes: [[1, 6]] } } });
  const shapes = [
    [1, 2],
    [1, 6],
  ];
  t.match(one("model-ports/m")?.params, { declared: { x: { shapes } }, together: true });
  t.match(one("model/m"), {
    kind: "model-shapes",
    inputs: { ports: "model-ports/m", shape0: "model/m/0", shape1: "model/m/1" },
    params: { engine: "toy", count: 2 },
  });
  t.equal(one("model-run/m")?.inputs.model, "model/m", "the whole is what is checked");
  t.equal(one("model-cases/m")?.inputs.ports, "model-ports/m", "at the shapes that were made");
});

t.test("one fixed shape is a model as any other: the largest, unless the project chooses", async (t) => {
  for (const [input, shape] of [
    ["{ dims: [1, 2..8/2] }", [1, 8]],
    ["{ dims: [1, 2..8/2], fixed: [[1, 4]] }", [1, 4]],
  ] as const) {
    const { named, one } = await stepsOf(t.testdir(), `{ x: ${input} }`);
    t.same(
      named("convert/").map(({ id }) => id),
      ["convert/toy/m"],
    );
    t.match(one("model-ports/m")?.params, { declared: { x: { shapes: [shape] } } });
    t.equal(one("model/m")?.kind, "model");
  }
});

t.test(
  "an engine of any shape does not mind inputs with different numbers of shapes, nor `fixed`, but a wrong one",
  async (t) => {
    const two = "{ x: { shapes: [[1], [2]] }, y: { shapes: [[1], [2], [3]] } }";
    const { named, one } = await stepsOf(t.testdir(), two, "declared");
    t.same(
      named("convert/").map(({ id }) => id),
      ["convert/toy/m"],
    );
    t.match(one("model-ports/m")?.params, { declared: { x: { shapes: [[1], [2]] }, y: { shapes: [[1], [2], [3]] } } });
    await t.rejects(stepsOf(t.testdir(), two), { message: /x has 2 fixed shapes, another input 3/ });
    const wrong = "{ x: { dims: [1, 2..8/2], fixed: [[1, 3]] } }";
    await t.rejects(stepsOf(t.testdir(), wrong, "declared"), { message: /the fixed shape 1x3 is not among its dims/ });
  },
);
