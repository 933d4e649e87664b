import { rm } from "node:fs/promises";
import t from "tap";
import { type TinyModel, tinyOnnx } from "../model/onnx-builder.js";
import { scratchFolder } from "./lab.js";
import { checkModel } from "./model-project.js";

/** Models that look odd and are right: each passes its check on the board's core, with both engines. */
const folder = await scratchFolder("model-oddities");
t.teardown(() => rm(folder, { recursive: true, force: true }));

const port = (name: string, ...shape: number[]) => ({ name, shape: shape.length === 0 ? [1, 4] : shape });
const w = { name: "w", shape: [1, 4], values: [1, -2, 3, -4] };
const node = (op: string, inputs: readonly string[], output = "y") => ({ op, inputs, outputs: [output] });
const scaled = [node("Mul", ["x", "w"])];
const scalar = { name: "y", shape: [] };
function reshaped(...shape: number[]): TinyModel {
  return {
    nodes: [node("Relu", ["x"], "r"), node("Reshape", ["r", "s"])],
    inputs: [port("x")],
    outputs: [port("y", ...shape)],
    weights: [{ name: "s", shape: [shape.length], values: shape, type: 7 }],
  };
}
const [x, y, a, b] = ["x", "y", "a", "b"].map((name) => port(name));
if (x === undefined || y === undefined || a === undefined || b === undefined) throw new Error("ports");

const members: readonly (readonly [string, Readonly<Record<string, TinyModel>>])[] = [
  [
    "old files list their weights among the inputs",
    {
      "IR 3": { nodes: scaled, inputs: [x, port("w")], outputs: [y], weights: [w], ir: 3, opset: 7 },
      "weights first": { nodes: scaled, inputs: [port("w"), x], outputs: [y], weights: [w], ir: 3, opset: 7 },
      "IR 4": { nodes: scaled, inputs: [x, port("w")], outputs: [y], weights: [w], ir: 4, opset: 9 },
      "two of them": {
        nodes: [node("Mul", ["x", "w"], "m"), node("Add", ["m", "v"])],
        inputs: [x, port("w"), port("v")],
        outputs: [y],
        weights: [w, { ...w, name: "v" }],
        ir: 3,
        opset: 8,
      },
      "IR 8": { nodes: scaled, inputs: [x, port("w")], outputs: [y], weights: [w] },
    },
  ],
  [
    "several inputs keep their names, whatever their order and use",
    {
      "b - a": { nodes: [node("Sub", ["b", "a"])], inputs: [a, b], outputs: [y] },
      "a - b": { nodes: [node("Sub", ["a", "b"])], inputs: [a, b], outputs: [y] },
      "used last first": {
        nodes: [node("Relu", ["b"], "r"), node("Sub", ["r", "a"])],
        inputs: [a, b],
        outputs: [y],
      },
      "one of them unused": { nodes: [node("Relu", ["b"])], inputs: [a, b], outputs: [y] },
      "one of them twice": {
        nodes: [node("Mul", ["a", "a"], "m"), node("Sub", ["b", "m"])],
        inputs: [a, b],
        outputs: [y],
      },
    },
  ],
  [
    "outputs of every rank keep their shape",
    {
      scalar: {
        nodes: [{ ...node("ReduceSum", ["x"]), int: { keepdims: 0 } }],
        inputs: [x],
        outputs: [scalar],
        opset: 11,
      },
      "[4]": reshaped(4),
      "[4, 1]": reshaped(4, 1),
      "[1, 2, 2]": reshaped(1, 2, 2),
      "[1, 1, 2, 2]": reshaped(1, 1, 2, 2),
      "[1, 1, 1, 2, 2]": {
        nodes: [node("Relu", ["x"])],
        inputs: [port("x", 1, 1, 1, 2, 2)],
        outputs: [port("y", 1, 1, 1, 2, 2)],
      },
    },
  ],
];

for (const [kind, models] of members)
  for (const engine of ["onnxruntime", "ncnn"])
    t.test(`${kind}, ${engine}`, async (t) => {
      for (const [name, model] of Object.entries(models))
        await t.resolves(
          checkModel(folder, { engine, model: "onnx: m.onnx\n", files: { "m.onnx": tinyOnnx(model) } }),
          name,
        );
    });
