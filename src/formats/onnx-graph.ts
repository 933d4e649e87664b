/**
 * An ONNX model taken apart into nodes and constants and put together again, for changes of its structure: what no change touches is kept byte for
 * byte. Constants have one form, initializers; those within subgraphs are left alone. Throws ProtobufError as the reader does.
 */
import { type OnnxFile, type OnnxGraph, type OnnxNode, readNode, readOnnx, readTensor, readValue } from "./onnx.js";
import { renamedTensor } from "./onnx-tensor.js";
import { fields, lengthField, type Pieces, textField, textOf, varintField } from "./protobuf.js";

/** A node, with its attributes as the file has them. */
export interface GraphNode extends OnnxNode {
  /** Its fields but for inputs, outputs, name and operator. */
  readonly rest: Pieces;
}

/** A node that is made here. */
export interface MadeNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly integers?: Readonly<Record<string, number>>;
}

export interface OpenOnnx {
  /** The model that was taken apart. */
  readonly model: Uint8Array;
  readonly file: OnnxFile;
  /** In the order in which they run. */
  readonly nodes: readonly GraphNode[];
  /** Constants by name, each a TensorProto. */
  readonly constants: ReadonlyMap<string, Uint8Array>;
  /** Version of ONNX's own operator set. */
  readonly opset: number;
}

/** Takes a model apart. Throws ProtobufError. */
export function openOnnx(model: Uint8Array): OpenOnnx {
  const file = readOnnx(model);
  const given = new Set(file.graph.outputs.map(({ name }) => name));
  const nodes: GraphNode[] = [];
  const constants = new Map<string, Uint8Array>();
  for (const field of graphFields(model)) {
    if (field.wire !== 2) continue;
    if (field.number === 5) constants.set(readTensor(field.bytes).name, field.bytes);
    if (field.number !== 1) continue;
    const node = { ...readNode(field.bytes, 0), rest: restOf(field.bytes) };
    const [name = ""] = node.outputs;
    const value = node.op === "Constant" && node.domain === "" && !given.has(name) ? constantOf(node) : undefined;
    if (value === undefined) nodes.push(node);
    else constants.set(name, renamedTensor(value, name));
  }
  return { model, file, nodes, constants, opset: file.opsets.get("") ?? 0 };
}

function graphFields(model: Uint8Array) {
  const [graph] = [...fields(model)].filter(({ number, wire }) => number === 7 && wire === 2);
  return graph === undefined ? [] : [...fields(graph.bytes)];
}

function restOf(node: Uint8Array): Pieces {
  return [...fields(node)].filter(({ number }) => number > 4).map(({ whole }) => whole);
}

/** The tensor of a Constant that has one. */
function constantOf({ rest }: GraphNode): Uint8Array | undefined {
  for (const piece of rest)
    for (const attribute of fields(piece)) {
      if (attribute.number !== 5 || attribute.wire !== 2) continue;
      const parts = [...fields(attribute.bytes)];
      if (!parts.some(({ number, wire, bytes }) => number === 1 && wire === 2 && Buffer.from(bytes).equals(valueName)))
        continue;
      const tensor = parts.find(({ number, wire }) => number === 5 && wire === 2);
      if (tensor !== undefined) return tensor.bytes;
    }
  return undefined;
}

const valueName = Buffer.from("value");

/** A node of another operator, or with other inputs and outputs; attributes that are named are left out. */
export function changedNode(
  node: GraphNode,
  change: Partial<Pick<GraphNode, "inputs" | "outputs">> & { readonly without?: readonly string[] },
): GraphNode {
  const { without = [], ...rest } = change;
  if (without.length === 0) return { ...node, ...rest };
  const isDropped = (piece: Uint8Array) =>
    [...fields(piece)].some(({ number, bytes }) => number === 5 && without.includes(attributeName(bytes)));
  const attributes = new Map([...node.attributes].filter(([name]) => !without.includes(name)));
  return { ...node, ...rest, attributes, rest: node.rest.filter((piece) => !isDropped(piece)) };
}

function attributeName(attribute: Uint8Array): string {
  for (const { number, wire, ...field } of fields(attribute))
    if (number === 1 && wire === 2) return textOf({ number, wire, ...field });
  return "";
}

/** A node made here, in the form of all others. */
export function madeNode({ op, name, inputs, outputs, integers = {} }: MadeNode): GraphNode {
  const rest = Object.entries(integers).map(([attribute, value]) => {
    const content = [...textField(1, attribute), varintField(3, value), varintField(20, 2)];
    return new Uint8Array(Buffer.concat(lengthField(5, content)));
  });
  const attributes = new Map(
    Object.entries(integers).map(
      ([key, integer]) => [key, { integer, integers: [], tensors: [], graphs: [] }] as const,
    ),
  );
  return { op, name, domain: "", inputs, outputs, attributes, rest };
}

/** The node with a list of whole numbers as an attribute, unless it has that attribute. */
export function withIntegers(node: GraphNode, name: string, integers: readonly number[]): GraphNode {
  if (node.attributes.has(name)) return node;
  const content = [...textField(1, name), ...integers.map((one) => varintField(8, one)), varintField(20, 7)];
  const attribute = new Uint8Array(Buffer.concat(lengthField(5, content)));
  const attributes = new Map(node.attributes).set(name, { integers, tensors: [], graphs: [] });
  return { ...node, attributes, rest: [...node.rest, attribute] };
}

/** Names that nodes take, those within their subgraphs among them: what a subgraph takes from outside is not told apart. */
export function takenNames(nodes: readonly OnnxNode[], into = new Set<string>()): Set<string> {
  for (const { inputs, attributes } of nodes) {
    for (const name of inputs) if (name !== "") into.add(name);
    for (const { graphs } of attributes.values())
      for (const graph of graphs) {
        takenNames(graph.nodes, into);
        for (const { name } of graph.outputs) into.add(name);
      }
  }
  return into;
}

/** Whether a node has graphs of its own (If, Loop). */
export function hasGraphs({ attributes }: Pick<OnnxNode, "attributes">): boolean {
  return [...attributes.values()].some(({ graphs }: { readonly graphs: readonly OnnxGraph[] }) => graphs.length > 0);
}

/** ONNX from this version on knows constants that are no inputs, and all operator sets up to 15. */
const leastIr = 8;

/** Puts a model together. Constants that nothing takes are left out; `outputs` are float tensors that it gives besides its own. */
export function closeOnnx(
  { model, file, nodes, constants, opset }: OpenOnnx,
  outputs: readonly string[] = [],
): Uint8Array {
  const taken = takenNames(nodes);
  for (const { name } of file.graph.outputs) taken.add(name);
  const kept = [...constants].filter(([name]) => taken.has(name));
  const was = new Set(file.graph.initializers.map(({ name }) => name));
  const graph: Uint8Array[] = [
    ...nodes.flatMap((node) => lengthField(1, nodePieces(node))),
    ...kept.flatMap(([, tensor]) => lengthField(5, [tensor])),
  ];
  for (const field of graphFields(model)) {
    if (field.number === 1 || field.number === 5) continue;
    // A constant that is an input as well could be given another value.
    if (field.number === 11 && was.has(readValue(field.bytes).name)) continue;
    graph.push(field.whole);
  }
  graph.push(...outputs.flatMap((name) => lengthField(12, floatValue(name))));
  const pieces = [...fields(model)].flatMap((field): Pieces => {
    if (field.number === 1 && field.wire === 0) return [];
    if (field.number === 7) return lengthField(7, graph);
    return field.number === 8 && isOwnSet(field.bytes) ? [] : [field.whole];
  });
  const own = lengthField(8, [varintField(2, opset)]);
  return new Uint8Array(Buffer.concat([varintField(1, Math.max(leastIr, file.irVersion)), ...pieces, ...own]));
}

/** Whether an OperatorSetIdProto is ONNX's own. */
function isOwnSet(set: Uint8Array): boolean {
  const domain = [...fields(set)].find(({ number, wire }) => number === 1 && wire === 2);
  return domain === undefined || ["", "ai.onnx"].includes(textOf(domain));
}

function nodePieces({ op, name, inputs, outputs, rest }: GraphNode): Pieces {
  return [
    ...inputs.flatMap((one) => textField(1, one)),
    ...outputs.flatMap((one) => textField(2, one)),
    ...(name === "" ? [] : textField(3, name)),
    ...textField(4, op),
    ...rest,
  ];
}

/** A ValueInfoProto: a float tensor of any shape. */
function floatValue(name: string): Pieces {
  return [...textField(1, name), ...lengthField(2, [...lengthField(1, [varintField(1, 1)])])];
}
