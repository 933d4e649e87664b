import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import type { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import type { TinyModel } from "../model/onnx-builder.js";
import { exampleModel } from "./example-model.js";
import { scratchFolder } from "./lab.js";
import { tinyProject } from "./model-project.js";

/**
 * ONNX through onnx2tf and LiteRT: converted, run on the board's core and compared with onnxruntime. Each conversion takes ten seconds of a
 * core, so one model has all that must be right.
 */
const folder = await scratchFolder("tflite");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const [unsigned, signed, int32, int64] = [2, 3, 6, 7];

/** Pictures whose channels onnx2tf turns last, a result that others are made of, each type, a scalar, an input that nothing uses. */
const kinds: TinyModel = {
  nodes: [
    { op: "Conv", inputs: ["a b:0/größe%3d#", "filter"], outputs: ["between"] },
    { op: "Relu", inputs: ["between"], outputs: ["結果 =;"] },
    { op: "ArgMax", inputs: ["between"], outputs: ["best"], int: { axis: 1, keepdims: 0 } },
    { op: "Add", inputs: ["ids", "ids"], outputs: ["twice"] },
    { op: "Gather", inputs: ["table", "places"], outputs: ["rows"], int: { axis: 0 } },
    { op: "Identity", inputs: ["byte"], outputs: ["same byte"] },
    { op: "Cast", inputs: ["signed"], outputs: ["wide"], int: { to: int32 } },
    { op: "Cast", inputs: ["signed"], outputs: ["number"], int: { to: 1 } },
    { op: "Neg", inputs: ["scalar"], outputs: ["minus"] },
    { op: "Softmax", inputs: ["five"], outputs: ["rates"], int: { axis: 1 } },
  ],
  weights: [
    { name: "filter", shape: [2, 3, 1, 1], values: [1, -2, 3, -4, 5, -6] },
    { name: "table", shape: [2, 2], values: [1, 2, 3, 4] },
  ],
  inputs: [
    { name: "scalar", shape: [] },
    { name: "a b:0/größe%3d#", shape: [2, 3, 3, 3] },
    { name: "ids", type: int64, shape: [2, 3] },
    { name: "places", type: int32, shape: [3] },
    { name: "byte", type: unsigned, shape: [2, 2] },
    { name: "signed", type: signed, shape: [4] },
    { name: "five", shape: [1, 2, 3, 2, 2] },
    { name: "not used", shape: [5] },
  ],
  outputs: [
    { name: "結果 =;", shape: [2, 2, 3, 3] },
    { name: "between", shape: [2, 2, 3, 3] },
    { name: "best", type: int64, shape: [2, 3, 3] },
    { name: "twice", type: int64, shape: [2, 3] },
    { name: "rows", shape: [3, 2] },
    { name: "same byte", type: unsigned, shape: [2, 2] },
    { name: "wide", type: int32, shape: [4] },
    { name: "number", shape: [4] },
    { name: "minus", shape: [] },
    { name: "rates", shape: [1, 2, 3, 2, 2] },
  ],
};

const one = (op: string, result: TinyModel["outputs"][number]): TinyModel => ({
  nodes: [{ op, inputs: ["x"], outputs: ["y"] }],
  inputs: [{ name: "x", shape: [1, 6] }],
  outputs: [result],
});

const models: Readonly<Record<string, TinyModel>> = {
  kinds,
  lacking: one("Multinomial", { name: "y", type: int32, shape: [1, 1] }),
  positions: one("NonZero", { name: "y", type: int64, shape: [2, "n"] }),
};
await writeFile(join(folder, "cut.tflite"), Buffer.from("1c00000054464c33", "hex"));
/** BlazeFace, as others give it, and as the example has it. */
const faces = await exampleModel("detector-tflite", "faces", folder);
const input = { type: "f32", dims: [1, 128, 128, 3], test: { values: [0.5, -0.25] } };
const made = await tinyProject(folder, {
  engine: "tflite",
  onnx: models,
  inputs: { kinds: { places: { dims: [3], test: { values: [1, 0, 1] } } } },
  others: {
    faces,
    narrow: { ...faces, inputs: { input: { ...input, dims: [1, 64, 64, 3] } } },
    other: { ...faces, inputs: { picture: input } },
    cut: { ...faces, file: "cut.tflite" },
  },
});
const refusal = (step: string) => made(step).catch((reason: EdgeimgError) => reason);

t.test("types, layouts, order, odd names, a scalar: what LiteRT gives is what the ONNX file gives", async (t) => {
  await made("model-check/kinds");
  const sidecar = await readFile(join(await made("model/kinds"), "model.edge"), "utf8");
  t.match(sidecar, /^input a%20b:0\/größe%253d%23 f32 blob=edge_in1 dims=2,3,3,3$/m, "as in the ONNX file");
  t.match(sidecar, /^output best i64 blob=edge_out2 dims=2,3,3$/m);
});

t.test("an operator that LiteRT lacks is named, and so is an output whose size depends on values", async (t) => {
  const code = "ERR_EDGEIMG_MODEL_CONVERSION";
  for (const [model, says] of [
    ["lacking", /do not have: Multinomial \(/],
    ["positions", /y: its shape depends on values/],
  ] as const) {
    const error = await refusal(`convert/onnx2tf/${model}`);
    if (typeof error === "string") return t.fail(`${model} was converted`);
    t.match(error, { code, message: new RegExp(`^Model ${model} cannot be converted for LiteRT`) });
    t.match(error.details?.join("\n"), says);
  }
});

t.test("a .tflite file of someone else's is taken as it is, and judged by golden outputs", async (t) => {
  await t.resolves(made("model-check/faces"));
});

t.test("a .tflite file that is not what the project says is refused, with the difference", async (t) => {
  const code = "ERR_EDGEIMG_MODEL_OPERATOR";
  for (const [model, says] of [
    ["narrow", /input input has the shape 1x128x128x3 in the model, not the declared one/],
    ["other", /the model's input input is not declared/],
    ["cut", /no \.tflite file, or a damaged one|crashed/],
  ] as const) {
    const error = await refusal(`model-run/${model}`);
    if (typeof error === "string") return t.fail(`${model} ran`);
    t.match(error, { code });
    t.match([error.message, ...(error.details ?? [])].join("\n"), says);
  }
});
