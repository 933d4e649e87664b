/**
 * Writes tiny ONNX models: just enough of its protobuf (onnx.proto3, field numbers in comments) for tests to make a
 * model of any operator without a Python package.
 */
export interface TinyNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly domain?: string;
  readonly ints?: Readonly<Record<string, readonly number[]>>;
  readonly int?: Readonly<Record<string, number>>;
}

export interface TinyPort {
  readonly name: string;
  /** TensorProto.DataType: 1 float, 2 uint8, 3 int8, 6 int32, 7 int64, 8 string, 9 bool, 10 float16, 11 double. */
  readonly type?: number;
  /** Nothing but its name. */
  readonly isUntyped?: boolean;
  /** A sequence of maps from int64 to float, as ZipMap gives. */
  readonly isZipMap?: boolean;
  /** A tensor that may be missing, or one that lists only what is not 0. */
  readonly wrapped?: "optional" | "sparse";
  /** A string is an open dimension. */
  readonly shape: readonly (number | string)[];
}

export interface TinyModel {
  readonly nodes: readonly TinyNode[];
  readonly inputs: readonly TinyPort[];
  readonly outputs: readonly TinyPort[];
  readonly weights?: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly values: readonly number[];
    /** float unless told: 2 uint8, 3 int8, 6 int32, 7 int64. */
    readonly type?: number;
    /** Where the data are, when not in the file: location, offset, length. */
    readonly external?: Readonly<Record<string, string>>;
  }[];
  /** 0: the file names no operator set. */
  readonly opset?: number;
  readonly ir?: number;
  readonly producer?: string;
}

export function tinyOnnx({
  nodes,
  inputs,
  outputs,
  weights = [],
  opset = 13,
  ir = 8,
  producer = "",
}: TinyModel): Uint8Array {
  const graph = join([
    ...nodes.map((node, index) => message(1, nodeBytes(node, index))), // node
    text(2, "tiny"), // name
    ...weights.map(({ name, shape, values, type = 1, external }) =>
      message(
        5, // initializer
        join([
          ...shape.map((size) => number(1, size)), // dims
          number(2, type), // data_type
          text(8, name), // name
          ...(external === undefined
            ? [message(9, raw(type, values))] // raw_data
            : [
                ...Object.entries(external).map(([key, value]) => message(13, join([text(1, key), text(2, value)]))), // external_data
                number(14, 1), // data_location: EXTERNAL
              ]),
        ]),
      ),
    ),
    ...inputs.map((port) => message(11, portBytes(port))), // input
    ...outputs.map((port) => message(12, portBytes(port))), // output
  ]);
  const domains = new Set(opset === 0 ? [] : ["", ...nodes.map((node) => node.domain ?? "")]);
  return join([
    number(1, ir), // ir_version
    text(2, producer), // producer_name
    ...[...domains].map((domain) => message(8, join([text(1, domain), number(2, domain === "" ? opset : 1)]))), // opset_import
    message(7, graph), // graph
  ]);
}

function nodeBytes({ op, inputs, outputs, domain = "", ints = {}, int = {} }: TinyNode, index: number): Uint8Array {
  return join([
    ...inputs.map((name) => text(1, name)), // input
    ...outputs.map((name) => text(2, name)), // output
    text(3, `${op}_${index}`), // name
    text(4, op), // op_type
    ...Object.entries(ints).map(
      ([name, values]) => message(5, join([text(1, name), ...values.map((value) => number(8, value)), number(20, 7)])), // attribute, INTS
    ),
    ...Object.entries(int).map(([name, value]) => message(5, join([text(1, name), number(3, value), number(20, 2)]))), // INT
    text(7, domain), // domain
  ]);
}

/** Little-endian data of a tensor. */
export function raw(type: number, values: readonly number[]): Uint8Array {
  switch (type) {
    case 2:
      return Uint8Array.from(values);
    case 3:
      return new Uint8Array(Int8Array.from(values).buffer);
    case 6:
      return new Uint8Array(Int32Array.from(values).buffer);
    case 7:
      return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    default:
      return new Uint8Array(Float32Array.from(values).buffer);
  }
}

function portBytes({ name, type = 1, shape, isZipMap = false, isUntyped = false, wrapped }: TinyPort): Uint8Array {
  if (isUntyped) return text(1, name);
  // sequence_type.elem_type.map_type: key_type int64, value_type a tensor of float
  if (isZipMap) {
    const value = message(1, number(1, 1));
    return join([
      text(1, name),
      message(2, message(4, message(1, message(5, join([number(1, 7), message(2, value)]))))),
    ]);
  }
  const dims = shape.map((size) => message(1, typeof size === "number" ? number(1, size) : text(2, size)));
  const tensor = join([number(1, type), message(2, join(dims))]); // elem_type, shape
  if (wrapped === "sparse") return join([text(1, name), message(2, message(8, tensor))]); // sparse_tensor_type
  const dense = message(1, tensor); // tensor_type
  // name, type, or type.optional_type.elem_type
  return join([text(1, name), message(2, wrapped === "optional" ? message(9, message(1, dense)) : dense)]);
}

function number(field: number, value: number): Uint8Array {
  return join([varint(field * 8), varint(value)]);
}

function message(field: number, bytes: Uint8Array): Uint8Array {
  return join([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

function text(field: number, value: string): Uint8Array {
  return message(field, new TextEncoder().encode(value));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export type Shape = readonly (number | string)[];

interface Unary {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly result?: Shape;
  readonly node?: Partial<TinyNode>;
}

/** y = operator(x). Element types are ONNX's numbers; 1 is float32. */
export const unary = (
  op: string,
  shape: Shape,
  { from = 1, to = from, result = shape, node }: Unary = {},
): TinyModel => ({
  nodes: [{ op, inputs: ["x"], outputs: ["y"], ...node }],
  inputs: [{ name: "x", type: from, shape }],
  outputs: [{ name: "y", type: to, shape: result }],
});
