/** Weights as whole numbers, one scale for all or one a channel: evenly spaced, as powers of two, or as the words of a code book. */
import { codeBook, nearestWord } from "./code-book.js";
import { leastScale, powerOfTwo, roundEven } from "./scales.js";

/** What codes stand for: see `weightCodes`. */
export type WeightCodes = "symmetric" | "asymmetric" | "log" | "k-means";

export interface QuantizedWeights {
  readonly codes: Int8Array | Uint8Array;
  /** One, or one a channel. */
  readonly scales: Float32Array;
  /** The code of 0 for each scale: all 0 but for `asymmetric`. */
  readonly zeroPoints: readonly number[];
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
  /** `symmetric` when absent. */
  readonly kind?: WeightCodes | undefined;
  /** Whether scales are powers of two. */
  readonly powers?: boolean | undefined;
  /** The scale of what they are multiplied with and the bias that is added: the sum's scale must hold it. */
  readonly bias?: { readonly values: Float32Array; readonly scale: number } | undefined;
}

/** The smallest and largest value of a channel, 0 between them, and the least scale that its bias asks for. */
interface Extent {
  readonly low: number;
  readonly high: number;
  readonly room: number;
}

/** A channel's scale and the code of its 0. */
interface Spacing {
  readonly scale: number;
  readonly zeroPoint: number;
}

interface Coding {
  readonly spacing: (extent: Extent, bits: number) => Spacing;
  /** The code of a value that has been divided by its scale. */
  readonly encoder: (bits: number, words: readonly number[]) => (ratio: number, zeroPoint: number) => number;
  readonly isUnsigned?: boolean;
  /** Whether words are chosen for the whole layer. */
  readonly hasBook?: boolean;
}

/** The largest code of so many bits: 127 of 8. The smallest is its negative. */
export function largestCode(bits: number): number {
  return 2 ** (bits - 1) - 1;
}

/** How a bias may fill its 32 bits: two remain for the sum. */
const biasLimit = 2 ** 30;
/** Powers of two from 1 to it are what `log` has: with a sign and 0, codes of four bits. */
const largestPower = 64;

const symmetricSpacing = (most: number, { low, high, room }: Extent): Spacing => {
  const reach = Math.max(-low, high);
  return { scale: reach === 0 && room === 0 ? 1 : Math.max(reach / most, room, leastScale), zeroPoint: 0 };
};

/**
 * How weights become codes: `symmetric` whole numbers about 0; `asymmetric` whole numbers from 0 on, of the channel's own range; `log` 0 and plus or minus 1, 2,
 * 4, ... 64 times a power of two, so that each weight is one (LogNet, arXiv 1603.01025; the largest power as in INQ, arXiv 1702.03044); `k-means` the words
 * of a code book that is the layer's own (Deep Compression, arXiv 1510.00149), rounded to whole numbers of a byte.
 */
export const weightCodes: Readonly<Record<WeightCodes, Coding>> = {
  symmetric: {
    spacing: (extent, bits) => symmetricSpacing(largestCode(bits), extent),
    encoder: (bits) => (ratio) => clamp(roundEven(ratio), -largestCode(bits), largestCode(bits)),
  },
  asymmetric: {
    spacing: ({ low, high, room }, bits) => {
      const steps = 2 ** bits - 1;
      const scale = high === low && room === 0 ? 1 : Math.max((high - low) / steps, room, leastScale);
      return { scale, zeroPoint: clamp(roundEven(-low / Math.fround(scale)), 0, steps) };
    },
    encoder: (bits) => (ratio, zeroPoint) => clamp(roundEven(ratio) + zeroPoint, 0, 2 ** bits - 1),
    isUnsigned: true,
  },
  log: {
    spacing: ({ low, high, room }) => {
      const reach = Math.max(-low, high);
      const largest = reach === 0 ? largestPower : 2 ** Math.floor(Math.log2((4 * reach) / 3));
      return { scale: Math.max(largest / largestPower, powerOfTwo(room), leastScale), zeroPoint: 0 };
    },
    encoder: () => (ratio) => Math.sign(ratio) * nearestPower(Math.abs(ratio)),
  },
  "k-means": {
    spacing: (extent) => symmetricSpacing(largestCode(8), extent),
    encoder: (_, words) => (ratio) => nearestWord(words, ratio),
    hasBook: true,
  },
};

/** 0, or the power of two up to the largest that is nearest; the larger of two that are as near. */
function nearestPower(value: number): number {
  if (value < 0.5) return 0;
  return Math.min(largestPower, 2 ** Math.max(0, Math.floor(Math.log2((4 * value) / 3))));
}

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** Rounds weights to codes of so many bits. */
export function quantizedWeights(job: WeightJob): QuantizedWeights {
  const { values, bits } = job;
  const coding = weightCodes[job.kind ?? "symmetric"];
  const channelOf = channels(job);
  const extents = extentsOf(job, channelOf);
  const spacings = extents.map((extent) => {
    const { scale, zeroPoint } = coding.spacing(extent, bits);
    return { scale: Math.fround(job.powers ? powerOfTwo(scale) : scale), zeroPoint };
  });
  const at = (index: number) => spacings[channelOf(index)] ?? { scale: 1, zeroPoint: 0 };
  const words = coding.hasBook
    ? codeBook(
        values.map((value, index) => value / at(index).scale),
        2 ** bits,
      )
    : [];
  const encode = coding.encoder(bits, words);
  const codes = coding.isUnsigned ? new Uint8Array(values.length) : new Int8Array(values.length);
  let signal = 0;
  let noise = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    const { scale, zeroPoint } = at(index);
    const code = encode(value / scale, zeroPoint);
    codes[index] = code;
    signal += value * value;
    noise += (value - (code - zeroPoint) * scale) ** 2;
  }
  return {
    ...{ codes, scales: Float32Array.from(spacings, ({ scale }) => scale) },
    zeroPoints: spacings.map(({ zeroPoint }) => zeroPoint),
    sqnr: noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise),
    dead: extents.filter(({ low, high }) => low === 0 && high === 0).length,
  };
}

/** The value that a code stands for. */
export function weightValues({ codes, scales, zeroPoints }: QuantizedWeights, job: Pick<WeightJob, "shape" | "axis">) {
  const channelOf = channels({ ...job, values: codes });
  return Float32Array.from(codes, (code, index) => {
    const channel = channelOf(index);
    return (code - (zeroPoints[channel] ?? 0)) * (scales[channel] ?? 1);
  });
}

/** The channel that each weight belongs to. */
function channels({ shape, axis, values }: Pick<WeightJob, "shape" | "axis"> & { values: ArrayLike<number> }) {
  if (axis === undefined) return () => 0;
  const count = shape[axis] ?? 1;
  const inner = axis === shape.length - 1 ? 1 : shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  return values.length === 0 ? () => 0 : (index: number) => Math.floor(index / inner) % count;
}

function extentsOf({ values, shape, axis, bias }: WeightJob, channelOf: (index: number) => number): readonly Extent[] {
  const count = axis === undefined ? 1 : (shape[axis] ?? 1);
  const low = new Float64Array(count);
  const high = new Float64Array(count);
  for (let index = 0; index < values.length; index++) {
    const channel = channelOf(index);
    const value = values[index] ?? 0;
    if (value < (low[channel] ?? 0)) low[channel] = value;
    if (value > (high[channel] ?? 0)) high[channel] = value;
  }
  return Array.from({ length: count }, (_, channel) => {
    const own = bias === undefined ? [] : axis === undefined ? [...bias.values] : [bias.values[channel] ?? 0];
    const room = own.reduce((sum, value) => Math.max(sum, Math.abs(value)), 0) / ((bias?.scale ?? 1) * biasLimit);
    return { low: low[channel] ?? 0, high: high[channel] ?? 0, room };
  });
}

/** A bias in the scale of the sum. */
export function quantizedBias(values: Float32Array, scales: readonly number[]): Int32Array {
  const limit = 2 ** 31 - 1;
  return Int32Array.from(values, (value, channel) => {
    const scale = scales.length === 1 ? scales[0] : scales[channel];
    return Math.min(limit, Math.max(-limit, roundEven(value / (scale ?? 1))));
  });
}
