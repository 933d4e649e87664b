import type { LayerOptions } from "edge:kernels";

/** A small generator (Numerical Recipes' constants): the same bytes on every core, so that results can be compared. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 16;
  };
}

/** Whole numbers from low to high. */
function codes<T extends Int8Array | Uint8Array>(array: T, low: number, high: number): T {
  const next = random(array.length + low);
  for (let i = 0; i < array.length; i++) array[i] = low + (next() % (high - low + 1));
  return array;
}

export interface Example {
  readonly layer: LayerOptions;
  readonly input: Int8Array | Uint8Array;
}

const side = 28;
const channels = 64;
/** The 3x3 layers of ResNet-18's second stage are twice as deep; this one ends soon on an emulated board as well. */
const shape = {
  input: [1, side, side, channels],
  outputs: channels,
  kernel: 3,
  pad: 1,
} as const;
const inputs = side * side * channels;
const weights = channels * 9 * channels;

/** One 3x3 layer with weights and inputs of so many bits, and the way back to codes that suits it. */
export const examples: readonly Example[] = [
  {
    // Fixed point as in gemmlowp, with a fused ReLU.
    layer: {
      ...shape,
      bits: 8,
      weights: codes(new Int8Array(weights), -127, 127),
      requantize: {
        multiplier: new Int32Array(channels).fill(1 << 30),
        shift: new Int32Array(channels).fill(11),
        min: 0,
      },
    },
    input: codes(new Int8Array(inputs), -128, 127),
  },
  {
    layer: {
      ...shape,
      bits: 7,
      weights: codes(new Int8Array(weights), -63, 63),
      requantize: { scale: new Float32Array(channels).fill(1 / 1024) },
    },
    input: codes(new Int8Array(inputs), -64, 63),
  },
  {
    // Two weights a byte, and a power of two.
    layer: {
      ...shape,
      bits: 4,
      weights: codes(new Uint8Array(weights / 2), 0, 255),
      weightFormat: "int4",
      requantize: { shift: new Int32Array(channels).fill(7), min: -8, max: 7 },
    },
    input: codes(new Int8Array(inputs), -8, 7),
  },
  {
    // Levels -1.5, -0.5, 0.5, 1.5, and thresholds that give codes of two bits again.
    layer: {
      ...shape,
      bits: 2,
      weights: codes(new Uint8Array(weights), 0, 3),
      weightZero2: 3,
      requantize: {
        threshold: Int32Array.from({ length: channels * 3 }, (_, i) => ((i % 3) - 1) * 60),
      },
    },
    input: codes(new Uint8Array(inputs), 0, 3),
  },
  {
    layer: { ...shape, bits: 1, weights: codes(new Uint8Array(weights), 0, 1) },
    input: codes(new Uint8Array(inputs), 0, 1),
  },
];
