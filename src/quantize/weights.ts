/** Weights as whole numbers: symmetric, so that the sum needs no correction, one scale for all or one a channel. */
import { leastScale, roundEven } from "./scales.js";

export interface QuantizedWeights {
  readonly codes: Int8Array;
  /** One, or one a channel. */
  readonly scales: Float32Array;
  /** Signal to noise, in decibels; Infinity when nothing was lost. */
  readonly sqnr: number;
  /** Channels whose weights are all 0. */
  readonly dead: number;
}

export interface WeightJob {
  readonly values: Float32Array;
  readonly shape: readonly number[];
  /** The dimension of the channels; undefined: one scale for all. */
  readonly axis: number | undefined;
  readonly bits: number;
  /** The scale of what they are multiplied with and the bias that is added: the sum's scale must hold it. */
  readonly bias?: { readonly values: Float32Array; readonly scale: number } | undefined;
}

/** The largest code of so many bits: 127 of 8. The smallest is its negative. */
export function largestCode(bits: number): number {
  return 2 ** (bits - 1) - 1;
}

/** How a bias may fill its 32 bits: two remain for the sum. */
const biasLimit = 2 ** 30;

/** Rounds weights to whole numbers of so many bits. */
export function quantizedWeights({ values, shape, axis, bits, bias }: WeightJob): QuantizedWeights {
  const most = largestCode(bits);
  const channels = axis === undefined ? 1 : (shape[axis] ?? 1);
  const inner = axis === undefined ? values.length : shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const channelOf = (index: number) => (axis === undefined ? 0 : Math.floor(index / inner) % channels);
  const largest = new Float64Array(channels);
  for (let index = 0; index < values.length; index++) {
    const channel = channelOf(index);
    largest[channel] = Math.max(largest[channel] ?? 0, Math.abs(values[index] ?? 0));
  }
  const scales = Float32Array.from(largest, (one, channel) => {
    const own = bias === undefined ? [] : axis === undefined ? [...bias.values] : [bias.values[channel] ?? 0];
    const room = own.reduce((sum, value) => Math.max(sum, Math.abs(value)), 0) / ((bias?.scale ?? 1) * biasLimit);
    return one === 0 && room === 0 ? 1 : Math.max(one / most, room, leastScale);
  });
  const codes = new Int8Array(values.length);
  let signal = 0;
  let noise = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    const scale = scales[channelOf(index)] ?? 1;
    const code = Math.min(most, Math.max(-most, roundEven(value / scale)));
    codes[index] = code;
    signal += value * value;
    noise += (value - code * scale) ** 2;
  }
  const sqnr = noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
  return { codes, scales, sqnr, dead: largest.filter((one) => one === 0).length };
}

/** A bias in the scale of the sum. */
export function quantizedBias(values: Float32Array, scales: readonly number[]): Int32Array {
  const limit = 2 ** 31 - 1;
  return Int32Array.from(values, (value, channel) => {
    const scale = scales.length === 1 ? scales[0] : scales[channel];
    return Math.min(limit, Math.max(-limit, roundEven(value / (scale ?? 1))));
  });
}
