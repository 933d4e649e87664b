/** Scales and zero points: `value = scale * (code - zeroPoint)`, rounded half to even as QuantizeLinear does. */

export interface Range {
  readonly min: number;
  readonly max: number;
}

export interface ValueScale {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Codes of activations: unsigned bytes. */
export const valueCodes = { min: 0, max: 255 } as const;

/** No scale is below it: the product of two is still a normal float32. */
export const leastScale = 2 ** -50;

/**
 * Bits of a scale's mantissa. The last digits of what a range is taken from depend on the processor that calibrates; a scale of ten bits, a thousandth
 * too large at most, hardly ever does.
 */
const mantissaBits = 10;

/** The smallest number of so many bits that is not smaller. */
export function roundedUp(value: number): number {
  const unit = 2 ** (Math.floor(Math.log2(value)) + 1 - mantissaBits);
  return Math.ceil(value / unit) * unit;
}

/** The smallest power of two that is not smaller; 0 of 0. */
export function powerOfTwo(value: number): number {
  if (value === 0) return 0;
  const power = 2 ** Math.ceil(Math.log2(value));
  return power < value ? 2 * power : power;
}

/**
 * The scale of a range, which is made to hold 0: zeros of padding and of Relu stay exactly 0. A power of two if it is asked for ("dynamic fixed point",
 * Ristretto, arXiv 1604.03168): then a shift does what a product does else.
 */
export function scaleOf({ min, max }: Range, { powers = false }: { readonly powers?: boolean } = {}): ValueScale {
  const low = Math.min(0, min);
  const high = Math.max(0, max);
  const steps = valueCodes.max - valueCodes.min;
  if (high === low) return { scale: 1, zeroPoint: 0 };
  // The zero point is rounded: half a step more may be needed on one side, so that the ends keep their codes.
  const exact = Math.max((high - low) / steps, leastScale);
  const scale = powers ? powerOfTwo(exact) : roundedUp(exact);
  return { scale, zeroPoint: Math.min(valueCodes.max, Math.max(valueCodes.min, roundEven(-low / scale))) };
}

/** Half to even. */
export function roundEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** The code of a value. */
export function codeOf(value: number, { scale, zeroPoint }: ValueScale): number {
  const code = roundEven(Math.fround(value / scale)) + zeroPoint;
  return Math.min(valueCodes.max, Math.max(valueCodes.min, code));
}

/** The value of a code. */
export function valueOfCode(code: number, { scale, zeroPoint }: ValueScale): number {
  return Math.fround((code - zeroPoint) * scale);
}
