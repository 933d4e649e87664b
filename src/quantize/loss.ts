/** How far quantized tensors are from those in floating point: sums over all inputs, in memory that does not grow with them. */
import type { ValueScale } from "./scales.js";
import { valueCodes, valueOfCode } from "./scales.js";

export interface Sums {
  signal: number;
  noise: number;
  product: number;
  squares: number;
  /** Values beyond what codes reach. */
  saturated: number;
  count: number;
}

export function newSums(): Sums {
  return { signal: 0, noise: 0, product: 0, squares: 0, saturated: 0, count: 0 };
}

/** Adds the values of one input. Throws for tensors of different sizes. */
export function compare(
  into: Sums,
  { float, quantized }: { readonly float: ArrayLike<number>; readonly quantized: ArrayLike<number> },
  scale?: ValueScale,
): void {
  if (float.length !== quantized.length)
    throw new Error(`${quantized.length} values are compared with ${float.length}`);
  const low = scale === undefined ? Number.NEGATIVE_INFINITY : valueOfCode(valueCodes.min, scale) - scale.scale / 2;
  const high = scale === undefined ? Number.POSITIVE_INFINITY : valueOfCode(valueCodes.max, scale) + scale.scale / 2;
  for (let index = 0; index < float.length; index++) {
    const a = float[index] ?? Number.NaN;
    const b = quantized[index] ?? Number.NaN;
    into.signal += a * a;
    into.squares += b * b;
    into.product += a * b;
    into.noise += (a - b) ** 2;
    if (a < low || a > high) into.saturated++;
  }
  into.count += float.length;
}

export interface Loss {
  /** Signal to noise in decibels; null when nothing was lost, or there was no signal. */
  readonly sqnr: number | null;
  readonly cosine: number;
  /** The part of values beyond what codes reach. */
  readonly saturated: number;
}

export function lossOf({ signal, noise, product, squares, saturated, count }: Sums): Loss {
  const isSame = signal === 0 && squares === 0;
  return {
    sqnr: noise === 0 || signal === 0 ? null : 10 * Math.log10(signal / noise),
    cosine: isSame ? 1 : signal === 0 || squares === 0 ? 0 : product / Math.sqrt(signal) / Math.sqrt(squares),
    saturated: count === 0 ? 0 : saturated / count,
  };
}
