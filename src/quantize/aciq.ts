/**
 * ACIQ (arXiv 1810.05723): where to cut a distribution off so that the squared error of rounding and of cutting is least, solved for Laplace's and Gauss's
 * distributions; which of them a tensor is nearer to, its moments tell.
 */
import type { Range } from "./scales.js";
import { binPlace, type TensorStatistics } from "./statistics.js";

/** The mean distance from the mean, in standard deviations: Laplace's, and Gauss's. */
const laplaceRatio = Math.SQRT1_2;
const gaussRatio = Math.sqrt(2 / Math.PI);

/**
 * Where to cut Laplace's distribution, in units of its parameter b (the mean distance from the mean), for so many bits: with x = a / b the error is
 * 2 b^2 exp(-x) + a^2 / (3 * 4^bits), least where x exp(x) = 3 * 4^bits.
 */
export function laplaceClip(bits: number): number {
  const right = 3 * 4 ** bits;
  let x = Math.log(right);
  for (let round = 0; round < 50; round++) x -= (x - right * Math.exp(-x)) / (1 + right * Math.exp(-x));
  return x;
}

/** The same for Gauss's, in standard deviations: the error is least where u / (6 * 4^bits) is what lies beyond u on one side, times its mean distance from u. */
export function gaussClip(bits: number): number {
  let low = 0;
  let high = 20;
  for (let round = 0; round < 80; round++) {
    const middle = (low + high) / 2;
    if (middle / (6 * 4 ** bits) < density(middle) - middle * upperTail(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Gauss's density. */
export function density(value: number): number {
  return Math.exp((-value * value) / 2) / Math.sqrt(2 * Math.PI);
}

/** The part of Gauss's distribution beyond a value: by a continued fraction where it is small, else by the series of its integral. */
export function upperTail(value: number): number {
  if (value < 0) return 1 - upperTail(-value);
  if (value > 2.5) {
    let fraction = 0;
    for (let step = 60; step > 0; step--) fraction = step / (value + fraction);
    return density(value) / (value + fraction);
  }
  let term = value;
  let sum = value;
  for (let step = 1; step < 60; step++) {
    term *= (value * value) / (2 * step + 1);
    sum += term;
  }
  return 0.5 - density(value) * sum;
}

/** The range of a tensor. Of one that has no values on one side of 0, the half of a distribution, the codes of a bit more are used. */
export function aciq(statistics: TensorStatistics, bits: number): Range {
  const { min, max, limit } = statistics;
  if (limit === 0 || min === max) return { min, max };
  const sided = min >= 0 || max <= 0;
  const { mean, distance, deviation } = moments(statistics, sided);
  const isLaplace = distance / deviation < (laplaceRatio + gaussRatio) / 2;
  const clip = isLaplace ? laplaceClip(bits + Number(sided)) * distance : gaussClip(bits + Number(sided)) * deviation;
  return { min: Math.max(min, mean - clip), max: Math.min(max, mean + clip) };
}

/** Mean, mean distance from it, and deviation; of half a distribution about 0, without the zeros that Relu made. */
function moments(statistics: TensorStatistics, sided: boolean) {
  let count = 0;
  let sum = 0;
  const places = statistics.bins.map((number, index) => {
    const { middle, low, high } = binPlace(statistics, index);
    const isZero = sided && low <= 0 && high >= 0;
    return { number: isZero ? 0 : number, middle };
  });
  for (const { number, middle } of places) {
    count += number;
    sum += number * middle;
  }
  if (count === 0) return { mean: 0, distance: statistics.limit, deviation: statistics.limit };
  const mean = sided ? 0 : sum / count;
  let distance = 0;
  let square = 0;
  for (const { number, middle } of places) {
    distance += number * Math.abs(middle - mean);
    square += number * (middle - mean) ** 2;
  }
  return { mean, distance: distance / count, deviation: Math.sqrt(square / count) };
}
