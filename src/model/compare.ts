import type { Shape } from "./shapes.js";
import { sameShape, shapeText } from "./shapes.js";
import { numbers, type Tensor } from "./tensor.js";

export interface Comparison {
  readonly name: string;
  /** Largest |actual - reference|; Infinity when the shapes differ or one of two values is not a number. */
  readonly maxAbsolute: number;
  /** Largest |actual - reference| / max(|reference|, 1e-6). */
  readonly maxRelative: number;
  /** Where maxAbsolute is: an index a dimension. */
  readonly at: Shape;
  readonly reference: number;
  readonly actual: number;
  /** Why nothing could be compared. */
  readonly mismatch?: string;
}

type Values = Pick<Tensor, "name" | "type" | "shape" | "data">;

/**
 * Compares all outputs of a run with those of the reference, by name. Throws when one is missing on either side, there is one too many or
 * there is none at all: nothing is ever compared with a stand-in.
 */
export function compareOutputs(reference: readonly Values[], actual: readonly Values[]): Comparison[] {
  const names = (list: readonly Values[]) => list.map(({ name }) => name).join(", ") || "none";
  const byName = new Map(actual.map((one) => [one.name, one]));
  const comparisons = reference.flatMap((one) => {
    const other = byName.get(one.name);
    return other === undefined ? [] : [compareTensors(one, other)];
  });
  if (reference.length === 0 || comparisons.length !== reference.length || actual.length !== reference.length)
    throw new Error(`the reference gives the outputs ${names(reference)}; compared would be ${names(actual)}`);
  return comparisons;
}

/** Compares two results of the same output, element by element. */
export function compareTensors(reference: Values, actual: Values): Comparison {
  const { name } = reference;
  const differs = (mismatch: string): Comparison => ({
    name,
    maxAbsolute: Number.POSITIVE_INFINITY,
    maxRelative: Number.POSITIVE_INFINITY,
    at: [],
    reference: Number.NaN,
    actual: Number.NaN,
    mismatch,
  });
  if (!sameShape(reference.shape, actual.shape))
    return differs(`shape ${shapeText(actual.shape)} instead of ${shapeText(reference.shape)}`);
  if (reference.type !== actual.type) return differs(`type ${actual.type} instead of ${reference.type}`);
  const a = numbers(reference);
  const b = numbers(actual);
  if (a.length !== b.length) return differs(`${b.length} values instead of ${a.length}`);
  let worst = 0;
  let maxAbsolute = 0;
  let maxRelative = 0;
  for (let index = 0; index < a.length; index++) {
    const expected = a[index];
    const value = b[index];
    if (expected === undefined || value === undefined) return differs(`no value at ${index}`);
    const difference = distance(expected, value);
    if (difference > maxAbsolute) {
      maxAbsolute = difference;
      worst = index;
    }
    maxRelative = Math.max(maxRelative, difference / Math.max(Math.abs(expected), 1e-6));
  }
  return {
    name,
    maxAbsolute,
    maxRelative,
    at: position(worst, reference.shape),
    reference: a[worst] ?? Number.NaN,
    actual: b[worst] ?? Number.NaN,
  };
}

/** One line that says how far off and where, for messages and reports. */
export function comparisonText(comparison: Comparison, tolerance: number): string {
  const { name, maxAbsolute, at, reference, actual, mismatch } = comparison;
  if (mismatch !== undefined) return `${name}: ${mismatch}`;
  const size = Number.isFinite(maxAbsolute) ? maxAbsolute.toExponential(1) : String(maxAbsolute);
  const verdict = maxAbsolute <= tolerance ? "within" : "outside";
  return `${name}: off by ${size}, ${verdict} ${tolerance}; ${actual} instead of ${reference} at [${at.join(", ")}]`;
}

/** 0 for equal values, infinities and NaNs included; Infinity when only one of them is finite. */
function distance(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
}

function position(index: number, shape: Shape): Shape {
  let rest = index;
  return shape
    .toReversed()
    .map((size) => {
      const here = rest % size;
      rest = (rest - here) / size;
      return here;
    })
    .toReversed();
}
