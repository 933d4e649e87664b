/**
 * Cross-layer equalization (arXiv 1906.04721): what a channel of one layer is divided by, the next layer's weights are multiplied with. Results stay the
 * same; ranges of channels come nearer to one another, so that one scale for all of them loses less.
 */
import { readTensor } from "../formats/onnx.js";
import { changedNode, type GraphNode, type OpenOnnx, takenNames } from "../formats/onnx-graph.js";
import { floatsOf, tensorBytes } from "../formats/onnx-tensor.js";
import type { Moments } from "./moments.js";

/** Times that all pairs are gone through, at most. */
const rounds = 20;
/** A channel's factor is within this of 1 when nothing is to be gained any more. */
const settled = 1e-3;
/** What follows a layer without an end to its range: a times x gives a times as much, for any a above 0. */
const homogeneous = new Set(["Relu", "LeakyRelu", "Identity"]);

/** Weights by channel: their values, and the channel of each. */
interface Weights {
  readonly name: string;
  readonly values: Float64Array;
  readonly shape: readonly number[];
  readonly channelOf: (index: number) => number;
}

/** Two layers, the second taking nothing but what the first gives. */
interface Pair {
  readonly channels: number;
  readonly first: Weights;
  readonly bias: Weights | undefined;
  readonly second: Weights;
  /** Tensors between them. */
  readonly between: readonly string[];
}

export interface Equalized {
  readonly open: OpenOnnx;
  readonly moments: Moments;
  /** How many pairs of layers were equalized. */
  readonly pairs: number;
}

/** The model with its layers equalized: each pair that nothing but Relu and the like stands between. */
export function equalized(open: OpenOnnx, moments: Moments): Equalized {
  const known = new Map<string, Weights>();
  const own = ownConstants(open);
  const pairs = findPairs(own, known);
  const factors = new Map<string, Float64Array>();
  for (let round = 0, moved = true; round < rounds && moved; round++) {
    moved = false;
    for (const pair of pairs) if (equalize(pair, factors)) moved = true;
  }
  const constants = new Map(own.constants);
  for (const { name, values, shape } of known.values())
    constants.set(name, tensorBytes({ name, type: "f32", shape, data: Float32Array.from(values) }));
  const scaled = new Map(moments);
  for (const [tensor, by] of factors) {
    const one = moments.get(tensor);
    if (one === undefined) continue;
    const divided = (values: readonly number[]) => values.map((value, channel) => value / (by[channel] ?? 1));
    scaled.set(tensor, { mean: divided(one.mean), deviation: divided(one.deviation) });
  }
  return { open: { ...own, constants }, moments: scaled, pairs: pairs.length };
}

/** Divides the first layer's channels and multiplies the second's, so that both have the same ranges: the root of their product. Whether it changed something. */
function equalize({ channels, first, bias, second, between }: Pair, factors: Map<string, Float64Array>): boolean {
  const [a, b] = [reach(first, channels), reach(second, channels)];
  let moved = false;
  const by = new Float64Array(channels).fill(1);
  for (let channel = 0; channel < channels; channel++) {
    const [one = 0, other = 0] = [a[channel], b[channel]];
    // A channel that is dead on one side has no range to share.
    if (one === 0 || other === 0) continue;
    const factor = Math.sqrt(one / other);
    if (!Number.isFinite(factor) || factor === 0) continue;
    by[channel] = factor;
    if (Math.abs(factor - 1) > settled) moved = true;
  }
  if (!moved) return false;
  scale(first, (channel) => 1 / (by[channel] ?? 1));
  if (bias !== undefined) scale(bias, (channel) => 1 / (by[channel] ?? 1));
  scale(second, (channel) => by[channel] ?? 1);
  for (const tensor of between) {
    const whole = factors.get(tensor) ?? new Float64Array(channels).fill(1);
    factors.set(
      tensor,
      whole.map((value, channel) => value * (by[channel] ?? 1)),
    );
  }
  return true;
}

function reach({ values, channelOf }: Weights, channels: number): Float64Array {
  const most = new Float64Array(channels);
  for (let index = 0; index < values.length; index++) {
    const channel = channelOf(index);
    most[channel] = Math.max(most[channel] ?? 0, Math.abs(values[index] ?? 0));
  }
  return most;
}

function scale({ values, channelOf }: Weights, factor: (channel: number) => number): void {
  for (let index = 0; index < values.length; index++) values[index] = (values[index] ?? 0) * factor(channelOf(index));
}

/** The model with weights and biases that each belong to one convolution alone. */
function ownConstants(open: OpenOnnx): OpenOnnx {
  const constants = new Map(open.constants);
  const uses = new Map<string, number>();
  for (const node of open.nodes) for (const name of takenNames([node])) uses.set(name, (uses.get(name) ?? 0) + 1);
  const nodes = open.nodes.map((node) => {
    if (node.op !== "Conv" || node.domain !== "") return node;
    const inputs = node.inputs.map((name, index) => {
      const values = index === 0 || (uses.get(name) ?? 0) < 2 ? undefined : floatsOf(constants.get(name) ?? none);
      if (values === undefined) return name;
      const { shape } = readTensor(constants.get(name) ?? none);
      const copy = `${node.outputs[0]}/own${index}`;
      constants.set(copy, tensorBytes({ name: copy, type: "f32", shape, data: values }));
      return copy;
    });
    return changedNode(node, { inputs });
  });
  return { ...open, nodes, constants };
}

const none = new Uint8Array();

function findPairs(open: OpenOnnx, known: Map<string, Weights>): readonly Pair[] {
  const takers = new Map<string, GraphNode[]>();
  for (const node of open.nodes)
    for (const name of takenNames([node])) takers.set(name, [...(takers.get(name) ?? []), node]);
  const given = new Set(open.file.graph.outputs.map(({ name }) => name));
  const next = (name: string): GraphNode | undefined => {
    const [only, ...others] = takers.get(name) ?? [];
    return others.length > 0 || given.has(name) ? undefined : only;
  };
  return open.nodes.flatMap((node): readonly Pair[] => {
    if (node.op !== "Conv" || node.domain !== "") return [];
    const between = [node.outputs[0] ?? ""];
    let second = next(between[0] ?? "");
    while (second !== undefined && second.domain === "" && homogeneous.has(second.op)) {
      between.push(second.outputs[0] ?? "");
      second = next(second.outputs[0] ?? "");
    }
    if (second === undefined || second.op !== "Conv" || second.domain !== "") return [];
    if (second.inputs[0] !== between.at(-1)) return [];
    const pair = pairOf(open, { node, second, between }, known);
    return pair === undefined ? [] : [pair];
  });
}

function pairOf(
  open: OpenOnnx,
  { node, second, between }: { readonly node: GraphNode; readonly second: GraphNode; readonly between: string[] },
  known: Map<string, Weights>,
): Pair | undefined {
  const read = (name: string, channelsOf: (shape: readonly number[]) => Weights["channelOf"]): Weights | undefined => {
    const values = floatsOf(open.constants.get(name) ?? none);
    if (values === undefined || !values.every(Number.isFinite)) return undefined;
    const { shape } = readTensor(open.constants.get(name) ?? none);
    const one = known.get(name) ?? { name, values: Float64Array.from(values), shape, channelOf: channelsOf(shape) };
    known.set(name, one);
    return { ...one, channelOf: channelsOf(shape) };
  };
  const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);
  const outputs = (shape: readonly number[]) => (index: number) => Math.floor(index / product(shape.slice(1)));
  const groups = second.attributes.get("group")?.integer ?? 1;
  // An input channel of the n-th group is behind those of the groups before.
  const inputs = (shape: readonly number[]) => {
    const [out = 1, perGroup = 1] = shape;
    const inner = product(shape.slice(2));
    return (index: number) =>
      Math.floor(Math.floor(index / (perGroup * inner)) / (out / groups)) * perGroup +
      (Math.floor(index / inner) % perGroup);
  };
  const [, weights = "", bias = ""] = node.inputs;
  const first = read(weights, outputs);
  const own = bias === "" ? undefined : read(bias, () => (index) => index);
  const other = read(second.inputs[1] ?? "", inputs);
  if (first === undefined || other === undefined || (bias !== "" && own === undefined)) return undefined;
  const channels = first.shape[0] ?? 0;
  if ((other.shape[1] ?? 0) * groups !== channels || (other.shape[0] ?? 0) % groups !== 0) return undefined;
  return { channels, first, bias: own, second: other, between };
}
