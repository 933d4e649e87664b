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
  /** TensorProto.DataType: 1 float, 6 int32, 7 int64, 9 bool. */
  readonly type?: number;
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
  }[];
  readonly opset?: number;
}

export function tinyOnnx({ nodes, inputs, outputs, weights = [], opset = 13 }: TinyModel): Uint8Array {
  const graph = join([
    ...nodes.map((node, index) => message(1, nodeBytes(node, index))), // node
    text(2, "tiny"), // name
    ...weights.map(({ name, shape, values }) =>
      message(
        5, // initializer
        join([
          ...shape.map((size) => number(1, size)), // dims
          number(2, 1), // data_type: float
          text(8, name), // name
          message(9, new Uint8Array(new Float32Array(values).buffer)), // raw_data
        ]),
      ),
    ),
    ...inputs.map((port) => message(11, portBytes(port))), // input
    ...outputs.map((port) => message(12, portBytes(port))), // output
  ]);
  const domains = new Set(["", ...nodes.map((node) => node.domain ?? "")]);
  return join([
    number(1, 8), // ir_version
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

function portBytes({ name, type = 1, shape }: TinyPort): Uint8Array {
  const dims = shape.map((size) => message(1, typeof size === "number" ? number(1, size) : text(2, size)));
  const tensor = join([number(1, type), message(2, join(dims))]); // elem_type, shape
  return join([text(1, name), message(2, message(1, tensor))]); // name, type.tensor_type
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
