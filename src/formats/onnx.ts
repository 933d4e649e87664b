/**
 * Reader of ONNX models (onnx.proto3 of onnx 1.23; field numbers in the comments): what edgeimg needs to know before a library opens one. Hostile
 * input: linear in time, bounded in depth and memory, weights are not copied. Throws ProtobufError for what is no model.
 */
import { type Field, fields, numbersOf, ProtobufError, textOf } from "./protobuf.js";

/** Graphs within graphs; deeper ones are refused. */
export const depthLimit = 32;

/**
 * Bytes of memory, roughly, that the parts of a file may take: a file of empty nodes takes 200 times its own size. One of 100,000 nodes with
 * three attributes each takes a third of it.
 */
const memoryLimit = 2 ** 30;
const cost = { field: 130, node: 370, part: 170, number: 80 } as const;

/** What is left of the memory for a file's parts. */
interface Budget {
  left: number;
}

const newBudget = (): Budget => ({ left: memoryLimit });

function spend(budget: Budget, bytes: number): void {
  budget.left -= bytes;
  if (budget.left < 0) throw new ProtobufError("it has more nodes and other parts than can be read", 0);
}

function* countedFields(message: Uint8Array, budget: Budget): Generator<Field> {
  for (const field of fields(message)) {
    spend(budget, cost.field);
    yield field;
  }
}

/** The numbers of a field, of 64 bits with a sign. */
function signedNumbers(field: Field, budget: Budget): number[] {
  let count = 0;
  for (const byte of field.bytes) if (byte < 0x80) count++;
  spend(budget, count * cost.number);
  return numbersOf(field).map(signed);
}

export interface OnnxFile {
  /** 0 when the file states none. */
  readonly irVersion: number;
  readonly producer: string;
  /** Versions of the operator sets by domain; "" is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: OnnxGraph;
  /** Functions that the model brings along, "domain:name". */
  readonly functions: ReadonlySet<string>;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** What the file tells of values in between. */
  readonly values: readonly OnnxValue[];
}

export interface OnnxNode {
  readonly op: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

export interface OnnxAttribute {
  readonly integer?: number;
  readonly float?: number;
  readonly integers: readonly number[];
  readonly text?: string;
  readonly tensors: readonly OnnxTensor[];
  readonly graphs: readonly OnnxGraph[];
}

export interface OnnxTensor {
  readonly name: string;
  /** TensorProto.DataType. */
  readonly type: number;
  readonly shape: readonly number[];
  /** Where its data are, when not in the file: key -> value. */
  readonly external?: ReadonlyMap<string, string>;
}

export interface OnnxValue {
  readonly name: string;
  readonly kind: "tensor" | "sequence" | "map" | "optional" | "sparse tensor" | "opaque" | "";
  /** TensorProto.DataType; 0 for what is no tensor. */
  readonly type: number;
  /** A size, the name of an open dimension, or undefined; no shape at all when the file states none. */
  readonly shape?: readonly (number | string | undefined)[];
}

/** Names of TensorProto.DataType, by number. */
export const onnxTypes: readonly string[] = [
  ...["undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16"],
  ...["float64", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz"],
  ...["float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0", "uint2", "int2"],
];

/** Reads a model. Throws ProtobufError. */
export function readOnnx(bytes: Uint8Array): OnnxFile {
  let irVersion = 0;
  let producer = "";
  let graph: OnnxGraph | undefined;
  const opsets = new Map<string, number>();
  const functions = new Set<string>();
  const budget = newBudget();
  for (const field of countedFields(bytes, budget)) {
    if (field.number === 1 && field.wire === 0) irVersion = integer(field);
    if (field.wire !== 2) continue;
    if (field.number === 2) producer = textOf(field);
    if (field.number === 7) graph = readGraph(field.bytes, 0, budget);
    if (field.number === 8) {
      const { domain, version } = readOpset(field.bytes);
      opsets.set(domain === "ai.onnx" ? "" : domain, version);
    }
    if (field.number === 25) functions.add(functionName(field.bytes));
  }
  if (graph === undefined) throw new ProtobufError("there is no graph in it", 0);
  return { irVersion, producer, opsets, graph, functions };
}

function readOpset(bytes: Uint8Array): { domain: string; version: number } {
  let domain = "";
  let version = 0;
  for (const field of fields(bytes)) {
    if (field.number === 1 && field.wire === 2) domain = textOf(field);
    if (field.number === 2) version = integer(field);
  }
  return { domain, version };
}

function functionName(bytes: Uint8Array): string {
  let domain = "";
  let name = "";
  for (const field of fields(bytes)) {
    if (field.number === 1 && field.wire === 2) name = textOf(field);
    if (field.number === 10 && field.wire === 2) domain = textOf(field);
  }
  return `${domain}:${name}`;
}

function readGraph(bytes: Uint8Array, depth: number, budget: Budget): OnnxGraph {
  if (depth > depthLimit) throw new ProtobufError(`graphs within graphs, more than ${depthLimit} deep`, 0);
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const lists = { 11: [] as OnnxValue[], 12: [] as OnnxValue[], 13: [] as OnnxValue[] };
  for (const field of countedFields(bytes, budget)) {
    if (field.wire !== 2) continue;
    if (field.number === 1) nodes.push(readNode(field.bytes, depth, budget));
    else if (field.number === 5) initializers.push(readTensor(field.bytes, budget));
    else if (field.number === 11 || field.number === 12 || field.number === 13)
      lists[field.number].push(readValue(field.bytes, budget));
  }
  return { nodes, initializers, inputs: lists[11], outputs: lists[12], values: lists[13] };
}

/** Reads a NodeProto, `depth` graphs down. */
export function readNode(bytes: Uint8Array, depth: number, budget = newBudget()): OnnxNode {
  spend(budget, cost.node);
  const inputs: string[] = [];
  const outputs: string[] = [];
  const texts = { 3: "", 4: "", 7: "" };
  const attributes = new Map<string, OnnxAttribute>();
  for (const field of countedFields(bytes, budget)) {
    if (field.wire !== 2) continue;
    if (field.number === 1) inputs.push(textOf(field));
    else if (field.number === 2) outputs.push(textOf(field));
    else if (field.number === 3 || field.number === 4 || field.number === 7) texts[field.number] = textOf(field);
    else if (field.number === 5) {
      const { name, attribute } = readAttribute(field.bytes, depth, budget);
      attributes.set(name, attribute);
    }
  }
  const domain = texts[7] === "ai.onnx" ? "" : texts[7];
  return { op: texts[4], domain, name: texts[3], inputs, outputs, attributes };
}

function readAttribute(bytes: Uint8Array, depth: number, budget: Budget): { name: string; attribute: OnnxAttribute } {
  spend(budget, cost.part);
  let name = "";
  let single: number | undefined;
  let float: number | undefined;
  let text: string | undefined;
  const integers: number[] = [];
  const tensors: OnnxTensor[] = [];
  const graphs: OnnxGraph[] = [];
  for (const field of countedFields(bytes, budget)) {
    if (field.number === 3 && field.wire === 0) single = integer(field);
    else if (field.number === 2 && field.wire === 5) float = Buffer.from(field.bytes).readFloatLE();
    else if (field.number === 8) for (const value of signedNumbers(field, budget)) integers.push(value);
    if (field.wire !== 2) continue;
    if (field.number === 1) name = textOf(field);
    else if (field.number === 4) text = Buffer.from(field.bytes).toString("utf8");
    else if (field.number === 5 || field.number === 10) tensors.push(readTensor(field.bytes, budget));
    else if (field.number === 6 || field.number === 11) graphs.push(readGraph(field.bytes, depth + 1, budget));
  }
  const attribute = {
    ...(single === undefined ? {} : { integer: single }),
    ...(float === undefined ? {} : { float }),
    ...(text === undefined ? {} : { text }),
    integers,
    tensors,
    graphs,
  };
  return { name, attribute };
}

/** Reads a TensorProto without its data. */
export function readTensor(bytes: Uint8Array, budget = newBudget()): OnnxTensor {
  spend(budget, cost.part);
  let name = "";
  let type = 0;
  let isExternal = false;
  const shape: number[] = [];
  const external = new Map<string, string>();
  for (const field of countedFields(bytes, budget)) {
    if (field.number === 1) for (const value of signedNumbers(field, budget)) shape.push(value);
    else if (field.number === 2) type = integer(field);
    else if (field.number === 14) isExternal = field.value === 1n;
    if (field.wire !== 2) continue;
    if (field.number === 8) name = textOf(field);
    else if (field.number === 13) {
      const [key, value] = readEntry(field.bytes);
      external.set(key, value);
    }
  }
  return { name, type, shape, ...(isExternal ? { external } : {}) };
}

function readEntry(bytes: Uint8Array): [string, string] {
  const entry: [string, string] = ["", ""];
  for (const field of fields(bytes)) {
    if (field.wire === 2 && field.number === 1) entry[0] = textOf(field);
    if (field.wire === 2 && field.number === 2) entry[1] = textOf(field);
  }
  return entry;
}

const kinds: ReadonlyMap<number, OnnxValue["kind"]> = new Map([
  [1, "tensor"],
  [4, "sequence"],
  [5, "map"],
  [7, "opaque"],
  [8, "sparse tensor"],
  [9, "optional"],
]);

/** Reads a ValueInfoProto. */
export function readValue(bytes: Uint8Array, budget = newBudget()): OnnxValue {
  spend(budget, cost.part);
  let name = "";
  let kind: OnnxValue["kind"] = "";
  let type = 0;
  let shape: (number | string | undefined)[] | undefined;
  for (const field of fields(bytes)) {
    if (field.wire !== 2) continue;
    if (field.number === 1) name = textOf(field);
    if (field.number !== 2) continue;
    for (const one of fields(field.bytes)) {
      if (one.wire !== 2) continue;
      kind = kinds.get(one.number) ?? kind;
      if (one.number !== 1) continue;
      for (const part of fields(one.bytes)) {
        if (part.number === 1) type = integer(part);
        if (part.number === 2 && part.wire === 2) shape = readShape(part.bytes, budget);
      }
    }
  }
  return { name, kind, type, ...(shape === undefined ? {} : { shape }) };
}

function readShape(bytes: Uint8Array, budget: Budget): (number | string | undefined)[] {
  const sizes: (number | string | undefined)[] = [];
  for (const field of countedFields(bytes, budget)) {
    if (field.number !== 1 || field.wire !== 2) continue;
    let size: number | string | undefined;
    for (const part of fields(field.bytes)) {
      if (part.number === 1 && part.wire === 0 && signed(part.value) >= 0) size = signed(part.value);
      if (part.number === 2 && part.wire === 2) size = textOf(part) || undefined;
    }
    sizes.push(size);
  }
  return sizes;
}

function integer(field: Field): number {
  return signed(field.value);
}

function signed(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}
