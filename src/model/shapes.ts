import { compareText } from "../ground/canonical.js";
/** Sizes that one dimension may have: min, min + step, ..., max. A fixed one has min = max. */
export interface Dimension {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

export type Shape = readonly number[];

/** The shapes that an input may have: each combination of `dims`, or only the whole `shapes`. */
export type ShapeSet = { readonly dims: readonly Dimension[] } | { readonly shapes: readonly Shape[] };

/** Number of elements. */
export function elements(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** `1x3x48x320`, as messages show it. */
export function shapeText(shape: Shape): string {
  return shape.length === 0 ? "scalar" : shape.join("x");
}

export function allows(set: ShapeSet, shape: Shape): boolean {
  if ("shapes" in set) return set.shapes.some((candidate) => sameShape(candidate, shape));
  return (
    set.dims.length === shape.length &&
    set.dims.every((dim, axis) => {
      const size = shape[axis] ?? 0;
      return size >= dim.min && size <= dim.max && (size - dim.min) % dim.step === 0;
    })
  );
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Whether more than one shape is allowed. */
export function isDynamic(set: ShapeSet): boolean {
  return "shapes" in set ? set.shapes.length > 1 : set.dims.some((dim) => dim.max > dim.min);
}

/**
 * Where a range is checked: its smallest shape, and one in between whose sizes stand in other proportions than those
 * that traceShapes shows, since an error that depends on the shape hides where the converter has looked. The largest
 * is left out: under emulation it takes longest and proves least. One shape when only one is allowed. `part` tells where between smallest and
 * largest the second is on an axis.
 */
export function probeShapes(
  set: ShapeSet,
  part: (axis: number) => number = (axis) => (axis % 2 === 0 ? 1 / 2 : 1 / 3),
): readonly Shape[] {
  const probes =
    "shapes" in set
      ? [bySize(set.shapes)[0] ?? [], bySize(set.shapes)[Math.floor(set.shapes.length / 2)] ?? []]
      : [set.dims.map((dim) => dim.min), set.dims.map((dim, axis) => between(dim, part(axis)))];
  return probes.filter((shape, index) => probes.findIndex((other) => sameShape(other, shape)) === index);
}

/**
 * The shapes a tracing converter is shown: the largest, and a middle one that differs from it in every open dimension.
 * Not the smallest: there, strides leave sizes of 1, which a tracer takes for constants.
 */
export function traceShapes(set: ShapeSet): readonly [Shape] | readonly [Shape, Shape] {
  const largest = "shapes" in set ? (bySize(set.shapes).at(-1) ?? []) : set.dims.map((dim) => dim.max);
  if (!isDynamic(set)) return [largest];
  const second =
    "shapes" in set
      ? set.shapes.reduce((best, shape) => (differing(shape, largest) > differing(best, largest) ? shape : best))
      : set.dims.map((dim) => between(dim, 1 / 2));
  return [largest, second];
}

/** The allowed size next below min + part * (max - min). */
function between({ min, max, step }: Dimension, part: number): number {
  return min + Math.floor(((max - min) * part) / step) * step;
}

function bySize(shapes: readonly Shape[]): readonly Shape[] {
  return [...shapes].sort((a, b) => elements(a) - elements(b));
}

function differing(a: Shape, b: Shape): number {
  return a.filter((size, axis) => size !== b[axis]).length;
}

/** What the shapes of a run's inputs, as texts by name, are known by. */
export function shapesKey(shapes: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(shapes).sort(([a], [b]) => compareText(a, b)));
}
