import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import type { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { type OnnxFile, readOnnx } from "../../src/formats/onnx.js";
import { operatorsOf } from "../../src/formats/onnx-operators.js";
import type { TinyModel } from "../model/onnx-builder.js";
import { scratchFolder } from "./lab.js";
import { tinyProject } from "./model-project.js";

/** ONNX of one fixed shape, as the catalog's converter makes it for engines that read no other; here for one of the project's own. */
const folder = await scratchFolder("onnx-static");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const int64 = 7;

const open: TinyModel = {
  // y = reshape(x, [shape(x)[0], -1]), as exporters write flatten(1).
  nodes: [
    { op: "Shape", inputs: ["x"], outputs: ["sizes"] },
    { op: "Gather", inputs: ["sizes", "zero"], outputs: ["first"] },
    { op: "Concat", inputs: ["first", "rest"], outputs: ["wanted"], int: { axis: 0 } },
    { op: "Reshape", inputs: ["x", "wanted"], outputs: ["y"] },
  ],
  inputs: [{ name: "x", shape: ["n", 3, "h"] }],
  outputs: [{ name: "y", shape: ["n", "what"] }],
  weights: [
    { name: "zero", shape: [1], values: [0], type: int64 },
    { name: "rest", shape: [1], values: [-1], type: int64 },
  ],
};

/** `axes` of Unsqueeze and Squeeze are attributes before operator set 13, inputs from there on. */
const old: TinyModel = {
  nodes: [
    { op: "Mul", inputs: ["a b:0/größe%3d#", "w"], outputs: ["scaled"] },
    { op: "Unsqueeze", inputs: ["scaled"], outputs: ["結果 =;"], ints: { axes: [0] } },
    { op: "Neg", inputs: ["scalar"], outputs: ["minus"] },
  ],
  inputs: [
    { name: "w", shape: [4] },
    { name: "a b:0/größe%3d#", shape: ["n", 4] },
    { name: "scalar", shape: [] },
  ],
  outputs: [
    { name: "結果 =;", shape: [] },
    { name: "minus", shape: [] },
  ],
  weights: [{ name: "w", shape: [4], values: [1, -2, 3, -4] }],
  opset: 7,
  ir: 3,
};

const positions: TinyModel = {
  nodes: [{ op: "NonZero", inputs: ["x"], outputs: ["y"] }],
  inputs: [{ name: "x", shape: [2, 3] }],
  outputs: [{ name: "y", type: int64, shape: [2, "n"] }],
};

const narrow: TinyModel = {
  nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
  inputs: [{ name: "x", shape: [1, "n"] }],
  outputs: [{ name: "y", shape: [1, 2] }],
  weights: [{ name: "w", shape: [3, 2], values: [1, 2, 3, 4, 5, 6] }],
};

const toy = fileURLToPath(new URL("../fixtures/engines/toy", import.meta.url));
await mkdir(join(folder, "recipes/engines"), { recursive: true });
await cp(toy, join(folder, "recipes/engines/toy"), { recursive: true });
const recipe = join(folder, "recipes/engines/toy/recipe.yaml");
await writeFile(recipe, (await readFile(recipe, "utf8")).replace("accepts: [onnx]", "accepts: [onnx-static]"));
const made = await tinyProject(folder, {
  engine: "toy",
  onnx: { open, again: open, old, positions, narrow },
  inputs: {
    open: { x: { dims: [2, 3, 5] } },
    again: { x: { dims: [2, 3, 5] } },
    old: { "a b:0/größe%3d#": { dims: [3, 4] } },
    narrow: { x: { dims: [1, 5] } },
  },
});
const converted = async (name: string) =>
  await readFile(join(await made(`convert/onnx-static/${name}`), `${name}.static.onnx`));
const ports = ({ graph }: OnnxFile) =>
  [graph.inputs, graph.outputs].map((list) => list.map(({ name, shape }) => [name, shape]));
const kinds = (file: OnnxFile) => operatorsOf(file).map(({ operator }) => operator);

t.test("sizes become constants, and what was computed of them goes", async (t) => {
  const bytes = await converted("open");
  const file = readOnnx(bytes);
  t.same(ports(file), [[["x", [2, 3, 5]]], [["y", [2, 15]]]]);
  t.same(kinds(file), ["Reshape"]);
  t.ok(bytes.equals(await converted("again")), "the same model gives the same bytes");
});

t.test("an old file is raised; names, order and scalars stay, and weights are no inputs", async (t) => {
  const file = readOnnx(await converted("old"));
  t.equal(file.opsets.get(""), 13);
  t.same(ports(file), [
    [
      ["a b:0/größe%3d#", [3, 4]],
      ["scalar", []],
    ],
    [
      ["結果 =;", [1, 3, 4]],
      ["minus", []],
    ],
  ]);
  t.same(kinds(file), ["Mul", "Neg", "Unsqueeze"]);
});

t.test("an output whose size depends on values keeps its number of dimensions", async (t) => {
  const [, [y] = []] = ports(readOnnx(await converted("positions")));
  t.match(y, ["y", { length: 2 }]);
});

t.test("a model that cannot have these sizes is refused, with the node and the reason", async (t) => {
  const error = await converted("narrow").catch((reason: EdgeimgError) => reason);
  if (!("code" in error)) return t.fail("it was converted");
  t.match(error, { code: "ERR_EDGEIMG_MODEL_CONVERSION", message: /^Model narrow cannot be converted for Toy/ });
  t.match(error.details?.join("\n"), /MatMul_0.*Incompatible dimensions/s);
});
