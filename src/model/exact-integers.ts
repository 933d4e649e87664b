/**
 * Makes onnxruntime's whole-number arithmetic exact on every x86-64. Its kernels for a product of unsigned and signed bytes add two products in
 * 16 bits where the processor has AVX2 or AVX-512 without VNNI, and stop at 32767; those for two unsigned or two signed bytes are exact
 * (measured with QEMU's Haswell against numpy, onnxruntime 1.22 and 1.32). So signed operands of mixed products are made unsigned: 128 is added to
 * the values and to their zero point, which changes no result.
 */
import type { OnnxFile, OnnxGraph, OnnxNode } from "../formats/onnx.js";
import { editOnnx, type NewNode } from "../formats/onnx-edit.js";

const UINT8 = 2;
const INT8 = 3;

interface Operands {
  /** Where the two factors and their zero points are among a node's inputs. */
  readonly factors: readonly [number, number];
  readonly zeroPoints: readonly [number, number];
}

const products: ReadonlyMap<string, Operands> = new Map([
  [":MatMulInteger", { factors: [0, 1], zeroPoints: [2, 3] }],
  [":ConvInteger", { factors: [0, 1], zeroPoints: [2, 3] }],
  [":QLinearMatMul", { factors: [0, 3], zeroPoints: [2, 5] }],
  [":QLinearConv", { factors: [0, 3], zeroPoints: [2, 5] }],
  ["com.microsoft:MatMulIntegerToFloat", { factors: [0, 1], zeroPoints: [4, 5] }],
  ["com.microsoft:QGemm", { factors: [0, 3], zeroPoints: [2, 5] }],
]);

/** Operators whose output has the type of their first input. */
const keepers = new Set(
  "Reshape Transpose Squeeze Unsqueeze Flatten Slice Gather Concat Identity MaxPool Pad Expand Split Tile DepthToSpace SpaceToDepth Clip Relu".split(
    " ",
  ),
);

export interface ExactModel {
  readonly model: Uint8Array;
  /** Session options of onnxruntime, by key. */
  readonly options: Readonly<Record<string, string>>;
  /** Whether it multiplies bytes at all. */
  readonly isQuantized: boolean;
}

/** The same model for onnxruntime on this machine, with what it must be told. */
export function exactIntegers(bytes: Uint8Array, file: OnnxFile): ExactModel {
  const types = new Map<string, number>();
  let isQuantized = false;
  let hasSigned = false;
  visit(file.graph, types, (node) => {
    const operands = products.get(`${node.domain}:${node.op}`);
    isQuantized ||= operands !== undefined || /Quantize|QLinear|QAttention|QGemm|DynamicQuant/.test(node.op);
    if (operands !== undefined && typeOf(node, operands, 0, types) === INT8) hasSigned = true;
  });
  const options = {
    // Weights of products that it makes itself, from QuantizeLinear and DequantizeLinear.
    "session.x64quantprecision": "1",
    // It would make only one of two signed operands unsigned, for which there is no kernel.
    ...(hasSigned ? { "optimization.disable_specified_optimizers": "Avx2WeightS8ToU8Transformer" } : {}),
  };
  let count = 0;
  const raw = rawSigned(file);
  const model = editOnnx(bytes, {
    inputs: (node) => {
      // onnxruntime joins it with a product of its own making, and changes only what it quantized itself, or weights.
      if (node.domain === "" && node.op === "DequantizeLinear" && raw.has(node.inputs[0] ?? ""))
        return madeUnsigned(node, [0, 2], () => `edgeimg/unsigned/${count++}`);
      const operands = products.get(`${node.domain}:${node.op}`);
      if (operands === undefined) return undefined;
      const signs = [0, 1].map((which) => typeOf(node, operands, which === 0 ? 0 : 1, types));
      const which = signs.indexOf(INT8);
      if (which < 0 || signs[1 - which] === INT8) return undefined;
      const places = [operands.factors[which === 0 ? 0 : 1], operands.zeroPoints[which === 0 ? 0 : 1]];
      return madeUnsigned(node, places, () => `edgeimg/unsigned/${count++}`);
    },
  });
  return { model, options, isQuantized };
}

/** A node's inputs at these places with 128 added, and the nodes that do it. */
function madeUnsigned(
  { inputs }: OnnxNode,
  places: readonly number[],
  nextName: () => string,
): { readonly made: readonly NewNode[]; readonly taken: readonly string[] } {
  const taken = [...inputs];
  const made: NewNode[] = [];
  for (const place of places) {
    const to = nextName();
    made.push(...unsignedNodes(inputs[place] ?? "", to));
    while (taken.length <= place) taken.push("");
    taken[place] = to;
  }
  return { made, taken };
}

/** Signed bytes that the app gives, also behind operators that only move them. */
function rawSigned({ graph }: OnnxFile): ReadonlySet<string> {
  const filled = new Set(graph.initializers.map(({ name }) => name));
  const raw = new Set(graph.inputs.flatMap(({ name, type }) => (type === INT8 && !filled.has(name) ? [name] : [])));
  for (const { op, domain, inputs, outputs } of graph.nodes)
    if (domain === "" && keepers.has(op) && raw.has(inputs[0] ?? "")) for (const name of outputs) raw.add(name);
  return raw;
}

/** Nodes that add 128 to bytes; to zero, where the zero point is left out. */
function unsignedNodes(from: string, to: string): NewNode[] {
  const cast = (input: string, output: string, type: number): NewNode => ({
    op: "Cast",
    inputs: [input],
    outputs: [output],
    integers: { to: type },
  });
  if (from === "")
    return [{ op: "Constant", inputs: [], outputs: [`${to}/128`], constant: 128 }, cast(`${to}/128`, to, UINT8)];
  return [
    { op: "Constant", inputs: [], outputs: [`${to}/128`], constant: 128 },
    cast(from, `${to}/wide`, 6),
    { op: "Add", inputs: [`${to}/wide`, `${to}/128`], outputs: [`${to}/sum`] },
    cast(`${to}/sum`, to, UINT8),
  ];
}

function typeOf(
  node: OnnxNode,
  { factors, zeroPoints }: Operands,
  which: 0 | 1,
  types: ReadonlyMap<string, number>,
): number {
  const told = types.get(node.inputs[factors[which]] ?? "") ?? types.get(node.inputs[zeroPoints[which]] ?? "");
  return told ?? UINT8;
}

/** Element types of values, as far as they follow from the file, while the nodes are visited in their order. */
function visit(graph: OnnxGraph, types: Map<string, number>, each: (node: OnnxNode) => void): void {
  for (const { name, type } of [...graph.values, ...graph.outputs, ...graph.inputs, ...graph.initializers])
    if (type !== 0) types.set(name, type);
  for (const node of graph.nodes) {
    each(node);
    const type = outputType(node, types);
    if (type !== undefined)
      for (const [place, name] of node.outputs.entries())
        if (isBytes(node.op, place) && !types.has(name)) types.set(name, type);
    for (const { graphs } of node.attributes.values()) for (const one of graphs) visit(one, types, each);
  }
}

/** Whether the output at `place` has the type of outputType: DynamicQuantizeLinear gives values, a scale and a zero point. */
function isBytes(op: string, place: number): boolean {
  return place === 0 || op === "Split" || (op === "DynamicQuantizeLinear" && place === 2);
}

function outputType({ op, inputs, attributes }: OnnxNode, types: ReadonlyMap<string, number>): number | undefined {
  const typeAt = (place: number) => types.get(inputs[place] ?? "");
  switch (op) {
    case "Cast":
      return attributes.get("to")?.integer;
    case "Constant":
      return attributes.get("value")?.tensors[0]?.type;
    case "QuantizeLinear":
      return typeAt(2) ?? attributes.get("output_dtype")?.integer ?? UINT8;
    case "DynamicQuantizeLinear":
      return UINT8;
    case "QLinearMatMul":
    case "QLinearConv":
      return typeAt(7);
    default:
      return keepers.has(op) ? typeAt(0) : undefined;
  }
}
