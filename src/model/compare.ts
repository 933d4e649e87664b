import type { CheckMetric } from "../catalog/check.js";
import { measure } from "./metrics.js";
import type { Shape } from "./shapes.js";
import { sameShape, shapeText } from "./shapes.js";
import { numbers, type Tensor } from "./tensor.js";

export interface Comparison {
  readonly name: string;
  /** How many values were compared: none of an empty result. */
  readonly values: number;
  /** Largest |actual - reference|; Infinity when the shapes differ or one of two values is not a number. */
  readonly maxAbsolute: number;
  /** The mean of |actual - reference|; Infinity as above, 0 of no values. */
  readonly meanAbsolute: number;
  /** Where maxAbsolute is: an index a dimension. */
  readonly at: Shape;
  readonly reference: number;
  readonly actual: number;
  /** What was judged, in units of the tolerance: at most 1 passes. */
  readonly judged: readonly Judgement[];
  /** Why nothing could be compared. */
  readonly mismatch?: string;
}

export interface Judgement {
  /**
   * "value": each value against the larger of 1 and itself. "maximum" and "RMS": against the output's own size, so that small outputs are
   * not exempt. "slice": each row, channel and so on against its own size, so that small ones are not hidden by large ones. Together they are
   * the metric "agreement"; the other metrics are a rule each.
   */
  readonly rule: "value" | "maximum" | "RMS" | "slice" | Exclude<CheckMetric, "agreement">;
  /** What was measured, in the rule's own measure, and what it may be. */
  readonly measured: number;
  readonly allowed: number;
  readonly where?: string;
}

/** Whether every judgement holds. */
export function passes({ mismatch, judged }: Comparison): boolean {
  return mismatch === undefined && judged.every(({ measured, allowed }) => measured <= allowed);
}

/** By what an output is judged. */
export interface Criterion {
  readonly metric: CheckMetric;
  readonly tolerance: number;
}

type Values = Pick<Tensor, "name" | "type" | "shape" | "data">;

/**
 * Compares all outputs of a run with those of the reference, by name. Throws when one is missing on either side, there is one too many or
 * there is none at all: nothing is ever compared with a stand-in.
 */
export function compareOutputs(
  reference: readonly Values[],
  actual: readonly Values[],
  criterionOf: (output: string) => Criterion,
): Comparison[] {
  const names = (list: readonly Values[]) => list.map(({ name }) => name).join(", ") || "none";
  const byName = new Map(actual.map((one) => [one.name, one]));
  const comparisons = reference.flatMap((one) => {
    const other = byName.get(one.name);
    return other === undefined ? [] : [compareTensors(one, other, criterionOf(one.name))];
  });
  if (reference.length === 0 || comparisons.length !== reference.length || actual.length !== reference.length)
    throw new Error(`the reference gives the outputs ${names(reference)}; compared would be ${names(actual)}`);
  return comparisons;
}

/** Compares two results of the same output, element by element. */
export function compareTensors(reference: Values, actual: Values, { metric, tolerance }: Criterion): Comparison {
  const { name } = reference;
  const differs = (mismatch: string): Comparison => ({
    name,
    values: 0,
    maxAbsolute: Number.POSITIVE_INFINITY,
    meanAbsolute: Number.POSITIVE_INFINITY,
    at: [],
    reference: Number.NaN,
    actual: Number.NaN,
    judged: [],
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
  let sum = 0;
  const differences = new Float64Array(a.length);
  for (let index = 0; index < a.length; index++) {
    const expected = a[index];
    const value = b[index];
    if (expected === undefined || value === undefined) return differs(`no value at ${index}`);
    const difference = distance(expected, value);
    differences[index] = difference;
    sum += difference;
    if (difference > maxAbsolute) {
      maxAbsolute = difference;
      worst = index;
    }
  }
  return {
    name,
    values: a.length,
    maxAbsolute,
    meanAbsolute: a.length === 0 ? 0 : sum / a.length,
    at: a.length === 0 ? [] : indexOf(worst, reference.shape),
    reference: a[worst] ?? Number.NaN,
    actual: b[worst] ?? Number.NaN,
    judged:
      metric === "agreement"
        ? judge({
            expected: a,
            differences: tolerance < rounding ? differences : differences.map((one) => Math.max(0, one - unit)),
            shape: reference.shape,
            tolerance,
          })
        : measure(metric, { expected: a, actual: b, maxAbsolute, shape: reference.shape, tolerance }),
  };
}

interface Judged {
  readonly expected: ArrayLike<number>;
  readonly differences: Float64Array;
  readonly shape: Shape;
  readonly tolerance: number;
}

/**
 * Sums in another order differ by some units of the last place of the largest addend: 2e-6 of the largest value is never an error. A slice
 * that differs by a twentieth of its own size is no rounding. A project that asks for less than this gets what it asks for: every difference
 * counts.
 */
export const rounding = 2e-6;
const sliceTolerance = 0.05;
const sliceLength = 16;
/** Four units of the last place of 1: a sigmoid rounds that much, however near its result is to 0. */
const unit = 5e-7;

function judge({ expected, differences, shape, tolerance }: Judged): Judgement[] {
  const count = differences.length;
  if (count === 0) return [];
  const size = (index: number) => {
    const value = Math.abs(expected[index] ?? 0);
    return Number.isFinite(value) ? value : 0;
  };
  let largest = 0;
  for (let index = 0; index < count; index++) largest = Math.max(largest, size(index));
  const slack = tolerance < rounding ? 0 : rounding * largest;
  let value: Judgement = { rule: "value", measured: 0, allowed: tolerance };
  let most = 0;
  let squares = 0;
  let squaresOf = 0;
  for (let index = 0; index < count; index++) {
    const difference = differences[index] ?? 0;
    if (difference === 0) {
      squaresOf += size(index) ** 2;
      continue;
    }
    const measured = Math.max(0, difference - slack) / Math.max(1, size(index));
    if (measured > value.measured)
      value = { rule: "value", measured, allowed: tolerance, where: `at [${indexOf(index, shape).join(", ")}]` };
    most = Math.max(most, difference);
    squares += difference ** 2;
    squaresOf += size(index) ** 2;
  }
  const relative = (difference: number, of: number) => (difference === 0 ? 0 : difference / of);
  return [
    value,
    { rule: "maximum", measured: relative(most, largest), allowed: tolerance },
    { rule: "RMS", measured: relative(Math.sqrt(squares), Math.sqrt(squaresOf)), allowed: tolerance },
    ...worstSlice({ expected: { length: count, size }, differences, shape, floor: slack, tolerance }),
  ];
}

/** The slice along any axis that is worst by its own size; those of fewer than 16 values say little. */
function worstSlice({
  expected,
  differences,
  shape,
  floor,
  tolerance,
}: {
  expected: { length: number; size: (index: number) => number };
  differences: Float64Array;
  shape: Shape;
  floor: number;
  tolerance: number;
}): Judgement[] {
  let worst: Judgement | undefined;
  let inner = expected.length;
  for (const [axis, extent] of shape.entries()) {
    inner /= extent;
    if (extent < 2 || expected.length / extent < sliceLength) continue;
    const squares = new Float64Array(extent);
    const squaresOf = new Float64Array(extent);
    for (let index = 0; index < expected.length; index++) {
      const slice = Math.floor(index / inner) % extent;
      squares[slice] = (squares[slice] ?? 0) + (differences[index] ?? 0) ** 2;
      squaresOf[slice] = (squaresOf[slice] ?? 0) + expected.size(index) ** 2;
    }
    const perSlice = expected.length / extent;
    for (let slice = 0; slice < extent; slice++) {
      const difference = Math.sqrt((squares[slice] ?? 0) / perSlice);
      if (difference <= floor) continue;
      const measured = difference / Math.sqrt((squaresOf[slice] ?? 0) / perSlice);
      if (worst !== undefined && measured <= worst.measured) continue;
      const indexes = shape.map((_, other) => (other === axis ? String(slice) : ":"));
      worst = {
        rule: "slice",
        measured,
        allowed: Math.max(sliceTolerance, tolerance),
        where: `in [${indexes.join(", ")}]`,
      };
    }
  }
  return worst === undefined ? [] : [worst];
}

const measures: Readonly<Record<Judgement["rule"], string>> = {
  value: "of 1 or of the value itself",
  maximum: "of the output's largest value",
  RMS: "of the output's RMS, root mean square",
  slice: "of that slice's RMS",
  "max-abs": "at most",
  cosine: "as 1 - cosine",
  "top-1": "of the rows with another top value",
};

/** One line that says how far off, where, and by which measure that is too much, for messages and reports. */
export function comparisonText(comparison: Comparison): string {
  const { name, maxAbsolute, at, reference, actual, mismatch, judged } = comparison;
  if (mismatch !== undefined) return `${name}: ${mismatch}`;
  if (comparison.values === 0) return `${name}: empty on both sides`;
  const short = (value: number) => (Number.isFinite(value) ? value.toExponential(1) : String(value));
  const failed = judged.filter(({ measured, allowed }) => !(measured <= allowed));
  const verdict = failed.map(
    ({ rule, measured, allowed, where }) =>
      `${short(measured)} ${measures[rule]}${where === undefined ? "" : ` ${where}`}, allowed ${allowed}`,
  );
  return `${name}: off by ${short(maxAbsolute)}, ${actual} instead of ${reference} at [${at.join(", ")}]${verdict.length === 0 ? ": within the tolerance" : `: ${verdict.join("; ")}`}`;
}

/** 0 for equal values, infinities and NaNs included; Infinity when only one of them is finite. */
function distance(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
}

/** An index a dimension of the n-th element. */
export function indexOf(index: number, shape: Shape): Shape {
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
