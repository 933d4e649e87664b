/** The data of ONNX tensors (TensorProto): floating-point weights read, small and large tensors written. Field numbers are those of onnx.proto3. */
import { readTensor } from "./onnx.js";
import { fields, lengthField, type Pieces, textField, varintField } from "./protobuf.js";

/** TensorProto.DataType, as far as it is written here. */
export const tensorTypes = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7 } as const;

export interface NewTensor {
  readonly name: string;
  readonly type: keyof typeof tensorTypes;
  /** No sizes: a scalar. */
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;
}

/** A TensorProto with its data in raw_data, which is little-endian, as every machine that this runs on. */
export function tensorBytes({ name, type, shape, data }: NewTensor): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const pieces: Pieces = [
    ...shape.map((size) => varintField(1, size)),
    varintField(2, tensorTypes[type]),
    ...textField(8, name),
    ...lengthField(9, [raw]),
  ];
  return new Uint8Array(Buffer.concat(pieces));
}

/** The elements of a float32 tensor, copied; undefined for one of another type, or whose data do not fit its shape. */
export function floatsOf(tensor: Uint8Array): Float32Array | undefined {
  const { type, shape, external } = readTensor(tensor);
  if (type !== tensorTypes.f32 || external !== undefined) return undefined;
  const count = shape.reduce((product, size) => product * size, 1);
  const bytes: Uint8Array[] = [];
  for (const field of fields(tensor)) {
    if (field.number === 9 && field.wire === 2) bytes.push(field.bytes);
    // float_data, packed or one by one.
    if (field.number === 4 && (field.wire === 2 || field.wire === 5)) bytes.push(field.bytes);
  }
  const whole = new Uint8Array(Buffer.concat(bytes));
  return whole.length === count * 4 ? new Float32Array(whole.buffer) : undefined;
}

/** A tensor by another name. */
export function renamedTensor(tensor: Uint8Array, name: string): Uint8Array {
  const kept = [...fields(tensor)].filter(({ number }) => number !== 8).map(({ whole }) => whole);
  return new Uint8Array(Buffer.concat([...kept, ...textField(8, name)]));
}
