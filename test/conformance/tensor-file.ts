import type { NpyArray, NpyKind } from "../../src/formats/npy.js";
import { readTensor } from "../../src/formats/onnx.js";
import { fields, numbersOf } from "../../src/formats/protobuf.js";

interface Layout {
  readonly kind: NpyKind;
  readonly size: number;
  /** Field of TensorProto with its elements where there is no raw_data. */
  readonly field: number;
}

const bfloat16 = 16;

/** TensorProto.DataType -> how .npy files hold its elements. bfloat16 is widened. */
const layouts: ReadonlyMap<number, Layout> = new Map([
  [1, { kind: "f", size: 4, field: 4 }],
  [2, { kind: "u", size: 1, field: 5 }],
  [3, { kind: "i", size: 1, field: 5 }],
  [4, { kind: "u", size: 2, field: 5 }],
  [5, { kind: "i", size: 2, field: 5 }],
  [6, { kind: "i", size: 4, field: 5 }],
  [7, { kind: "i", size: 8, field: 7 }],
  [9, { kind: "b", size: 1, field: 5 }],
  [10, { kind: "f", size: 2, field: 5 }],
  [11, { kind: "f", size: 8, field: 10 }],
  [12, { kind: "u", size: 4, field: 11 }],
  [13, { kind: "u", size: 8, field: 11 }],
  [bfloat16, { kind: "f", size: 2, field: 5 }],
]);
/**
 * A TensorProto as an array; undefined for elements that .npy files cannot hold, such as text and four bits. `declared` is the type that the
 * model states: some files hold bfloat16 as uint16.
 */
export function arrayOf(bytes: Uint8Array, declared: number): NpyArray | undefined {
  const { type: stored, shape } = readTensor(bytes);
  const type = declared === bfloat16 ? declared : stored;
  const layout = layouts.get(type);
  if (layout === undefined) return undefined;
  const { kind, size } = layout;
  const data = dataOf(bytes, layout, shape.reduce((count, one) => count * one, 1) * size);
  if (type !== bfloat16) return { kind, size, shape, data };
  const wide = new Uint8Array(data.length * 2);
  for (let at = 0; at < data.length; at += 2) wide.set(data.subarray(at, at + 2), at * 2 + 2);
  return { kind, size: 4, shape, data: wide };
}

/** The elements, little-endian: raw_data, or the field of the type, packed or one by one. */
function dataOf(bytes: Uint8Array, { kind, size, field }: Layout, length: number): Uint8Array {
  const isFloat = kind === "f" && field !== 5;
  const pieces: Uint8Array[] = [];
  for (const one of fields(bytes)) {
    if (one.number === 9 && one.wire === 2) return one.bytes;
    if (one.number !== field) continue;
    if (isFloat) pieces.push(one.bytes);
    else for (const value of numbersOf(one)) pieces.push(new Uint8Array(BigUint64Array.of(value).buffer, 0, size));
  }
  const data = new Uint8Array(Buffer.concat(pieces));
  if (data.length !== length) throw new Error(`a tensor has ${data.length} bytes of data instead of ${length}`);
  return data;
}
