/** What the values of a tensor are like over all calibration inputs: gathered value by value, in memory that does not grow with them. */
import * as z from "../ground/zod.js";

/** Bins of a histogram from -limit to limit. Even: 0 is a border. */
export const binCount = 8192;
/** How much of an older mean of extremes is kept with each further input. */
const momentum = 0.9;

const tensorStatistics = z.strictObject({
  count: z.int().nonnegative(),
  min: z.number(),
  max: z.number(),
  /** The moving average of each input's smallest and largest value. */
  average: z.strictObject({ min: z.number(), max: z.number() }),
  /** A power of two that no value is beyond; 0 when all values are 0. */
  limit: z.number().nonnegative(),
  /** The first bin that is told, and how many values are in it and in those after it. */
  from: z.int().nonnegative(),
  bins: z.array(z.int().nonnegative()),
  /** The mean of each channel's values, of a tensor that a layer with weights takes. */
  means: z.array(z.number()).optional(),
});
export type TensorStatistics = z.infer<typeof tensorStatistics>;

/** `statistics.json`: of each tensor, by name. */
export const statisticsFile = z.strictObject({
  inputs: z.int().positive(),
  /** sha256 of all inputs, with their types and shapes, in the order of the runs. */
  set: z.string().regex(/^[0-9a-f]{64}$/),
  tensors: z.record(z.string(), tensorStatistics),
});

export interface Gathering {
  count: number;
  min: number;
  max: number;
  average: { min: number; max: number } | undefined;
  limit: number;
  bins: Float64Array;
  /** Sums by channel, of so many values each. */
  channels: { readonly sums: Float64Array; count: number } | undefined;
}

export function newGathering(): Gathering {
  return {
    count: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    average: undefined,
    limit: 0,
    bins: new Float64Array(binCount),
    channels: undefined,
  };
}

/** Adds one input's values. Gives the place of the first one that is not finite: then nothing was added. */
export function gather(into: Gathering, values: ArrayLike<number>): number | undefined {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? Number.NaN;
    if (!Number.isFinite(value)) return index;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  if (values.length === 0) return undefined;
  into.min = Math.min(into.min, min);
  into.max = Math.max(into.max, max);
  const { average } = into;
  const mixed = (older: number, newer: number) => momentum * older + (1 - momentum) * newer;
  into.average = average === undefined ? { min, max } : { min: mixed(average.min, min), max: mixed(average.max, max) };
  widen(into, Math.max(-min, max, 0));
  count(into, values);
  into.count += values.length;
  return undefined;
}

/** Adds one input's values channel by channel. A tensor whose channels differ in number from input to input has no means. */
export function gatherChannels(
  into: Gathering,
  values: ArrayLike<number>,
  shape: readonly number[],
  axis: number,
): void {
  const size = shape[axis] ?? 0;
  if (size === 0) return;
  const inner = shape.slice(axis + 1).reduce((product, one) => product * one, 1);
  into.channels ??= { sums: new Float64Array(size), count: 0 };
  const { sums } = into.channels;
  if (sums.length !== size) {
    into.channels = { sums: new Float64Array(0), count: 0 };
    return;
  }
  for (let index = 0; index < values.length; index++) {
    const channel = Math.floor(index / inner) % size;
    sums[channel] = (sums[channel] ?? 0) + (values[index] ?? 0);
  }
  into.channels.count += values.length / size;
}

function count({ bins, limit }: Gathering, values: ArrayLike<number>): void {
  const half = binCount / 2;
  if (limit === 0) {
    bins[half] = (bins[half] ?? 0) + values.length;
    return;
  }
  const factor = half / limit;
  for (let index = 0; index < values.length; index++) {
    const bin = Math.min(binCount - 1, Math.floor((values[index] ?? 0) * factor) + half);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
}

/** Makes room for values up to `most`: bins are joined two by two until they reach that far. */
function widen(into: Gathering, most: number): void {
  if (most <= into.limit) return;
  const limit = 2 ** Math.ceil(Math.log2(most));
  if (into.limit === 0) {
    into.limit = Math.max(limit, 2 ** -1000);
    return;
  }
  while (into.limit < limit) {
    const joined = new Float64Array(binCount);
    const quarter = binCount / 4;
    for (let bin = 0; bin < binCount; bin++)
      joined[quarter + (bin >> 1)] = (joined[quarter + (bin >> 1)] ?? 0) + (into.bins[bin] ?? 0);
    into.bins = joined;
    into.limit *= 2;
  }
}

/** What was gathered, for a file. Throws when nothing was. */
export function statisticsOf(gathering: Gathering): TensorStatistics {
  const { count: all, min, max, average, limit, bins, channels } = gathering;
  if (average === undefined) throw new Error("a tensor without values has no statistics");
  const from = Math.max(
    0,
    bins.findIndex((one) => one > 0),
  );
  const last = bins.findLastIndex((one) => one > 0);
  const whole = { count: all, min, max, average, limit, from, bins: [...bins.subarray(from, last + 1)] };
  if (channels === undefined || channels.count === 0) return whole;
  return { ...whole, means: [...channels.sums].map((sum) => shortened(sum / channels.count)) };
}

/** Borders of a bin, and its middle. */
export function binPlace({ limit, from }: Pick<TensorStatistics, "limit" | "from">, index: number) {
  const width = (2 * limit) / binCount;
  const low = -limit + (from + index) * width;
  return { low, middle: low + width / 2, high: low + width };
}

/** A number of few digits: what is made of it hardly ever shows the last digits of sums, which depend on the processor. */
function shortened(value: number): number {
  if (value === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 11);
  return Math.round(value / unit) * unit;
}
