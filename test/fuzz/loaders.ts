import { readFileSync } from "node:fs";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { NpyError, readNpy, writeNpy } from "../../src/formats/npy.js";
import { readOnnx } from "../../src/formats/onnx.js";
import { editOnnx } from "../../src/formats/onnx-edit.js";
import { operatorsOf } from "../../src/formats/onnx-operators.js";
import { ProtobufError } from "../../src/formats/protobuf.js";
import { borderOf } from "../../src/model/border.js";
import { exactIntegers } from "../../src/model/exact-integers.js";
import { dataFiles } from "../../src/model/external-data.js";
import { givenTensor } from "../../src/model/given-tensor.js";
import { checkPorts } from "../../src/model/ports.js";
import { inputFacts } from "../../src/model/probe.js";
import { elementTypes } from "../../src/model/tensor.js";
import { checkVersions } from "../../src/model/versions.js";
import { tinyOnnx } from "../model/onnx-builder.js";
import { damaged, damagedMessage, type Roll } from "./mutate.js";

/** A format, files of it, and all that this program does with one before a library sees it. */
export interface Loader {
  readonly files: readonly Uint8Array[];
  damage(file: Uint8Array, roll: Roll): Uint8Array;
  /** Throws one of the format's own errors for what is none. */
  load(bytes: Uint8Array): void;
}

/** Errors that say what is wrong with a file; any other is a fault of this program. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ProtobufError || error instanceof NpyError || error instanceof EdgeimgError;
}

const signed = 3;
/** Models whose readers look at each kind of field: weights beside the file, products of bytes, a table, other types, open shapes. */
const models = [
  tinyOnnx({
    nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"], int: { answer: 42 }, ints: { pads: [1, -1] } }],
    inputs: [{ name: "x", shape: ["batch", 2] }],
    outputs: [{ name: "y", shape: ["batch", 2] }],
    weights: [
      {
        name: "w",
        shape: [2, 2],
        values: [],
        external: { location: "m.onnx.data", offset: "0", length: "16" },
      },
    ],
  }),
  tinyOnnx({
    nodes: [
      { op: "MatMulInteger", inputs: ["a", "b"], outputs: ["c"] },
      { op: "DequantizeLinear", inputs: ["a", "s"], outputs: ["d"] },
    ],
    inputs: [
      { name: "a", type: signed, shape: [2, 2] },
      { name: "b", type: 2, shape: [2, 2] },
    ],
    outputs: [
      { name: "c", type: 6, shape: [2, 2] },
      { name: "d", shape: [2, 2] },
    ],
    weights: [{ name: "s", shape: [], values: [0.5] }],
  }),
  tinyOnnx({
    nodes: [
      { op: "Cast", inputs: ["ids"], outputs: ["i"], int: { to: 7 } },
      { op: "Gather", inputs: ["table", "i"], outputs: ["y"], int: { axis: 0 } },
      { op: "Relu", inputs: ["half"], outputs: ["z"] },
    ],
    inputs: [
      { name: "ids", type: 6, shape: [1, "n"] },
      { name: "half", type: 10, shape: ["n", 3] },
    ],
    outputs: [
      { name: "y", shape: [1, "n", 2] },
      { name: "z", type: 10, shape: ["n", 3] },
    ],
    weights: [{ name: "table", shape: [3, 2], values: [1, 2, 3, 4, 5, 6] }],
  }),
];

function loadOnnx(bytes: Uint8Array): void {
  const file = readOnnx(bytes);
  const steps = [
    () => checkVersions(file, { version: "1", ir: 10, opset: 22 }, "Model m"),
    () => checkPorts(file, "Model m"),
    () => dataFiles(file, "Model m"),
    () => editOnnx(bytes, { data: () => Uint8Array.of(1, 2, 3, 4) }),
    () => {
      const { edit } = borderOf(file, "Model m");
      if (edit !== undefined) readOnnx(editOnnx(bytes, edit));
    },
    () => operatorsOf(file),
    () => inputFacts(file),
    () => readOnnx(exactIntegers(bytes, file).model),
  ];
  // Each sees every file that can be read, also one that another refuses.
  let refusal: unknown;
  for (const step of steps)
    try {
      step();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusal ??= error;
    }
  if (refusal !== undefined) throw refusal;
}

function loadNpy(bytes: Uint8Array): void {
  const array = readNpy(bytes);
  if (!Buffer.from(writeNpy(array)).includes(Buffer.from(array.data)))
    throw new Error("what was read cannot be written");
  for (const type of elementTypes)
    for (const isGolden of [false, true])
      try {
        givenTensor(array, { name: "x", type, called: "x.npy", key: [], isGolden });
      } catch (error) {
        if (!isRefusal(error)) throw error;
      }
}

const npyNames = ["big-f2", "little-f4", "little-f8", "little-i8", "little-u1", "bool", "fortran", "scalar", "empty"];

/** By format. `npy` are the files of test/fixtures/npy that `folder` is. */
export function loaders(folder: string): Readonly<Record<"onnx" | "npy", Loader>> {
  const arrays = [...npyNames, "version2", "version3"].map(
    (name) => new Uint8Array(readFileSync(`${folder}/${name}.npy`)),
  );
  return {
    onnx: {
      files: models,
      damage: (file, roll) => (roll(4) === 0 ? damaged : damagedMessage)(file, models, roll),
      load: loadOnnx,
    },
    npy: { files: arrays, damage: (file, roll) => damaged(file, arrays, roll), load: loadNpy },
  };
}
