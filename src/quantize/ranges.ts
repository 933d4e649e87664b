/**
 * The range of a tensor's values that is told apart: a table of methods, each a function of its statistics. Sources: percentile and KL as in "8-bit
 * inference with TensorRT" (GTC 2017), the search for the least squared error as in MQBench's MSEObserver, moving average as in
 * "Quantization and Training of Neural Networks" (arXiv 1712.05877), ACIQ in a file of its own.
 */
import { aciq } from "./aciq.js";
import type { Range } from "./scales.js";
import { valueCodes } from "./scales.js";
import { binPlace, type TensorStatistics } from "./statistics.js";

/** Part of the values that `percentile` leaves outside, on both sides together. */
const outside = 1e-4;
/** How many ranges a search tries, the whole one and smaller ones, and the smallest. */
const candidates = 64;
const least = 0.3;

export const rangeMethods = {
  "min-max": ({ min, max }: TensorStatistics): Range => ({ min, max }),
  "moving-average": ({ average }: TensorStatistics): Range => average,
  percentile,
  mse: (statistics: TensorStatistics): Range => searched(statistics, squaredError),
  kl: (statistics: TensorStatistics): Range => searched(statistics, divergence),
  aciq: (statistics: TensorStatistics): Range => aciq(statistics, 8),
} as const;
export type RangeMethod = keyof typeof rangeMethods;

/** The range without the outermost values on each side. */
function percentile(statistics: TensorStatistics): Range {
  const { bins, count, min, max, limit } = statistics;
  if (limit === 0) return { min, max };
  const allowed = (count * outside) / 2;
  const side = (from: number, step: 1 | -1) => {
    let sum = 0;
    let index = from;
    for (; index >= 0 && index < bins.length; index += step) {
      sum += bins[index] ?? 0;
      if (sum > allowed) break;
    }
    return index;
  };
  const low = binPlace(statistics, side(0, 1)).low;
  const { high } = binPlace(statistics, side(bins.length - 1, -1));
  return { min: Math.max(min, low), max: Math.min(max, high) };
}

/** The range, the whole one shrunk, at which `cost` is least; the widest of equals. */
function searched(statistics: TensorStatistics, cost: (statistics: TensorStatistics, range: Range) => number): Range {
  const whole = { min: Math.min(0, statistics.min), max: Math.max(0, statistics.max) };
  if (statistics.limit === 0) return whole;
  let best = whole;
  let lowest = Number.POSITIVE_INFINITY;
  for (let step = 0; step < candidates; step++) {
    const part = 1 - ((1 - least) * step) / (candidates - 1);
    const range = { min: whole.min * part, max: whole.max * part };
    const found = cost(statistics, range);
    if (found < lowest) {
      lowest = found;
      best = range;
    }
  }
  return best;
}

/** The mean squared error of rounding within the range, and of what is cut off. */
function squaredError(statistics: TensorStatistics, { min, max }: Range): number {
  const scale = (max - min) / (valueCodes.max - valueCodes.min);
  let sum = 0;
  for (const [index, count] of statistics.bins.entries()) {
    if (count === 0) continue;
    const { middle } = binPlace(statistics, index);
    const cut = Math.max(min - middle, middle - max, 0);
    sum += count * (cut > 0 ? cut * cut : (scale * scale) / 12);
  }
  return sum / statistics.count;
}

/** How much is lost of the distribution within the range when bins become codes, those outside being counted at its ends (Kullback and Leibler). */
function divergence(statistics: TensorStatistics, { min, max }: Range): number {
  const codes = valueCodes.max - valueCodes.min + 1;
  const width = (max - min) / codes;
  const inside = new Float64Array(codes);
  const filled = new Float64Array(codes);
  const real: { code: number; count: number; kept: number }[] = [];
  let cutLow = 0;
  let cutHigh = 0;
  for (const [index, count] of statistics.bins.entries()) {
    if (count === 0) continue;
    const { middle } = binPlace(statistics, index);
    if (middle < min) cutLow += count;
    else if (middle > max) cutHigh += count;
    else {
      const code = Math.min(codes - 1, Math.floor((middle - min) / width));
      inside[code] = (inside[code] ?? 0) + count;
      filled[code] = (filled[code] ?? 0) + 1;
      real.push({ code, count, kept: count });
    }
  }
  const [first] = real;
  const last = real.at(-1);
  if (first === undefined || last === undefined) return Number.POSITIVE_INFINITY;
  first.count += cutLow;
  last.count += cutHigh;
  const within = real.reduce((sum, { kept }) => sum + kept, 0);
  let sum = 0;
  for (const { code, count } of real) {
    const p = count / statistics.count;
    const q = (inside[code] ?? 0) / (filled[code] ?? 1) / within;
    sum += p * Math.log(p / q);
  }
  return sum;
}
