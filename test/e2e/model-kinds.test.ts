import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { type Shape, type TinyModel, tinyOnnx, unary } from "../model/onnx-builder.js";
import { assertCode, edgeimg, packedProgram, scratchFolder } from "./lab.js";

/**
 * Models of each kind through MNN: converted, run on the board's core and compared with onnxruntime by the build itself, which refuses
 * what differs. One build has all that must pass; what MNN cannot do is refused by name, and never answered.
 */
const folder = await scratchFolder("model-kinds");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const program = await packedProgram(folder);
const [float, unsigned, signed, int32, int64] = [1, 2, 3, 6, 7];

const cast = (from: number | undefined, to: number | undefined, shape: Shape = [2, 3, 4, 4]) =>
  unary("Cast", shape, { from, to, node: { int: { to: to ?? 0 } } });

const two: TinyModel = {
  nodes: [
    { op: "Relu", inputs: ["x"], outputs: ["between"] },
    { op: "Neg", inputs: ["between"], outputs: ["y"] },
    { op: "Add", inputs: ["x", "second"], outputs: ["sum"] },
  ],
  inputs: [
    { name: "x", shape: [2, 3] },
    { name: "second", shape: [3] },
    { name: "not used", shape: [5] },
  ],
  outputs: ["between", "y", "sum"].map((name) => ({ name, shape: [2, 3] })),
};

const nothing: TinyModel = {
  nodes: [{ op: "Slice", inputs: ["x", "four", "four"], outputs: ["y"] }],
  weights: [{ name: "four", type: int64 ?? 0, shape: [1], values: [4] }],
  inputs: [{ name: "x", shape: [4, 3] }],
  outputs: [{ name: "y", shape: ["n", 3] }],
};

const odd: TinyModel = {
  nodes: [{ op: "Relu", inputs: ["a b:0/größe%3d#"], outputs: ["結果 =;"] }],
  inputs: [{ name: "a b:0/größe%3d#", shape: [2] }],
  outputs: [{ name: "結果 =;", shape: [2] }],
};

const pass: Readonly<Record<string, TinyModel>> = {
  ...Object.fromEntries(
    [[], [7], [5, 3], [2, 3, 7], [2, 5, 4, 3], [2, 3, 2, 2, 5], [1, 2, 3, 2, 3, 2]].map((shape) => [
      `rank-${shape.length}`,
      unary("Neg", shape),
    ]),
  ),
  several: unary("Neg", ["n", 3, "h", 4]),
  "from-i64": cast(int64, float),
  "from-i32": cast(int32, float),
  "from-u8": cast(unsigned, float),
  "from-i8": cast(signed, float),
  "to-i64": cast(float, int64),
  "to-i32": cast(float, int32),
  "to-i8": cast(float, signed),
  best: unary("ArgMax", [2, 5], { to: int64, result: [2], node: { int: { axis: 1, keepdims: 0 } } }),
  two,
  nothing,
  odd,
};

/** Rows: a model that is refused, the step that refuses it, and what is said. */
const refused: readonly (readonly [name: string, model: TinyModel, step: string, says: RegExp])[] = [
  [
    "to-u8",
    cast(float, unsigned),
    "convert/mnnconvert",
    /MODEL_OPERATOR.*the engine gives no output of type u8 \(y\)/s,
  ],
  ["hardmax", unary("Hardmax", [2, 5]), "convert/mnnconvert", /MODEL_CONVERSION.*ONNX::Hardmax/s],
  [
    "positions",
    unary("NonZero", [2, 3], { to: int64, result: [2, "n"] }),
    "model-run",
    /MODEL_OPERATOR.*mnn refuses it.*shapes within it depend on values/s,
  ],
];

/** The project with these models and its lock, which is the same for all; `several` has an input whose size may change. */
async function projectOf(models: Readonly<Record<string, TinyModel>>): Promise<string> {
  const project = join(folder, "project");
  await mkdir(project, { recursive: true });
  for (const [model, content] of Object.entries(models))
    await writeFile(join(project, `${model}.onnx`), tinyOnnx(content));
  await writeFile(join(project, "main.ts"), 'import { report } from "edge:process";\nreport("ready");\n');
  const open = { inputs: { x: { dims: ["1..3", 3, "2..16/2", 4] } } };
  const listed = Object.keys(models).map((model) => [
    model,
    { onnx: `${model}.onnx`, ...(model === "several" ? open : {}) },
  ]);
  await writeFile(
    join(project, "edgeimg.yaml"),
    `format: 1\nname: kinds\nboard: qemu-a72\nengine: mnn\napp: { entry: main.ts }\nmodels: ${JSON.stringify(Object.fromEntries(listed))}\n`,
  );
  return project;
}

t.test("types, ranks, several shapes, several ports, odd names and results without elements are right", async (t) => {
  const run = await edgeimg(program, ["build"], { cwd: await projectOf(pass) });
  assertCode(t, run, 0);
});

for (const [name, model, step, says] of refused)
  t.test(`${name} is refused by name`, async (t) => {
    const project = await projectOf({ [name]: model });
    const run = await edgeimg(program, ["build", "--only", `${step}/${name}`], { cwd: project });
    t.equal(run.code, 1);
    t.match(run.stderr, says);
  });

t.test("a conversion gives the same bytes again, though MNN's converter writes a random identifier", async (t) => {
  const shape = [1, 2, "h", 4];
  const double: TinyModel = {
    nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [{ name: "x", shape }],
    outputs: [{ name: "y", shape }],
  };
  const project = await projectOf({ several: double });
  const yaml = join(project, "edgeimg.yaml");
  await writeFile(yaml, (await readFile(yaml, "utf8")).replace(/"dims":\[.*?\]/, '"dims":[1,2,"4..8/4",4]'));
  const args = ["build", "--only", "convert/mnnconvert/several", "--keep-work"];
  const run = await edgeimg(program, args, { cwd: project });
  assertCode(t, run, 0);
  const tree = /^\S+\/trees\/[0-9a-f]{64}$/m.exec(run.stdout)?.[0] ?? "";
  const long = await readFile(new URL("../fixtures/mnn/double.mnn", import.meta.url));
  t.ok((await readFile(join(tree, "several.mnn"))).equals(long), "as test/fixtures/mnn/make.mjs had it");
});
