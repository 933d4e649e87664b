import { rm } from "node:fs/promises";
import t from "tap";
import type { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import type { TinyModel } from "../model/onnx-builder.js";
import { exampleModel } from "./example-model.js";
import { scratchFolder } from "./lab.js";
import { tinyProject } from "./model-project.js";

/**
 * ONNX through LiteRT's format to ARM NN out of Debian's packages, with its plugins: run on the board's core and compared with onnxruntime. A
 * conversion takes ten seconds of a core, so one model has all that must be right.
 */
const folder = await scratchFolder("armnn");
t.teardown(() => rm(folder, { recursive: true, force: true }));

const square = [1, 2, 4, 4];
const float = (name: string, shape: readonly (number | string)[]) => ({ name, shape });

/**
 * A concatenation of what is made by layers that the Compute Library runs over one row of numbers: without the adapter's care they write beside
 * their place in its result, and no error tells. An operator that LiteRT has since 2022 only; a batch; 5 dimensions; odd names.
 */
const right: TinyModel = {
  nodes: [
    { op: "Add", inputs: ["a", "b"], outputs: ["sum"] },
    { op: "Mul", inputs: ["a", "b"], outputs: ["product"] },
    { op: "Sub", inputs: ["a", "b"], outputs: ["difference"] },
    { op: "Sigmoid", inputs: ["a"], outputs: ["rate"] },
    { op: "Concat", inputs: ["sum", "product", "difference", "rate"], outputs: ["row =;"], int: { axis: 3 } },
    { op: "Conv", inputs: ["größe%3d#", "filter"], outputs: ["between"] },
    { op: "HardSigmoid", inputs: ["between"], outputs: ["held"] },
    { op: "Softmax", inputs: ["five"], outputs: ["rates"], int: { axis: 1 } },
  ],
  weights: [{ name: "filter", shape: [2, 3, 1, 1], values: [1, -2, 3, -4, 5, -6] }],
  inputs: [
    ...[float("größe%3d#", [2, 3, 3, 3]), float("a", square), float("b", square)],
    float("five", [1, 2, 3, 2, 2]),
  ],
  outputs: [
    ...[float("held", [2, 2, 3, 3]), float("between", [2, 2, 3, 3]), float("row =;", [1, 2, 4, 16])],
    float("rates", [1, 2, 3, 2, 2]),
  ],
};

const models: Readonly<Record<string, TinyModel>> = {
  right,
  lacking: {
    nodes: [
      { op: "Floor", inputs: ["x"], outputs: ["below"] },
      { op: "Cos", inputs: ["below"], outputs: ["y"] },
    ],
    inputs: [float("x", [6])],
    outputs: [float("y", [6])],
  },
  long: {
    nodes: [{ op: "Add", inputs: ["x", "x"], outputs: ["y"] }],
    inputs: [{ name: "x", type: 7, shape: [2, 3] }],
    outputs: [{ name: "y", type: 7, shape: [2, 3] }],
  },
};
const faces = await exampleModel("detector-tflite", "faces", folder);
const made = await tinyProject(folder, { engine: "armnn", onnx: models, others: { faces } });

t.test(
  "concatenations, newer operators, batches, odd names: what ARM NN gives is what the ONNX file gives",
  async (t) => {
    await t.resolves(made("model-check/right"));
  },
);

t.test("a .tflite file of someone else's gives what LiteRT on x86-64 gives", async (t) => {
  await t.resolves(made("model-check/faces"));
});

/** Rows: a model that is refused, the step that refuses it, the error's code, and what is said. */
const refused: readonly (readonly [model: string, step: string, code: string, says: RegExp])[] = [
  ["lacking", "convert/tflite-armnn", "ERR_EDGEIMG_MODEL_CONVERSION", /no operator for: COS \(.*FLOOR \(/s],
  ["long", "model-run", "ERR_EDGEIMG_MODEL_OPERATOR", /armnn refuses it.*Layer of type Cast is not supported/s],
];
for (const [model, step, code, says] of refused)
  t.test(`${model} is refused by name`, async (t) => {
    const error = await made(`${step}/${model}`).catch((reason: EdgeimgError) => reason);
    if (typeof error === "string") return t.fail(`${model} was taken`);
    t.equal(error.code, code);
    t.match([error.message, ...(error.details ?? [])].join("\n"), says);
    t.match(error.hint, /engine/, "the way out");
  });
