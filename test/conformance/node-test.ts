import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { NpyArray } from "../../src/formats/npy.js";
import { type OnnxGraph, readOnnx, readTensor, readValue } from "../../src/formats/onnx.js";
import { fields, lengthField, textField } from "../../src/formats/protobuf.js";
import { arrayOf } from "./tensor-file.js";

/** One of ONNX's node tests, as a project would have it. */
export interface NodeTest {
  /** The one that it is about: that of its first node, or of the test whose operator it has as a function's body. */
  readonly operator: string;
  readonly model: Uint8Array;
  /** Inputs by name; undefined where .npy files cannot hold one. */
  readonly inputs: ReadonlyMap<string, NpyArray | undefined>;
  readonly outputs: ReadonlyMap<string, NpyArray | undefined>;
}

/**
 * Positions of inputs that are weights or parameters: a file that was exported from a framework has them as constants, while a node test feeds
 * everything. `Reduce` stands for all operators that begin so.
 */
const constants: Readonly<Record<string, readonly number[]>> = {
  AffineGrid: [1],
  BatchNormalization: [1, 2, 3, 4],
  CenterCropPad: [1],
  Clip: [1, 2],
  Col2Im: [1, 2],
  ConstantOfShape: [0],
  Conv: [1, 2],
  ConvInteger: [1, 2, 3],
  ConvTranspose: [1, 2],
  CumSum: [1],
  DFT: [1, 2],
  DeformConv: [1, 3],
  DequantizeLinear: [1, 2],
  Dropout: [1, 2],
  Expand: [1],
  Gemm: [1, 2],
  GroupNormalization: [1, 2],
  GRU: [1, 2, 3],
  InstanceNormalization: [1, 2],
  LayerNormalization: [1, 2],
  LSTM: [1, 2, 3, 7],
  MatMulInteger: [1, 2, 3],
  NonMaxSuppression: [2, 3, 4],
  OneHot: [1, 2],
  Pad: [1, 2, 3],
  PRelu: [1],
  QLinearConv: [1, 2, 3, 4, 5, 6, 7, 8],
  QLinearMatMul: [1, 2, 3, 4, 5, 6, 7],
  QuantizeLinear: [1, 2],
  Range: [0, 1, 2],
  Reduce: [1],
  Reshape: [1],
  Resize: [1, 2, 3],
  RNN: [1, 2, 3],
  Slice: [1, 2, 3, 4],
  Split: [1],
  Squeeze: [1],
  Tile: [1],
  TopK: [1],
  Trilu: [1],
  Unsqueeze: [1],
  Upsample: [1],
};

/** Reads a test's folder; weights and parameters become constants of its model. */
export function readNodeTest(folder: string): NodeTest {
  const bytes = new Uint8Array(readFileSync(join(folder, "model.onnx")));
  const { graph } = readOnnx(bytes);
  const values = (side: "input" | "output", names: readonly string[]) =>
    new Map(names.map((name, index) => [name, tensorBytes(join(folder, "test_data_set_0", `${side}_${index}.pb`))]));
  const given = values(
    "input",
    graph.inputs.map(({ name }) => name),
  );
  const kinds = new Map(graph.inputs.map(({ name, kind }) => [name, kind]));
  const fixed = new Map(
    [...constantInputs(graph)].flatMap((name): [string, Uint8Array][] => {
      const value = given.get(name);
      return value === undefined || kinds.get(name) !== "tensor" ? [] : [[name, value]];
    }),
  );
  // A model of constants alone is none: then the test stays as it is.
  const isWhole = fixed.size < graph.inputs.length;
  const model = isWhole ? withConstants(bytes, fixed) : bytes;
  const arrays = (list: ReadonlyMap<string, Uint8Array | undefined>, ports: OnnxGraph["inputs"]) =>
    new Map(
      ports.flatMap(({ name, kind, type }): [string, NpyArray | undefined][] => {
        const value = list.get(name);
        return [[name, value === undefined || kind !== "tensor" ? undefined : arrayOf(value, type)]];
      }),
    );
  const expected = values(
    "output",
    graph.outputs.map(({ name }) => name),
  );
  const left = graph.inputs.filter(({ name }) => !isWhole || !fixed.has(name));
  return { operator: operatorOf(folder), model, inputs: arrays(given, left), outputs: arrays(expected, graph.outputs) };
}

/** What the test in a folder is about. */
export function operatorOf(folder: string): string {
  const first = (file: string) => readOnnx(new Uint8Array(readFileSync(file))).graph.nodes[0]?.op;
  const whole = join(folder.replace(/_expanded\w*$/, ""), "model.onnx");
  return (existsSync(whole) ? first(whole) : undefined) ?? first(join(folder, "model.onnx")) ?? "";
}

function tensorBytes(file: string): Uint8Array | undefined {
  return existsSync(file) ? new Uint8Array(readFileSync(file)) : undefined;
}

function constantInputs({ nodes }: OnnxGraph): ReadonlySet<string> {
  const positions = (op: string) => constants[op] ?? (op.startsWith("Reduce") ? constants.Reduce : undefined) ?? [];
  return new Set(nodes.flatMap(({ op, inputs }) => positions(op).flatMap((at) => inputs[at] || [])));
}

/** The model with some of its inputs as initializers. */
function withConstants(model: Uint8Array, fixed: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const pieces = [...fields(model)].flatMap((field) => {
    if (field.number !== 7) return [field.whole];
    const kept = [...fields(field.bytes)].flatMap((one) =>
      one.number === 11 && fixed.has(readValue(one.bytes).name) ? [] : [one.whole],
    );
    const tensors = [...fixed].flatMap(([name, bytes]) => lengthField(5, named(bytes, name)));
    return lengthField(7, [...kept, ...tensors]);
  });
  return new Uint8Array(Buffer.concat(pieces));
}

function named(tensor: Uint8Array, name: string): readonly Uint8Array[] {
  if (readTensor(tensor).name === name) return [tensor];
  return [...[...fields(tensor)].flatMap((one) => (one.number === 8 ? [] : [one.whole])), ...textField(8, name)];
}
