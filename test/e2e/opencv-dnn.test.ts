import { rm } from "node:fs/promises";
import t from "tap";
import type { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { type TinyModel, unary } from "../model/onnx-builder.js";
import { scratchFolder } from "./lab.js";
import { tinyProject } from "./model-project.js";

/**
 * Models through the converter to one fixed shape and OpenCV, run on the board's core and compared with onnxruntime by the build itself:
 * what must pass, and what is refused by name.
 */
const folder = await scratchFolder("opencv-dnn");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const [float, int32, int64] = [1, 6, 7];

const two: TinyModel = {
  nodes: [
    { op: "Relu", inputs: ["a b:0/größe%3d#"], outputs: ["between"] },
    { op: "Neg", inputs: ["between"], outputs: ["結果 =;"] },
    { op: "Add", inputs: ["a b:0/größe%3d#", "second"], outputs: ["sum"] },
  ],
  inputs: [
    { name: "a b:0/größe%3d#", shape: [2, 3] },
    { name: "second", shape: [2, 3] },
  ],
  outputs: ["between", "結果 =;", "sum"].map((name) => ({ name, shape: [2, 3] })),
};

/** A convolution and what follows one in a network: the kernels for NEON. */
const filtered: TinyModel = {
  nodes: [
    { op: "Conv", inputs: ["x", "w", "b"], outputs: ["c"], ints: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
    { op: "HardSigmoid", inputs: ["c"], outputs: ["h"] },
    { op: "Mul", inputs: ["c", "h"], outputs: ["s"] },
    { op: "GlobalAveragePool", inputs: ["s"], outputs: ["y"] },
  ],
  inputs: [{ name: "x", shape: [1, 3, "h", 17] }],
  outputs: [{ name: "y", shape: [1, 5, 1, 1] }],
  weights: [
    { name: "w", shape: [5, 3, 3, 3], values: Array.from({ length: 135 }, (_, index) => Math.sin(index) / 4) },
    { name: "b", shape: [5], values: [0.5, -0.25, 0, 1, -1] },
  ],
};

const pass: Readonly<Record<string, TinyModel>> = {
  ...Object.fromEntries(
    [[7], [5, 3], [2, 3, 7], [2, 5, 4, 3], [2, 3, 2, 2, 5]].map((shape) => [
      `rank-${shape.length}`,
      unary("Tanh", shape),
    ]),
  ),
  best: unary("ArgMax", [2, 5], { to: int64, result: [2], node: { int: { axis: 1, keepdims: 0 } } }),
  two,
  filtered,
};

/** Rows: a model that is refused, and what is said. */
const refused: readonly (readonly [name: string, model: TinyModel, says: RegExp])[] = [
  ["hardmax", unary("Hardmax", [2, 5]), /opencv-dnn refuses it.*Hardmax/s],
  ["ids", unary("Cast", [2, 5], { from: int32, to: float, node: { int: { to: 1 } } }), /input x is i32/],
];

const made = await tinyProject(folder, {
  engine: "opencv-dnn",
  onnx: { ...pass, ...Object.fromEntries(refused.map(([name, model]) => [name, model])) },
  inputs: { filtered: { x: { dims: [1, 3, 24, 17] } } },
});
const check = (model: string) => made(`model-check/${model}`);

for (const name of Object.keys(pass)) t.test(`${name} is right`, async (t) => t.resolves(check(name)));

for (const [name, , says] of refused)
  t.test(`${name} is refused by name`, async (t) => {
    const error = await check(name).catch((reason: EdgeimgError) => reason);
    t.match(error, { code: "ERR_EDGEIMG_MODEL_OPERATOR", message: says });
  });
