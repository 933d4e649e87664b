/**
 * What batch norms tell of the values that they give, without any data (arXiv 1906.04721): about normal, with a known mean and deviation for each channel.
 */
import type { GraphNode, OpenOnnx } from "../formats/onnx-graph.js";
import { floatsOf } from "../formats/onnx-tensor.js";
import { density, upperTail } from "./aciq.js";

/** Mean and deviation of each channel's values, by the tensor's name. */
export type Moments = ReadonlyMap<string, ChannelMoments>;

export interface ChannelMoments {
  readonly mean: readonly number[];
  /** Not below 0. */
  readonly deviation: readonly number[];
}

/** How many deviations data-free ranges reach from the mean. */
const reach = 6;

/** Means of channels' values, and the range of all, as far as batch norms tell them. */
export interface Expected {
  readonly means: ReadonlyMap<string, readonly number[]>;
  readonly ranges: ReadonlyMap<string, { readonly min: number; readonly max: number }>;
}

/** What follows from the moments of some tensors for what is made of them by Relu and Clip. */
export function expected(open: OpenOnnx, moments: Moments): Expected {
  const means = new Map<string, readonly number[]>();
  const ranges = new Map<string, { readonly min: number; readonly max: number }>();
  const tell = (name: string, one: ChannelMoments, low: number, high: number) => {
    means.set(
      name,
      one.mean.map((mean, channel) => clippedMean(mean, one.deviation[channel] ?? 0, { low, high })),
    );
    const ends = one.mean.map((mean, channel) => {
      const width = reach * (one.deviation[channel] ?? 0);
      return { min: mean - width, max: mean + width };
    });
    const bound = (value: number) => Math.min(high, Math.max(low, value));
    ranges.set(name, {
      min: bound(Math.min(...ends.map(({ min }) => min))),
      max: bound(Math.max(...ends.map(({ max }) => max))),
    });
  };
  for (const [name, one] of moments) tell(name, one, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  for (const node of open.nodes) {
    const [from = ""] = node.inputs;
    const [to = ""] = node.outputs;
    const one = moments.get(from);
    const ends = one === undefined ? undefined : clipOf(open, node);
    if (one !== undefined && ends !== undefined) tell(to, one, ends.low, ends.high);
  }
  return { means, ranges };
}

/** Where an operator cuts values off; undefined for one that does something else. */
function clipOf({ constants }: OpenOnnx, { op, domain, inputs }: GraphNode) {
  if (domain !== "") return undefined;
  if (op === "Relu") return { low: 0, high: Number.POSITIVE_INFINITY };
  if (op !== "Clip") return undefined;
  const bound = (name: string | undefined, absent: number) =>
    name === undefined || name === "" ? absent : floatsOf(constants.get(name) ?? new Uint8Array())?.[0];
  const low = bound(inputs[1], Number.NEGATIVE_INFINITY);
  const high = bound(inputs[2], Number.POSITIVE_INFINITY);
  return low === undefined || high === undefined ? undefined : { low, high };
}

/** The mean of a normal distribution's values after they are cut off on both sides. */
export function clippedMean(
  mean: number,
  deviation: number,
  { low, high }: { readonly low: number; readonly high: number },
): number {
  if (deviation === 0) return Math.min(high, Math.max(low, mean));
  const [from, to] = [(low - mean) / deviation, (high - mean) / deviation];
  const [below, above] = [low === Number.NEGATIVE_INFINITY ? 0 : 1 - upperTail(from), upperTailOf(to)];
  const ends = (below === 0 ? 0 : low * below) + (above === 0 ? 0 : high * above);
  return ends + mean * (1 - below - above) + deviation * (densityOf(from) - densityOf(to));
}

const upperTailOf = (value: number) => (value === Number.POSITIVE_INFINITY ? 0 : upperTail(value));
const densityOf = (value: number) => (Number.isFinite(value) ? density(value) : 0);
