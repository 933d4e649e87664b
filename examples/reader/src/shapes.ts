/** Sizes that a model's dimension may have: min, min + step, ..., max (see edge:nn). */
export interface Sizes {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** The allowed size nearest to `wanted`. */
export function nearest(sizes: Sizes, wanted: number): number {
  return onGrid(sizes, Math.round((wanted - sizes.min) / sizes.step));
}

/** The smallest allowed size that holds `wanted`; the largest one when none does. */
export function atLeast(sizes: Sizes, wanted: number): number {
  return onGrid(sizes, Math.ceil((wanted - sizes.min) / sizes.step));
}

function onGrid({ min, max, step }: Sizes, steps: number): number {
  return min + Math.min(Math.max(steps, 0), Math.floor((max - min) / step)) * step;
}
