/**
 * Puts what follows a convolution and only multiplies and adds by channel (batch norm, Mul and Add of constants) into its weights: each such tensor
 * would else be a quantization more. The sums are made in 64 bits.
 */
import { readTensor } from "../formats/onnx.js";
import { changedNode, type GraphNode, type OpenOnnx, takenNames } from "../formats/onnx-graph.js";
import { floatsOf, tensorBytes } from "../formats/onnx-tensor.js";
import type { ChannelMoments, Moments } from "./moments.js";

/** What a node does to each channel: `scale * x + shift`. */
interface Affine {
  readonly scale: readonly number[];
  readonly shift: readonly number[];
  /** What comes of it, where it says so by itself. */
  readonly moments?: ChannelMoments;
}

export interface Folded {
  readonly open: OpenOnnx;
  /** Of what convolutions give that a batch norm was put into. */
  readonly moments: Moments;
}

/** Where the channels of its result are among the dimensions of its weights. */
const channelAxis: Readonly<Record<string, number>> = { Conv: 0, ConvTranspose: 1 };

/** The model with all of it put into its convolutions. */
export function folded(open: OpenOnnx): Folded {
  const constants = new Map(open.constants);
  const moments = new Map<string, ChannelMoments>();
  const nodes: (GraphNode | undefined)[] = [...open.nodes];
  const given = new Set(open.file.graph.outputs.map(({ name }) => name));
  const uses = countUses(open.nodes);
  const takers = new Map<string, number>();
  for (const [index, { inputs }] of open.nodes.entries()) for (const name of inputs) takers.set(name, index);
  for (const [index, first] of open.nodes.entries()) {
    if (first.domain !== "" || channelAxis[first.op] === undefined) continue;
    for (;;) {
      const conv = nodes[index];
      const [out = ""] = conv?.outputs ?? [];
      const at = takers.get(out);
      const next = at === undefined ? undefined : nodes[at];
      if (conv === undefined || at === undefined || next === undefined) break;
      if (uses.get(out) !== 1 || given.has(out)) break;
      const joined = join(conv, next, constants);
      if (joined === undefined) break;
      nodes[index] = joined.node;
      const known = joined.affine.moments ?? moved(moments.get(out), joined.affine);
      moments.delete(out);
      if (known !== undefined) moments.set(joined.node.outputs[0] ?? "", known);
      nodes[at] = undefined;
    }
  }
  return { open: { ...open, constants, nodes: nodes.filter((node) => node !== undefined) }, moments };
}

/** Moments of what an affine function makes of values with these. */
function moved(of: ChannelMoments | undefined, { scale, shift }: Affine): ChannelMoments | undefined {
  if (of === undefined) return undefined;
  return {
    mean: of.mean.map((mean, channel) => mean * (scale[channel] ?? 0) + (shift[channel] ?? 0)),
    deviation: of.deviation.map((deviation, channel) => deviation * Math.abs(scale[channel] ?? 0)),
  };
}

/** How often each value is taken; what a subgraph takes counts twice, so that nothing of it is moved. */
function countUses(nodes: readonly GraphNode[]): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const count = (name: string, times: number) => uses.set(name, (uses.get(name) ?? 0) + times);
  for (const node of nodes) {
    for (const name of node.inputs) count(name, 1);
    for (const { graphs } of node.attributes.values())
      for (const graph of graphs) {
        for (const name of takenNames(graph.nodes)) count(name, 2);
        for (const { name } of graph.outputs) count(name, 2);
      }
  }
  return uses;
}

function join(
  conv: GraphNode,
  next: GraphNode,
  constants: Map<string, Uint8Array>,
): { readonly node: GraphNode; readonly affine: Affine } | undefined {
  const [from = "", weightsName = "", biasName = ""] = conv.inputs;
  const tensor = constants.get(weightsName);
  const weights = tensor === undefined ? undefined : floatsOf(tensor);
  if (tensor === undefined || weights === undefined) return undefined;
  const { shape } = readTensor(tensor);
  const axis = channelAxis[conv.op] ?? 0;
  const groups = conv.attributes.get("group")?.integer ?? 1;
  const channels = (shape[axis] ?? 0) * (axis === 1 ? groups : 1);
  const bias = biasName === "" ? new Float32Array(channels) : floats(constants, biasName);
  if (bias?.length !== channels || (axis === 1 && groups !== 1)) return undefined;
  const affine = affineOf(next, conv, { constants, channels, rank: shape.length });
  if (affine === undefined) return undefined;
  const [out = ""] = next.outputs;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const scaled = weights.map((value, index) => value * (affine.scale[Math.floor(index / inner) % channels] ?? 0));
  const shifted = bias.map((value, channel) => value * (affine.scale[channel] ?? 0) + (affine.shift[channel] ?? 0));
  if (![...scaled, ...shifted].every(Number.isFinite)) return undefined;
  const names = { weights: `${out}/weights`, bias: `${out}/bias` };
  constants.set(names.weights, tensorBytes({ name: names.weights, type: "f32", shape, data: scaled }));
  constants.set(names.bias, tensorBytes({ name: names.bias, type: "f32", shape: [channels], data: shifted }));
  return { node: changedNode(conv, { inputs: [from, names.weights, names.bias], outputs: [out] }), affine };
}

function floats(constants: ReadonlyMap<string, Uint8Array>, name: string): Float32Array | undefined {
  const tensor = constants.get(name);
  return tensor === undefined ? undefined : floatsOf(tensor);
}

interface Channels {
  readonly constants: ReadonlyMap<string, Uint8Array>;
  readonly channels: number;
  /** Dimensions of what the convolution gives. */
  readonly rank: number;
}

function affineOf(node: GraphNode, conv: GraphNode, about: Channels): Affine | undefined {
  if (node.domain !== "" || node.outputs.filter((name) => name !== "").length !== 1) return undefined;
  const [out = ""] = conv.outputs;
  if (node.op === "BatchNormalization") return node.inputs[0] === out ? normalization(node, about) : undefined;
  const [left = "", right = ""] = node.inputs;
  const values = byChannel(left === out ? right : left, about);
  if (values === undefined) return undefined;
  const { channels } = about;
  const zeros = Array<number>(channels).fill(0);
  const ones = Array<number>(channels).fill(1);
  if (node.op === "Mul") return { scale: values, shift: zeros };
  if (node.op === "Add") return { scale: ones, shift: values };
  if (left !== out) return undefined;
  if (node.op === "Sub") return { scale: ones, shift: values.map((value) => -value) };
  return node.op === "Div" ? { scale: values.map((value) => 1 / value), shift: zeros } : undefined;
}

function normalization(node: GraphNode, { constants, channels }: Channels): Affine | undefined {
  const [scale, shift, mean, variance] = node.inputs.slice(1, 5).map((name) => floats(constants, name));
  if ([scale, shift, mean, variance].some((one) => one?.length !== channels)) return undefined;
  const epsilon = node.attributes.get("epsilon")?.float ?? Math.fround(1e-5);
  const factors = Array.from({ length: channels }, (_, index) => {
    return (scale?.[index] ?? 0) / Math.sqrt((variance?.[index] ?? 0) + epsilon);
  });
  return {
    scale: factors,
    shift: factors.map((factor, index) => (shift?.[index] ?? 0) - (mean?.[index] ?? 0) * factor),
    moments: { mean: [...(shift ?? [])], deviation: [...(scale ?? [])].map(Math.abs) },
  };
}

/** A constant that has one value for each channel, or one for all: its shape is [C, 1, 1] or ends so, as broadcasting has it. */
function byChannel(name: string, { constants, channels, rank }: Channels): readonly number[] | undefined {
  const tensor = constants.get(name);
  const values = tensor === undefined ? undefined : floatsOf(tensor);
  if (tensor === undefined || values === undefined) return undefined;
  const { shape } = readTensor(tensor);
  if (shape.length > rank) return undefined;
  if (values.length === 1) return Array<number>(channels).fill(values[0] ?? 0);
  const place = shape.length - (rank - 1);
  const fits = shape.every((size, index) => size === (index === place ? channels : 1));
  return fits && values.length === channels ? [...values] : undefined;
}
