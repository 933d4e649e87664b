/**
 * Writes a quantized model as ONNX's own operators (QDQ): QuantizeLinear and DequantizeLinear around what computes with whole numbers, which any tool
 * reads and engines fuse. Every tensor keeps its name and its meaning: what comes out of DequantizeLinear is called as the tensor was.
 */
import {
  changedNode,
  closeOnnx,
  type GraphNode,
  madeNode,
  type OpenOnnx,
  withIntegers,
} from "../formats/onnx-graph.js";
import { floatsOf, tensorBytes } from "../formats/onnx-tensor.js";
import { meanError } from "./correct.js";
import type { Decision, Layer } from "./layers.js";
import type { ValueScale } from "./scales.js";
import { type QuantizedWeights, quantizedBias, quantizedWeights, type WeightCodes, weightValues } from "./weights.js";

export interface WriteJob {
  readonly open: OpenOnnx;
  readonly decision: Decision;
  /** Of each tensor that is quantized by itself. */
  readonly scales: ReadonlyMap<string, ValueScale>;
  readonly weightBits: number;
  readonly codes: WeightCodes;
  /** Whether scales are powers of two. */
  readonly powers: boolean;
  /** The mean of each channel's values of tensors that layers take: biases take back what rounded weights make wrong on average. */
  readonly means?: ReadonlyMap<string, readonly number[]> | undefined;
  /** One scale a channel where the operator allows it, or one for all weights. */
  readonly perChannel: boolean;
}

/** What became of a layer's weights. */
export interface WrittenLayer extends Pick<Layer, "name" | "op" | "input" | "output" | "integers"> {
  /** Whether its bias takes back what its rounded weights make wrong on average. */
  readonly isCorrected: boolean;
  readonly weights: Pick<QuantizedWeights, "sqnr" | "dead"> & { readonly channels: number; readonly values: number };
}

export interface Written {
  readonly model: Uint8Array;
  readonly layers: readonly WrittenLayer[];
}

/** The quantized model. The same for the same job. */
export function writeQuantized(job: WriteJob): Written {
  const { open, decision } = job;
  const constants = new Map(open.constants);
  const first: GraphNode[] = [];
  const taken = new Map<string, readonly string[]>();
  const layers = decision.layers.map((layer) => {
    const { nodes, inputs, written } = layerNodes(job, layer, constants);
    first.push(...nodes);
    taken.set(layer.output, inputs);
    return written;
  });
  const shapes = new Map(decision.layers.map(({ output, shape }) => [output, shape]));
  const given = new Set(open.file.graph.inputs.map(({ name }) => name));
  const fed = [...decision.tensors.keys()].filter((name) => given.has(name));
  for (const name of fed) first.push(...valueNodes(job, constants, { name, from: name, to: `${name}/dequantized` }));
  const nodes = open.nodes.flatMap((node): GraphNode[] => {
    const inputs = (taken.get(node.outputs[0] ?? "") ?? node.inputs).map((name) =>
      fed.includes(name) ? `${name}/dequantized` : name,
    );
    const quantized = node.outputs.filter((name) => decision.tensors.has(name));
    const outputs = node.outputs.map((name) => (quantized.includes(name) ? `${name}/float` : name));
    const after = quantized.flatMap((name) => valueNodes(job, constants, { name, from: `${name}/float`, to: name }));
    const sized = withKernelShape(node, shapes.get(node.outputs[0] ?? ""));
    return [changedNode(sized, { inputs, outputs }), ...after];
  });
  return { model: closeOnnx({ ...open, nodes: [...first, ...nodes], constants }), layers };
}

/** A convolution may leave its kernel's size to its weights' shape, which not every engine sees behind DequantizeLinear. */
function withKernelShape(node: GraphNode, weights: readonly number[] | undefined): GraphNode {
  const isConvolution = node.op === "Conv" || node.op === "ConvTranspose";
  return isConvolution && weights !== undefined ? withIntegers(node, "kernel_shape", weights.slice(2)) : node;
}

/** Rounds a tensor to its codes and back. */
function valueNodes(
  { decision, scales }: WriteJob,
  constants: Map<string, Uint8Array>,
  { name, from, to }: { readonly name: string; readonly from: string; readonly to: string },
): readonly GraphNode[] {
  const root = decision.tensors.get(name) ?? name;
  const { scale, zeroPoint } = scales.get(root) ?? missing(root);
  const parameters = [`${root}/scale`, `${root}/zero_point`];
  const [scaleName = "", pointName = ""] = parameters;
  constants.set(scaleName, tensorBytes({ name: scaleName, type: "f32", shape: [], data: Float32Array.of(scale) }));
  constants.set(pointName, tensorBytes({ name: pointName, type: "u8", shape: [], data: Uint8Array.of(zeroPoint) }));
  const codes = `${name}/codes`;
  return [
    madeNode({ op: "QuantizeLinear", name: `${name}/quantize`, inputs: [from, ...parameters], outputs: [codes] }),
    madeNode({ op: "DequantizeLinear", name: `${name}/dequantize`, inputs: [codes, ...parameters], outputs: [to] }),
  ];
}

function missing(name: string): never {
  throw new Error(`there is no scale of ${name}`);
}

/** The nodes that give a layer its weights and bias, and what it takes in their place. */
function layerNodes(job: WriteJob, layer: Layer, constants: Map<string, Uint8Array>) {
  const { decision, scales } = job;
  const root = decision.tensors.get(layer.input);
  const input = layer.integers && root !== undefined ? (scales.get(root) ?? missing(root)) : undefined;
  // Engines multiply whole numbers by channels that all have the same zero point, if at all by some that have one.
  const isShared = job.codes === "asymmetric" && input !== undefined;
  const axis = job.perChannel && !isShared ? layer.axis : undefined;
  const { made, bias, isCorrected } = layerCodes(job, layer, { axis, input });
  // By the layer: another one with the same weights may need other scales for its bias.
  const called = (what: string) => `${layer.output}/${what}`;
  const { codes, zeroPoints, scales: own } = made;
  const nodes = [
    dequantized(constants, called("weights"), { codes, zeroPoints, shape: layer.shape, scales: own, axis }),
  ];
  const inputs = [layer.input, called("weights/dequantized"), ...(layer.bias === undefined ? [] : [layer.bias])];
  if (bias !== undefined && input !== undefined) {
    const sums = own.map((one) => one * input.scale);
    const whole = quantizedBias(bias, [...sums]);
    const along = axis === undefined ? undefined : 0;
    nodes.push(
      dequantized(constants, called("bias"), { codes: whole, shape: [bias.length], scales: sums, axis: along }),
    );
    inputs[2] = called("bias/dequantized");
  } else if (bias !== undefined && isCorrected) {
    constants.set(called("bias"), tensorBytes({ name: called("bias"), type: "f32", shape: [bias.length], data: bias }));
    inputs[2] = called("bias");
  }
  const { name, op, output, integers, input: from } = layer;
  const weights = { sqnr: made.sqnr, dead: made.dead, channels: own.length, values: codes.length };
  const written: WrittenLayer = {
    ...{ name, op, input: from, output, integers: integers && input !== undefined, isCorrected },
    weights,
  };
  return { nodes, inputs, written };
}

/** A layer's weights as codes, and its bias, corrected where the means of what it takes are known. */
function layerCodes(
  job: WriteJob,
  layer: Layer,
  { axis, input }: { readonly axis: number | undefined; readonly input: ValueScale | undefined },
) {
  const read = (name: string) => floatsOf(job.open.constants.get(name) ?? new Uint8Array()) ?? missing(name);
  const values = read(layer.weights);
  const { shape } = layer;
  const given = layer.bias === undefined ? undefined : floatsOf(job.open.constants.get(layer.bias) ?? new Uint8Array());
  const code = (bias: Float32Array | undefined) =>
    quantizedWeights({
      ...{ values, shape, axis, bits: job.weightBits, kind: job.codes, powers: job.powers },
      bias: bias === undefined || input === undefined ? undefined : { values: bias, scale: input.scale },
    });
  const made = code(given);
  const means = layer.bias !== undefined && given === undefined ? undefined : job.means?.get(layer.input);
  const error =
    means === undefined || layer.axis === undefined
      ? undefined
      : meanError({
          ...{ op: layer.op, values, rounded: weightValues(made, { shape, axis }), shape },
          ...{ axis: layer.axis, groups: layer.groups, means },
        });
  if (error === undefined) return { made, bias: given, isCorrected: false };
  const bias = Float32Array.from(error, (one, channel) => (given?.[channel] ?? 0) - one);
  // The scale of a channel whose bias became larger may have to grow.
  return { made: code(bias), bias, isCorrected: true };
}

/** A DequantizeLinear of constants; their zero points are 0 when absent. */
function dequantized(
  constants: Map<string, Uint8Array>,
  name: string,
  of: {
    readonly codes: Int8Array | Uint8Array | Int32Array;
    readonly zeroPoints?: readonly number[];
    readonly shape: readonly number[];
    readonly scales: Float32Array;
    readonly axis: number | undefined;
  },
): GraphNode {
  const { codes, shape, scales, axis } = of;
  const { zeroPoints = [...scales].fill(0) } = of;
  const type = codes instanceof Int8Array ? "i8" : codes instanceof Uint8Array ? "u8" : "i32";
  const Codes = { i8: Int8Array, u8: Uint8Array, i32: Int32Array }[type];
  const names = [`${name}/codes`, `${name}/scale`, `${name}/zero_point`] as const;
  const own = axis === undefined ? [] : [scales.length];
  constants.set(names[0], tensorBytes({ name: names[0], type, shape, data: codes }));
  constants.set(names[1], tensorBytes({ name: names[1], type: "f32", shape: own, data: scales }));
  constants.set(names[2], tensorBytes({ name: names[2], type, shape: own, data: Codes.from(zeroPoints) }));
  return madeNode({
    op: "DequantizeLinear",
    name: `${name}/dequantize`,
    inputs: names,
    outputs: [`${name}/dequantized`],
    integers: axis === undefined ? {} : { axis },
  });
}
