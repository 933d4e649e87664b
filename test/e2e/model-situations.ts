import { readFileSync } from "node:fs";
import { writeNpy } from "../../src/formats/npy.js";
import { raw, type TinyModel, type TinyNode, type TinyPort, tinyOnnx } from "../model/onnx-builder.js";
import type { Setting } from "./model-project.js";
import { quantizeSituations } from "./quantize-situations.js";

/** A way to an ERR_EDGEIMG_MODEL_ error, and the one back that its message names. */
export interface Situation {
  /** The code, without ERR_EDGEIMG_MODEL_. */
  readonly code: string;
  readonly when: string;
  readonly says: RegExp;
  /** What stands in edgeimg.yaml at the place that the error names. */
  readonly at: string;
  readonly hint: RegExp;
  readonly wrong: Partial<Setting>;
  /** What the remedy changes. */
  readonly cure: Partial<Setting>;
}

/** y = operator(x): 4 floats each, unless told. */
export function unary(op: string, more: Omit<Partial<TinyModel>, "inputs" | "outputs"> & Ports = {}): Uint8Array {
  const { x = {}, y = {}, node = {}, ...rest } = more;
  return tinyOnnx({
    nodes: [{ op, inputs: ["x"], outputs: ["y"], ...node }],
    inputs: [{ name: "x", shape: [1, 4], ...x }],
    outputs: [{ name: "y", shape: [1, 4], ...y }],
    ...rest,
  });
}

interface Ports {
  readonly x?: Partial<TinyPort>;
  readonly y?: Partial<TinyPort>;
  readonly node?: Partial<TinyNode>;
}

const good = unary("Relu");
const m = (bytes: Uint8Array | string) => ({ files: { "m.onnx": bytes } });
const whole = { files: { "m.onnx": good } };
const floats = (...values: number[]) => raw(1, values);
const npy = (shape: readonly number[], ...values: number[]) =>
  writeNpy({ kind: "f", size: 4, shape: [...shape], data: floats(...values) });
const added = (external?: Readonly<Record<string, string>>) =>
  tinyOnnx({
    nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    inputs: [{ name: "x", shape: [1, 4] }],
    outputs: [{ name: "y", shape: [1, 4] }],
    weights: [{ name: "w", shape: [1, 4], values: [1, 2, 3, 4], ...(external === undefined ? {} : { external }) }],
  });
const weights = floats(1, 2, 3, 4);
/** Rows of a table, chosen by indexes that are made of the input: nothing tells which it may hold. */
const table = tinyOnnx({
  nodes: [
    { op: "Add", inputs: ["ids", "far"], outputs: ["at"] },
    { op: "Gather", inputs: ["t", "at"], outputs: ["y"] },
  ],
  inputs: [{ name: "ids", type: 7, shape: [1, 4] }],
  outputs: [{ name: "y", shape: [1, 4, 2] }],
  weights: [
    { name: "far", shape: [1], values: [-100], type: 7 },
    { name: "t", shape: [4, 2], values: [1, 2, 3, 4, 5, 6, 7, 8] },
  ],
});
const open = unary("Relu", { x: { shape: [1, "n"] }, y: { shape: [1, "n"] } });
/** What a quantizer writes around an operator. */
const quantized = tinyOnnx({
  nodes: [
    { op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"] },
    { op: "DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["y"] },
  ],
  inputs: [{ name: "x", shape: [1, 4] }],
  outputs: [{ name: "y", shape: [1, 4] }],
  weights: [
    { name: "s", shape: [], values: [0.1] },
    { name: "z", shape: [], values: [0], type: 3 },
  ],
});
const onnx = "onnx: m.onnx\n";
const ncnn = { engine: "ncnn" };
const other = { engine: "onnxruntime" };
const declared = (text: string) => ({ model: `${onnx}inputs:\n  x: ${text}\n` });

/** An input that is an output as well. */
const handedOn = tinyOnnx({
  nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
  inputs: [
    { name: "x", shape: [1, 4] },
    { name: "u", shape: [1, 4] },
  ],
  outputs: [
    { name: "y", shape: [1, 4] },
    { name: "x", shape: [1, 4] },
  ],
});
/** A Split that leaves the sizes open. */
const halves = tinyOnnx({
  nodes: [{ op: "Split", inputs: ["x"], outputs: ["y", "z"], int: { axis: 1 } }],
  inputs: [{ name: "x", shape: [1, 4] }],
  outputs: [
    { name: "y", shape: [1, 2] },
    { name: "z", shape: [1, 2] },
  ],
});
/** What toy engines run. */
const sum = tinyOnnx({
  nodes: [{ op: "ReduceSum", inputs: ["x"], outputs: ["y"] }],
  inputs: [{ name: "x", shape: [2, 3] }],
  outputs: [{ name: "y", shape: [1, 1] }],
});
const traced = 'if (getenv("EDGE_NN_TRACE")) { fprintf(stderr, "layer ReduceSum the sum\\n"); }\n';

/** As many inputs and outputs as there may be, with the longest names, of characters that are escaped. */
const longest = Array.from({ length: 32 }, (_, index) => `${"%".repeat(253)}${String(index).padStart(2, "0")}`);

/** A model of a format that ONNX Runtime does not know, and what the project says of it. */
const summing = {
  engine: "toy-file",
  files: { "m.toy": sum, "y.npy": npy([1, 1], 6), ...toyEngine("toy-file", { accepts: "toy-sum" }) },
};
const toyModel = (more: { x?: string; y?: string; name?: string } = {}) =>
  `format: toy-sum\nfile: m.toy\ninputs:\n  ${more.name ?? "x"}: ${more.x ?? "{ type: f32, dims: [2, 3], test: { values: [1] } }"}\noutputs:\n  y: ${more.y ?? "{ type: f32, golden: y.npy }"}\n`;

export const situations: readonly Situation[] = [
  ...quantizeSituations,
  {
    code: "NOT_ONNX",
    when: "a Git LFS pointer",
    says: /^Model m is not a valid ONNX model/,
    at: "m.onnx",
    hint: /git lfs pull/,
    wrong: m("version https://git-lfs.github.com/spec/v1\noid sha256:1\n"),
    cure: whole,
  },
  {
    code: "NOT_ONNX",
    when: "a file that is cut off",
    says: /^Model m is not a valid ONNX model/,
    at: "m.onnx",
    hint: /compare its size and hash/,
    wrong: m(good.subarray(0, -9)),
    cure: whole,
  },
  {
    code: "NOT_ONNX",
    when: "a graph that onnxruntime refuses",
    says: /^Model m is not a model that onnxruntime can load/,
    at: "m.onnx",
    hint: /check_model/,
    wrong: m(unary("Relu", { node: { inputs: ["z"] } })),
    cure: whole,
  },
  {
    code: "NOT_ONNX",
    when: "a graph that crashes onnxruntime",
    says: /^Model m crashes onnxruntime$/,
    at: "m.onnx",
    hint: /attributes that are divided by and are 0, such as strides/,
    wrong: m(pooled(0)),
    cure: m(pooled(1)),
  },
  {
    code: "FILE",
    when: "a Git LFS pointer in the place of another format",
    says: /^Model m is no file of the format toy-sum/,
    at: "m.toy",
    hint: /git lfs pull/,
    wrong: {
      ...summing,
      model: toyModel(),
      files: { ...summing.files, "m.toy": "version https://git-lfs.github.com/spec/v1\noid sha256:1\n" },
    },
    cure: { files: summing.files },
  },
  {
    code: "VERSION",
    when: "a newer opset",
    says: /^Model m has opset 23; the newest that onnxruntime 1\.22\.0 runs is opset 22 with IR version 10/,
    at: "m.onnx",
    hint: /opset_version=22/,
    wrong: m(unary("Relu", { opset: 23, ir: 10 })),
    cure: m(unary("Relu", { opset: 22, ir: 10 })),
  },
  {
    code: "VERSION",
    when: "a newer IR version",
    says: /^Model m has IR version 13; the newest .* is 10/,
    at: "m.onnx",
    hint: /model\.ir_version = 10/,
    wrong: m(unary("Relu", { ir: 13 })),
    cure: m(unary("Relu", { ir: 10 })),
  },
  {
    code: "VERSION",
    when: "no operator set",
    says: /^Model m imports no operator set\.$/,
    at: "m.onnx",
    hint: /check_model/,
    wrong: m(unary("Relu", { opset: 0 })),
    cure: whole,
  },
  {
    code: "VERSION",
    when: "no IR version",
    says: /^Model m states no IR version/,
    at: "m.onnx",
    hint: /check_model/,
    wrong: m(unary("Relu", { ir: 0 })),
    cure: whole,
  },
  {
    code: "PORTS",
    when: "a name with a control character",
    says: /^Model m: the name of input 1, "a\\nb", has a control character/,
    at: "m.onnx",
    hint: /input_names=/,
    wrong: m(unary("Relu", { x: { name: "a\nb" }, node: { inputs: ["a\nb"] } })),
    cure: whole,
  },
  {
    code: "PORTS",
    when: "more outputs than an app can use",
    says: /^Model m has 33 outputs; an app can use 1 to 32/,
    at: "m.onnx",
    hint: /leave out those that the app does not read/,
    wrong: m(manyOutputs(33)),
    cure: m(manyOutputs(32)),
  },
  {
    code: "PORTS",
    when: "no inputs",
    says: /^Model m has no inputs/,
    at: "m.onnx",
    hint: /what varies as an input/,
    wrong: m(
      tinyOnnx({
        nodes: [{ op: "Relu", inputs: ["w"], outputs: ["y"] }],
        inputs: [],
        outputs: [{ name: "y", shape: [1, 4] }],
        weights: [{ name: "w", shape: [1, 4], values: [1, 2, 3, 4] }],
      }),
    ),
    cure: whole,
  },
  {
    code: "PORTS",
    when: "9 dimensions",
    says: /^Model m: input x has 9 dimensions/,
    at: "m.onnx",
    hint: /Reshape of x/,
    wrong: m(unary("Relu", { x: { shape: Array(9).fill(1) }, y: { shape: Array(9).fill(1) } })),
    cure: m(unary("Relu", { x: { shape: Array(8).fill(1) }, y: { shape: Array(8).fill(1) } })),
  },
  {
    code: "PORTS",
    when: "an input of size 0",
    says: /^Model m: input x has a size of 0/,
    at: "m.onnx",
    hint: /with the size that it has in use/,
    wrong: m(unary("Relu", { x: { shape: [0, 4] }, y: { shape: [0, 4] } })),
    cure: whole,
  },
  {
    code: "PORTS",
    when: "more of names and shapes than model.edge can hold",
    says: /model\.edge, has \d+ bytes; 65536 are the most/,
    at: "m.onnx",
    hint: /Declare fewer `shapes`.*or shorten the names/,
    wrong: { ...m(longNames()), model: declaredEach(`{ shapes: [${shapeList(64)}] }`) },
    cure: { model: declaredEach("{ dims: [1, 1, 1, 1..64] }") },
  },
  {
    code: "PORTS",
    when: "a declared name with a control character",
    says: /^Model m: the name "a\\nb" under inputs has a control character/,
    at: "{ type: f32, dims: [2, 3]",
    hint: /another name/,
    wrong: { ...summing, model: toyModel({ name: '"a\\nb"' }) },
    cure: { model: toyModel() },
  },
  {
    code: "DATA",
    when: "weights that are not beside the model",
    says: /^Model m has weights in m\.onnx\.data, which is not beside it/,
    at: "m.onnx",
    hint: /Put m\.onnx\.data into the model's folder/,
    wrong: m(added({ location: "m.onnx.data" })),
    cure: { files: { "m.onnx": added({ location: "m.onnx.data" }), "m.onnx.data": weights } },
  },
  {
    code: "DATA",
    when: "weights outside of the model's folder",
    says: /^Model m has the weights w in "\.\.\/w", which is not in the model's folder/,
    at: "m.onnx",
    hint: /save_as_external_data=True, location="model\.onnx\.data"/,
    wrong: m(added({ location: "../w" })),
    cure: { files: { "m.onnx": added({ location: "model.onnx.data" }), "model.onnx.data": weights } },
  },
  {
    code: "DATA",
    when: "weights that are cut off",
    says: /^Model m has the weights w \(1x4 float32\) in w from byte 0, 3 bytes, but w has 3/,
    at: "m.onnx",
    hint: /copy it again/,
    wrong: { files: { "m.onnx": added({ location: "w" }), w: "abc" } },
    cure: { files: { "m.onnx": added({ location: "w" }), w: weights } },
  },
  {
    code: "TYPE",
    when: "an input of strings",
    says: /^Model m: input x is a tensor of string, which an app cannot give/,
    at: "m.onnx",
    hint: /x as int64 ids/,
    wrong: m(unary("Identity", { x: { type: 8 }, y: { type: 8 } })),
    cure: m(unary("Identity", { x: { type: 7 }, y: { type: 7 } })),
  },
  {
    code: "TYPE",
    when: "an output of maps",
    says: /^Model m: output y is a sequence, which an app cannot get/,
    at: "m.onnx",
    hint: /zipmap=False/,
    wrong: m(unary("Relu", { y: { isZipMap: true } })),
    cure: whole,
  },
  {
    code: "TYPE",
    when: "numbers that neither side can convert",
    says: /^Model m: input x is a tensor of uint64/,
    at: "m.onnx",
    hint: /Add a Cast/,
    wrong: m(unary("Identity", { x: { type: 13 }, y: { type: 13 } })),
    cure: m(unary("Identity", { x: { type: 7 }, y: { type: 7 } })),
  },
  {
    code: "TYPE",
    when: "an input that may be missing",
    says: /^Model m: input x is a[n]? optional/,
    at: "m.onnx",
    hint: /dense tensor that is always there/,
    wrong: m(unary("OptionalGetElement", { x: { wrapped: "optional" }, opset: 18 })),
    cure: m(unary("Identity", { opset: 18 })),
  },
  {
    code: "TYPE",
    when: "a sparse input",
    says: /^Model m: input x is a sparse tensor/,
    at: "m.onnx",
    hint: /dense tensor that is always there/,
    wrong: m(unary("Relu", { x: { wrapped: "sparse" } })),
    cure: whole,
  },
  {
    code: "TYPE",
    when: "a type that the file does not tell",
    says: /^Model m: y has elements of type string/,
    at: "m.onnx",
    hint: /Cast/,
    wrong: m(unary("Cast", { y: { isUntyped: true }, node: { int: { to: 8 } } })),
    cure: m(unary("Cast", { y: { isUntyped: true }, node: { int: { to: 7 } } })),
  },
  {
    code: "TYPE",
    when: "a file of other numbers",
    says: /^Model m, input x: x\.npy holds bool, the model has f32/,
    at: "x.npy",
    hint: /array\.astype\(numpy\.float32\)/,
    wrong: {
      ...declared("{ test: { file: x.npy } }"),
      files: {
        "m.onnx": good,
        "x.npy": writeNpy({ kind: "b", size: 1, shape: [1, 4], data: Uint8Array.of(1, 0, 1, 0) }),
      },
    },
    cure: { files: { "m.onnx": good, "x.npy": npy([1, 4], 1, 2, 3, 4) } },
  },
  {
    code: "SHAPES",
    when: "an open shape that is not declared",
    says: /^Model m, input x \[1, \?\]: its shape is open/,
    at: "onnx: m.onnx",
    hint: /Declare it under models\.m\.inputs\.x\.dims/,
    wrong: m(open),
    cure: declared("{ dims: [1, 1..8] }"),
  },
  {
    code: "SHAPES",
    when: "another number of dimensions",
    says: /1 dimensions? (is|are) declared/,
    at: "{ dims: [4] }",
    hint: /Declare 2/,
    wrong: { ...m(open), ...declared("{ dims: [4] }") },
    cure: declared("{ dims: [1, 4] }"),
  },
  {
    code: "SHAPES",
    when: "a size that the model has fixed",
    says: /dimension 1 is fixed in the model/,
    at: "{ dims: [1, 5] }",
    hint: /Declare 4 there/,
    wrong: declared("{ dims: [1, 5] }"),
    cure: declared("{ dims: [1, 4] }"),
  },
  {
    code: "SHAPES",
    when: "an input that the model does not have",
    says: /^Model m has no input z/,
    at: "{ dims: [1, 4] }",
    hint: /Its inputs are: x/,
    wrong: { model: `${onnx}inputs:\n  z: { dims: [1, 4] }\n` },
    cure: declared("{ dims: [1, 4] }"),
  },
  {
    code: "SHAPES",
    when: "sizes that one name of the model excludes",
    says: /are both called n in the model, so they have one size/,
    at: "[1, 5..8]",
    hint: /Declare the same sizes for both/,
    wrong: {
      ...m(two("n", "n")),
      model: `${onnx}inputs:\n  a: { dims: [1, 1..4] }\n  b: { dims: [1, 5..8] }\n`,
    },
    cure: { model: `${onnx}inputs:\n  a: { dims: [1, 1..4] }\n  b: { dims: [1, 1..4] }\n` },
  },
  {
    code: "SHAPES",
    when: "sizes that the network does not take",
    says: /^Model m fails at a declared shape: x 1x1/,
    at: "x:",
    hint: /only sizes that the network accepts/,
    wrong: {
      ...m(
        tinyOnnx({
          nodes: [{ op: "Reshape", inputs: ["x", "s"], outputs: ["y"] }],
          inputs: [{ name: "x", shape: [1, "n"] }],
          outputs: [{ name: "y", shape: [4, "k"] }],
          weights: [{ name: "s", shape: [2], values: [4, -1], type: 7 }],
        }),
      ),
      ...declared("{ dims: [1, 1..16] }"),
    },
    cure: declared("{ dims: [1, 4..16/4] }"),
  },
  {
    code: "SHAPES",
    when: "a file of another shape",
    says: /^Model m, input x: x\.npy has the shape 4, which the input cannot have/,
    at: "x.npy",
    hint: /reshape the array/,
    wrong: {
      ...declared("{ test: { file: x.npy } }"),
      files: { "m.onnx": good, "x.npy": npy([4], 1, 2, 3, 4) },
    },
    cure: { files: { "m.onnx": good, "x.npy": npy([1, 4], 1, 2, 3, 4) } },
  },
  {
    code: "SHAPES",
    when: "top-1 of one value",
    says: /^Model m: output y is 1x1; top-1 needs two values or more/,
    at: "top-1",
    hint: /models\.m\.outputs\.y\.metric/,
    wrong: {
      ...m(unary("Relu", { x: { shape: [1, 1] }, y: { shape: [1, 1] } })),
      model: `${onnx}check: { metric: top-1 }\n`,
    },
    cure: { model: `${onnx}check: { metric: top-1 }\noutputs: { y: { metric: max-abs } }\n` },
  },
  {
    code: "INPUTS",
    when: "indexes beyond a table",
    says: /^Model m does not accept the values it was tried with at ids 1x4/,
    at: "onnx: m.onnx",
    hint: /`range: \[0, 1\]` under models\.m\.inputs\.ids\.test/,
    wrong: m(table),
    cure: { model: `${onnx}inputs:\n  ids: { test: { range: [100, 103] } }\n` },
  },
  {
    code: "INPUTS",
    when: "values of the project's that the model does not take",
    says: /^Model m does not accept the values it was tried with/,
    at: "{ test: { file: ids.npy } }",
    hint: /Correct the values of ids that the project gives/,
    wrong: {
      model: `${onnx}inputs:\n  ids: { test: { file: ids.npy } }\n`,
      files: { "m.onnx": table, "ids.npy": ids(5) },
    },
    cure: { files: { "m.onnx": table, "ids.npy": ids(101) } },
  },
  {
    code: "INPUTS",
    when: "a listed value that does not fit the type",
    says: /^Model m, input ids: /,
    at: "[0.5]",
    hint: /Correct models\.m\.inputs\.ids\.test\.values/,
    wrong: { ...m(table), model: `${onnx}inputs:\n  ids: { test: { values: [0.5] } }\n` },
    cure: { model: `${onnx}inputs:\n  ids: { test: { values: [100] } }\n` },
  },
  {
    code: "INPUTS",
    when: "a value of a file that does not fit the type",
    says: /x\.npy: the value 1e\+300 at \[0, 1\] is too large for f32/,
    at: "x.npy",
    hint: /Correct the value and save the file again/,
    wrong: {
      ...declared("{ test: { file: x.npy } }"),
      files: {
        "m.onnx": good,
        "x.npy": writeNpy({
          kind: "f",
          size: 8,
          shape: [1, 4],
          data: new Uint8Array(Float64Array.of(1, 1e300, 3, 4).buffer),
        }),
      },
    },
    cure: { files: { "m.onnx": good, "x.npy": npy([1, 4], 1, 2, 3, 4) } },
  },
  {
    code: "GOLDEN",
    when: "no golden file at all",
    says: /^Model m is to be compared with golden outputs alone, and none is given/,
    at: "golden",
    hint: /models\.m\.outputs\.OUTPUT\.golden/,
    wrong: { model: `${onnx}check: { against: golden }\ninputs: { x: { test: { values: [1] } } }\n` },
    cure: {
      model: `${onnx}check: { against: golden }\ninputs: { x: { test: { values: [1] } } }\noutputs: { y: { golden: y.npy } }\n`,
      files: { "m.onnx": good, "y.npy": npy([1, 4], 1, 1, 1, 1) },
    },
  },
  {
    code: "GOLDEN",
    when: "an output without its file",
    says: /^Model m has no golden file for y1/,
    at: "{ y0: { golden: y.npy } }",
    hint: /give each output its file under models\.m\.outputs/,
    wrong: {
      model: `${onnx}check: { against: golden }\ninputs: { x: { test: { values: [1] } } }\noutputs: { y0: { golden: y.npy } }\n`,
      files: { "m.onnx": manyOutputs(2), "y.npy": npy([1, 4], 1, 1, 1, 1) },
    },
    cure: {
      model: `${onnx}check: { against: golden }\ninputs: { x: { test: { values: [1] } } }\noutputs: { y0: { golden: y.npy }, y1: { golden: y.npy } }\n`,
    },
  },
  {
    code: "GOLDEN",
    when: "golden outputs of unknown inputs",
    says: /^Model m has golden outputs, but nothing says what they belong to: no values for x/,
    at: "onnx: m.onnx",
    hint: /Give `test: \{ file: x\.npy \}`, or `values`/,
    wrong: {
      model: `${onnx}outputs: { y: { golden: y.npy } }\n`,
      files: { "m.onnx": good, "y.npy": npy([1, 4], 1, 1, 1, 1) },
    },
    cure: { model: `${onnx}outputs: { y: { golden: y.npy } }\ninputs: { x: { test: { values: [1] } } }\n` },
  },
  {
    code: "GOLDEN",
    when: "a golden value that is no number",
    says: /y\.npy: the value NaN at \[0, 1\] is not a number/,
    at: "y.npy",
    hint: /Correct the value and save the file again/,
    wrong: {
      model: `${onnx}outputs: { y: { golden: y.npy } }\ninputs: { x: { test: { values: [1] } } }\n`,
      files: { "m.onnx": good, "y.npy": npy([1, 4], 1, Number.NaN, 1, 1) },
    },
    cure: { files: { "m.onnx": good, "y.npy": npy([1, 4], 1, 1, 1, 1) } },
  },
  {
    code: "GOLDEN",
    when: "a format that nothing here runs, and no golden file",
    says: /^Model m has no golden file for y\. Nothing on this machine runs a model of the format toy-sum/,
    at: "{ type: f32 }",
    hint: /numpy\.save.*--only model-run\/m.*models\.m\.outputs\.y\.golden/,
    wrong: { ...summing, model: toyModel({ y: "{ type: f32 }" }) },
    cure: { model: toyModel() },
  },
  {
    code: "OPERATOR",
    when: "an operator that onnxruntime does not know",
    says: /^Model m: operator .*Foo.* is not known to onnxruntime/,
    at: "m.onnx",
    hint: /ONNX's own operators only/,
    wrong: m(unary("Foo")),
    cure: whole,
  },
  {
    code: "OPERATOR",
    when: "an operator that the engine does not have",
    says: /^Model m needs what ncnn does not have: /,
    at: "m.onnx",
    hint: /another engine/,
    wrong: { ...m(quantized), ...ncnn },
    cure: other,
  },
  {
    code: "OPERATOR",
    when: "a layer that the engine refuses",
    says: /^Model m: ncnn refuses it at x 1x4: .*Hardmax/,
    at: "m.onnx",
    hint: /--engine onnxruntime/,
    wrong: { ...m(unary("Hardmax")), ...ncnn },
    cure: other,
  },
  {
    code: "OPERATOR",
    when: "an input that the engine cannot hold",
    says: /^Model m: the engine takes no scalar \(input x\)/,
    at: "onnx: m.onnx",
    hint: /export the model with x as \[1\], or build with an engine that reads the file unconverted/,
    wrong: { ...m(unary("Relu", { x: { shape: [] }, y: { shape: [] } })), ...ncnn },
    cure: m(unary("Relu", { x: { shape: [1] }, y: { shape: [1] } })),
  },
  {
    code: "OPERATOR",
    when: "a batch that the engine does not take",
    says: /^Model m: the engine takes no tensor that begins with 8 \(input x\)/,
    at: "onnx: m.onnx",
    hint: /a batch of 1 only/,
    wrong: { ...m(unary("Relu", { x: { shape: [8, 4] }, y: { shape: [8, 4] } })), ...ncnn },
    cure: whole,
  },
  {
    code: "OPERATOR",
    when: "an output of a type that the engine does not give",
    says: /^Model m: the engine gives no output of type i64 \(y\)/,
    at: "m.onnx",
    hint: /It gives f32.*let the app do the rest/,
    wrong: { ...m(unary("Cast", { y: { type: 7 }, node: { int: { to: 7 } } })), ...ncnn },
    cure: whole,
  },
  {
    code: "OPERATOR",
    when: "operators of a domain that the converter does not have",
    says: /^Model m needs what the engine's converter does not have: Gelu of com\.microsoft/,
    at: "m.onnx",
    hint: /without the optimizer or quantizer that writes these/,
    wrong: { ...m(unary("Gelu", { node: { domain: "com.microsoft" } })), ...ncnn },
    cure: other,
  },
  {
    code: "TOLERANCE",
    when: "a tolerance below rounding",
    says: /^Model m: ncnn on cortex-a72 gives other results than onnxruntime at x 1x4/,
    at: "m.onnx",
    hint: /set `models\.m\.tolerance` to [\d.e-]+ or more/,
    wrong: { ...m(unary("Sigmoid")), ...ncnn, model: `${onnx}tolerance: 1.0e-12\n` },
    cure: { model: `${onnx}tolerance: 0.001\n` },
  },
  {
    code: "TOLERANCE",
    when: "golden outputs that are wrong",
    says: /^Model m: onnxruntime on cortex-a72 gives other results than its golden outputs/,
    at: "m.onnx",
    hint: /the golden files, the inputs given with them, or the exported model are wrong/,
    wrong: {
      model: `${onnx}outputs: { y: { golden: y.npy } }\ninputs: { x: { test: { values: [1] } } }\n`,
      files: { "m.onnx": good, "y.npy": npy([1, 4], 1, 9, 1, 1) },
    },
    cure: { files: { "m.onnx": good, "y.npy": npy([1, 4], 1, 1, 1, 1) } },
  },
  {
    code: "SIZE",
    when: "more than 2 GiB",
    says: /^Model m has 2\.0 GiB with its data; the limit is 2 GiB less one byte/,
    at: "m.onnx",
    hint: /Quantize it to 8 or 4 bits, or choose a smaller model/,
    wrong: { files: { "m.onnx": 2 ** 31 } },
    cure: whole,
  },
  {
    code: "FORMAT",
    when: "an engine whose format nothing makes",
    says: /^Model m is onnx, and nothing makes what Toy .* reads of it: nothing-known/,
    at: "m.onnx",
    hint: /Choose another engine/,
    wrong: { engine: "toy-format", files: { "m.onnx": sum, ...toyEngine("toy-format", { accepts: "nothing-known" }) } },
    cure: other,
  },
  {
    code: "FORMAT",
    when: "a file of another format, which the engine does not read",
    says: /^Model m is toy-sum, and nothing makes what ONNX Runtime reads of it: onnx/,
    at: "toy-sum",
    hint: /Choose another engine/,
    wrong: { ...summing, engine: "onnxruntime", model: toyModel() },
    cure: { engine: "toy-file" },
  },
  {
    code: "CONVERSION",
    when: "a model that the converter crashes on",
    says: /^Model m cannot be converted for ncnn: pnnx /,
    at: "m.onnx",
    hint: /else build with an engine that reads the file unconverted/,
    wrong: { ...m(handedOn), ...ncnn },
    cure: other,
  },
  {
    code: "OPERATOR",
    when: "a layer that crashes ncnn",
    says: /^Model m: ncnn crashed \(SIGSEGV\) at x 1x4, in layer Slice \(split_0\)\.$/,
    at: "m.onnx",
    hint: /without the operator of layer Slice/,
    wrong: { ...m(halves), ...ncnn },
    cure: other,
  },
  {
    code: "OPERATOR",
    when: "an engine that crashes in a layer",
    says: /^Model m: toy-crash crashed \(.+\) at x 2x3, in layer ReduceSum \(the sum\)\.$/,
    at: "m.onnx",
    hint: /--engine onnxruntime.*without the operator of layer ReduceSum \(the sum\)/,
    wrong: {
      engine: "toy-crash",
      files: { "m.onnx": sum, ...toyEngine("toy-crash", { sum: `${traced} abort();` }) },
    },
    cure: other,
  },
  {
    code: "OPERATOR",
    when: "an engine that crashes and tells no layer",
    says: /^Model m: toy-silent crashed \(.+\) at x 2x3\.$/,
    at: "m.onnx",
    hint: /--engine onnxruntime.*declare other shapes/,
    wrong: {
      engine: "toy-silent",
      files: { "m.onnx": sum, ...toyEngine("toy-silent", { sum: "raise(SIGSEGV);" }) },
    },
    cure: other,
  },
  {
    code: "OPERATOR",
    when: "an engine that was compiled for another core",
    says: /^Model m: toy-new uses an instruction that cortex-a72 lacks at x 2x3\.$/,
    at: "m.onnx",
    hint: /compile it with -mcpu=cortex-a72\. Until then build with `--engine onnxruntime`/,
    wrong: {
      engine: "toy-new",
      // An atomic addition of ARMv8.1: ldadd w0, w0, [sp].
      files: {
        "m.onnx": sum,
        ...toyEngine("toy-new", { sum: '__asm__ volatile(".inst 0xb82003e0" ::: "x0", "memory");' }),
      },
    },
    cure: other,
  },
  {
    code: "TOLERANCE",
    when: "an engine that gives something else",
    says: /^Model m: toy-wrong on cortex-a72 gives other results than onnxruntime at x 2x3/,
    at: "m.onnx",
    hint: /That is no rounding: build with `--engine onnxruntime`/,
    wrong: {
      engine: "toy-wrong",
      files: { "m.onnx": sum, ...toyEngine("toy-wrong", { sum: "sum += 7;" }) },
    },
    cure: other,
  },
  {
    code: "TOLERANCE",
    when: "golden outputs alone, of another model",
    says: /gives other results than its golden outputs at x 1x4/,
    at: "m.onnx",
    hint: /make the golden files anew with the inputs under models\.m\.inputs/,
    wrong: golden("check: { against: golden }\n", 1, 9, 1, 1),
    cure: golden("check: { against: golden }\n", 1, 1, 1, 1),
  },
  {
    code: "TOLERANCE",
    when: "golden outputs that are nearly right",
    says: /gives other results than its golden outputs at x 1x4/,
    at: "m.onnx",
    hint: /raise `models\.m\.tolerance` in edgeimg\.yaml/,
    wrong: golden("check: { against: golden }\n", 1, 1.01, 1, 1),
    cure: golden("check: { against: golden }\ntolerance: 0.02\n", 1, 1.01, 1, 1),
  },
  {
    code: "TOLERANCE",
    when: "golden outputs of another shape",
    says: /gives other results than its golden outputs at x 1x4/,
    at: "m.onnx",
    hint: /make it anew with the inputs under models\.m\.inputs/,
    wrong: {
      model: `${onnx}check: { against: golden }\ninputs: { x: { dims: [1, 4], test: { values: [1] } } }\noutputs: { y: { golden: y.npy } }\n`,
      files: { "m.onnx": open, "y.npy": npy([1, 5], 1, 1, 1, 1, 1) },
    },
    cure: { files: { "m.onnx": open, "y.npy": npy([1, 4], 1, 1, 1, 1) } },
  },
  {
    code: "TOLERANCE",
    when: "numbers cast to whole ones that do not hold them",
    says: /^Model m: onnxruntime on cortex-a72 gives other results than onnxruntime/,
    at: "m.onnx",
    hint: /put a Clip before the Cast, or say which values the inputs have in use, for example `test: \{ range: \[0, 1\] \}`/,
    wrong: m(unary("Cast", { y: { type: 2 }, node: { int: { to: 2 } } })),
    cure: declared("{ test: { range: [0, 1] } }"),
  },
];

function manyOutputs(count: number): Uint8Array {
  const names = Array.from({ length: count }, (_, index) => `y${index}`);
  return tinyOnnx({
    nodes: names.map((name) => ({ op: "Relu", inputs: ["x"], outputs: [name] })),
    inputs: [{ name: "x", shape: [1, 4] }],
    outputs: names.map((name) => ({ name, shape: [1, 4] })),
  });
}

function longNames(): Uint8Array {
  const shape = [1, 1, 1, "n"];
  return tinyOnnx({
    nodes: longest.map((name) => ({ op: "Relu", inputs: [name], outputs: [`y${name.slice(1)}`] })),
    inputs: longest.map((name) => ({ name, shape })),
    outputs: longest.map((name) => ({ name: `y${name.slice(1)}`, shape })),
  });
}

function declaredEach(text: string): string {
  return `${onnx}inputs:\n${longest.map((name) => `  "${name}": ${text}\n`).join("")}`;
}

function shapeList(count: number): string {
  return Array.from({ length: count }, (_, index) => `[1, 1, 1, ${index + 1}]`).join(", ");
}

/** The toy engine of test/fixtures under another name: what it accepts, and what it does instead of summing. */
function toyEngine(name: string, change: { accepts?: string; sum?: string }): Setting["files"] {
  const read = (file: string) => readFileSync(new URL(`../fixtures/engines/toy/${file}`, import.meta.url), "utf8");
  const at = `recipes/engines/${name}`;
  const loop = "for (size_t i = 0; i < count; i++) sum += values[i];";
  return {
    [`${at}/recipe.yaml`]: read("recipe.yaml")
      .replace("name: toy\n", `name: ${name}\n`)
      .replace("accepts: [onnx]", `accepts: [${change.accepts ?? "onnx"}]`),
    [`${at}/adapter.c`]: read("adapter.c").replaceAll('"toy"', `"${name}"`),
    [`${at}/toy.h`]: read("toy.h"),
    [`${at}/toy.c`]: read("toy.c")
      .replace("#include <stdio.h>", "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>")
      .replace(loop, `${change.sum ?? ""}\n${loop}`),
  };
}

/** y = Relu(1, 1, 1, 1), with golden values. */
function golden(check: string, ...values: number[]): Partial<Setting> {
  return {
    model: `${onnx}${check}inputs: { x: { test: { values: [1] } } }\noutputs: { y: { golden: y.npy } }\n`,
    files: { "m.onnx": good, "y.npy": npy([1, 4], ...values) },
  };
}

/** Shape inference divides by the strides. */
function pooled(stride: number): Uint8Array {
  const shape = [1, 1, 4, 4];
  return unary("MaxPool", {
    x: { shape },
    y: { shape: [1, 1, 3, 3] },
    node: { ints: { kernel_shape: [2, 2], strides: [stride, stride] } },
  });
}

function two(first: string, second: string): Uint8Array {
  return tinyOnnx({
    nodes: [{ op: "Concat", inputs: ["a", "b"], outputs: ["y"], int: { axis: 0 } }],
    inputs: [
      { name: "a", shape: [1, first] },
      { name: "b", shape: [1, second] },
    ],
    outputs: [{ name: "y", shape: [2, first] }],
  });
}

function ids(value: number): Uint8Array {
  return writeNpy({ kind: "i", size: 8, shape: [1, 4], data: raw(7, Array(4).fill(value)) });
}
