import { writeNpy } from "../../src/formats/npy.js";
import { raw, tinyOnnx } from "../model/onnx-builder.js";
import type { Situation } from "./model-situations.js";

/** y = Relu(x W): 4 floats each, of opset 13 unless told, and with another operator before it when one is named. */
function product(more: { readonly opset?: number; readonly first?: string } = {}): Uint8Array {
  const { opset = 13, first } = more;
  return tinyOnnx({
    opset,
    nodes: [
      ...(first === undefined ? [] : [{ op: first, inputs: ["x"], outputs: ["f"] }]),
      { op: "MatMul", inputs: [first === undefined ? "x" : "f", "w"], outputs: ["p"] },
      { op: "Relu", inputs: ["p"], outputs: ["y"] },
    ],
    inputs: [{ name: "x", shape: [1, 4] }],
    outputs: [{ name: "y", shape: [1, 4] }],
    weights: [{ name: "w", shape: [4, 4], values: Array.from({ length: 16 }, (_, index) => Math.sin(index)) }],
  });
}

const npy = (...values: number[]) => writeNpy({ kind: "f", size: 4, shape: [1, 4], data: raw(1, values) });
const given = (first = 1) => ({ "cal/0.npy": npy(first, 2, -1, 0.5), "cal/1.npy": npy(0.3, -2, 1, 1) });
const files = { "m.onnx": product(), ...given() };
const model = (quantize: string) => `onnx: m.onnx\nquantize: { ${quantize} }\n`;
const weightsAlone = model("activations: float");
const calibrated = (more = "") => model(`calibration: { x: cal }${more}`);
const relu = tinyOnnx({
  nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
  inputs: [{ name: "x", shape: [1, 4] }],
  outputs: [{ name: "y", shape: [1, 4] }],
});
const quantized = tinyOnnx({
  nodes: [
    { op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"] },
    { op: "DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["d"] },
    { op: "MatMul", inputs: ["d", "w"], outputs: ["y"] },
  ],
  inputs: [{ name: "x", shape: [1, 4] }],
  outputs: [{ name: "y", shape: [1, 4] }],
  weights: [
    { name: "s", shape: [], values: [0.1] },
    { name: "z", shape: [], values: [0], type: 2 },
    { name: "w", shape: [4, 4], values: Array.from({ length: 16 }, (_, index) => Math.cos(index)) },
  ],
});

/** An app that answers with its model's last output for four numbers, to one digit: weights that are powers of two change it. */
const answering = `
import { serve } from "edge:http";
import { load } from "edge:nn";
import { report } from "edge:process";
const model = await load("m");
await serve({ port: 80 }, async ({ body }) => {
  const { y } = await model.run({ x: { shape: [1, 4], data: new Float32Array(body) } });
  return { body: JSON.stringify({ last: Number(y?.data[3]).toFixed(1) }) };
});
report("ready");
`;
const seen = [1, 2, -1, 0.5];
const last = seen.reduce((sum, value, row) => sum + value * Math.sin(4 * row + 3), 0).toFixed(1);
const answers = (labels: Readonly<Record<string, string>>) => ({
  ...{ "m.onnx": product(), "main.ts": answering, "seen/a.bin": raw(1, seen) },
  "labels.json": JSON.stringify(labels),
});
const judged = (more: string) =>
  model(
    `activations: float${more}, accuracy: { pictures: seen, labels: labels.json, to: /, answer: last, maxLoss: 0.5 }`,
  );

/** Those of models that are quantized. */
export const quantizeSituations: readonly Situation[] = [
  {
    code: "QUANTIZE_ACCURACY",
    when: "an app that answers worse than it may",
    says: /^With model m quantized the app's answers to 1 pictures are right to 0\.00 % \(exact\), and to 100\.00 %/,
    at: "0.5",
    hint: /--try all/,
    wrong: { model: judged(", codes: log"), files: answers({ "a.bin": last }) },
    cure: { model: judged("") },
  },
  {
    code: "QUANTIZE_CALIBRATION",
    when: "a calibration input that is not finite",
    says: /^Model m: x has the value NaN at \[0, 0\] for 0\.npy/,
    at: "{ x: cal }",
    hint: /Take 0\.npy out/,
    wrong: { model: calibrated(), files: { ...files, ...given(Number.NaN) } },
    cure: { files },
  },
  {
    code: "QUANTIZE_ENGINE",
    when: "an engine that gains nothing by it",
    says: /^Model m: ncnn does not run models with 8-bit weights alone here: its converter/,
    at: "{ activations: float }",
    hint: /These do: onnxruntime/,
    wrong: { engine: "ncnn", model: weightsAlone, files },
    cure: { engine: "onnxruntime" },
  },
  {
    code: "QUANTIZE_LABELS",
    when: "a picture without a label",
    says: /^labels\.json and seen do not have the same pictures/,
    at: "{ pictures: seen",
    hint: /one answer for each file/,
    wrong: { model: judged(""), files: answers({}) },
    cure: { files: answers({ "a.bin": last }) },
  },
  {
    code: "QUANTIZE_LAYER",
    when: "a layer to keep that is not in the model",
    says: /^Model m has no layer "MatMul_1" that could be quantized\. Did you mean "MatMul_0"\?/,
    at: "MatMul_1",
    hint: /`edgeimg quantize m` lists them/,
    wrong: {
      model: model("activations: float, keep: [MatMul_1]"),
      files: { ...files, "m.onnx": doubled() },
    },
    cure: { model: model("activations: float, keep: [MatMul_0]") },
  },
  {
    code: "QUANTIZE_LOSS",
    when: "a model that loses more than it may",
    says: /^Model m loses .* \(cosine, the mean over 2 inputs\) when it is quantized, and `maxLoss` is 1e-9/,
    at: "1e-9",
    hint: /raise `maxLoss`/,
    wrong: { model: calibrated(", maxLoss: 1e-9"), files },
    cure: { model: calibrated(", maxLoss: 0.01") },
  },
  {
    code: "QUANTIZE_NOTHING",
    when: "a model without weights",
    says: /^Model m has nothing to quantize/,
    at: "{ activations: float }",
    hint: /Take `quantize` out/,
    wrong: { model: weightsAlone, files: { "m.onnx": relu } },
    cure: { model: "onnx: m.onnx\n" },
  },
  {
    code: "QUANTIZE_OPERATOR",
    when: "an old operator set",
    says: /^Model m is of opset 9, and its operator Shrink \(Shrink_0\) cannot be brought to opset 13/,
    at: "{ activations: float }",
    hint: /convert_version\(model, 13\)/,
    wrong: { model: weightsAlone, files: { "m.onnx": product({ opset: 9, first: "Shrink" }) } },
    cure: { files: { "m.onnx": product({ first: "Shrink" }) } },
  },
  {
    code: "QUANTIZE_RECORD",
    when: "an app that ends before it answers a picture",
    says: /^The app ended before it was ready \(exit code 0\)/,
    at: "{ pictures: cal, to: /read }",
    hint: /`edgeimg run --host`/,
    wrong: { engine: "onnxruntime", model: model("record: { pictures: cal, to: /read }"), files },
    cure: { model: calibrated() },
  },
  {
    code: "QUANTIZE_TWICE",
    when: "a model that is quantized already",
    says: /^Model m is quantized already: it has QuantizeLinear/,
    at: "{ activations: float }",
    hint: /engines run the model as it is/,
    wrong: { model: weightsAlone, files: { "m.onnx": quantized } },
    cure: { model: "onnx: m.onnx\n" },
  },
];

/** Two products: one may stay as it is. */
function doubled(): Uint8Array {
  const values = Array.from({ length: 16 }, (_, index) => Math.sin(index));
  return tinyOnnx({
    nodes: [
      { op: "MatMul", inputs: ["x", "w"], outputs: ["p"] },
      { op: "Relu", inputs: ["p"], outputs: ["r"] },
      { op: "MatMul", inputs: ["r", "w"], outputs: ["y"] },
    ],
    inputs: [{ name: "x", shape: [1, 4] }],
    outputs: [{ name: "y", shape: [1, 4] }],
    weights: [{ name: "w", shape: [4, 4], values }],
  });
}
