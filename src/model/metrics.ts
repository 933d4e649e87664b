import type { CheckMetric } from "../catalog/check.js";
import type { Judgement } from "./compare.js";
import type { Shape } from "./shapes.js";

export interface Measured {
  readonly expected: ArrayLike<number>;
  readonly actual: ArrayLike<number>;
  readonly maxAbsolute: number;
  readonly shape: Shape;
  readonly tolerance: number;
}

/** Judges one output by a metric other than the default one; see catalog/check.ts for what each says. */
export function measure(metric: Exclude<CheckMetric, "agreement">, values: Measured): Judgement[] {
  const { tolerance: allowed, maxAbsolute } = values;
  switch (metric) {
    case "max-abs":
      return [{ rule: "max-abs", measured: maxAbsolute, allowed }];
    case "cosine":
      return [{ rule: "cosine", measured: cosineDistance(values), allowed }];
    case "top-1":
      return [{ rule: "top-1", measured: otherTop(values), allowed }];
  }
}

/** 1 - cos of the angle; 0 for two outputs of zeros, 1 when one is; Infinity when one of two values is not finite. */
function cosineDistance({ expected, actual }: Measured): number {
  let product = 0;
  let squares = 0;
  let squaresOf = 0;
  for (let index = 0; index < expected.length; index++) {
    const a = expected[index] ?? Number.NaN;
    const b = actual[index] ?? Number.NaN;
    if (!Number.isFinite(a) || !Number.isFinite(b)) {
      if (Object.is(a, b)) continue;
      return Number.POSITIVE_INFINITY;
    }
    product += a * b;
    squares += a * a;
    squaresOf += b * b;
  }
  if (squares === 0 || squaresOf === 0) return squares === squaresOf ? 0 : 1;
  return Math.max(0, 1 - product / Math.sqrt(squares) / Math.sqrt(squaresOf));
}

/** The part of rows whose largest value is at another place. Among equal largest values of the reference any place is right. */
function otherTop({ expected, actual, shape }: Measured): number {
  const width = shape.at(-1) ?? 1;
  const rows = expected.length / width;
  let others = 0;
  for (let row = 0; row < rows; row++) {
    let top = row * width;
    let wanted = Number.NEGATIVE_INFINITY;
    let isNumber = true;
    for (let index = row * width; index < (row + 1) * width; index++) {
      const value = actual[index] ?? Number.NaN;
      if (Number.isNaN(value)) isNumber = false;
      if (value > (actual[top] ?? Number.NaN)) top = index;
      wanted = Math.max(wanted, expected[index] ?? Number.NaN);
    }
    if (!isNumber || expected[top] !== wanted) others++;
  }
  return rows === 0 ? 0 : others / rows;
}
