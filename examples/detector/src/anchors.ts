/**
 * BlazeFace (Bazarevsky et al., 2019) answers for a grid of places: at 16 x 16 points two guesses each, at 8 x 8 points six. A guess is a
 * score before the logistic function, and 16 numbers in pixels of the input, of which the first four are a box around the point.
 */
export interface Grid {
  /** Points in a row, and rows. */
  readonly cells: number;
  readonly guesses: number;
  /** cells * cells * guesses. */
  readonly scores: ArrayLike<number>;
  /** 16 for each score: x and y of the middle from the point, width, height, then six landmarks. */
  readonly boxes: ArrayLike<number>;
}

/** In units of the input's side: 0 to 1 is within. */
export interface Face {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** 0 to 1. */
  readonly score: number;
}

const numbers = 16;

const grids = [
  { cells: 16, guesses: 2 },
  { cells: 8, guesses: 6 },
] as const;

/**
 * The grids out of a model's results, which are told by how many numbers they have: some files have scores and boxes of each grid, MediaPipe's own
 * have all scores, and all boxes, of both in a row. Throws when one is missing.
 */
export function splitGrids(results: readonly Float32Array[]): Grid[] {
  const all = grids.reduce((sum, { cells, guesses }) => sum + cells * cells * guesses, 0);
  let start = 0;
  return grids.map((grid) => {
    const count = grid.cells * grid.cells * grid.guesses;
    const part = (each: number) => {
      const whole = results.find(({ length }) => length === all * each);
      const own = whole?.subarray(start * each, (start + count) * each);
      const found = own ?? results.find(({ length }) => length === count * each);
      if (found === undefined) throw new Error(`no result of the model has ${count * each} or ${all * each} numbers`);
      return found;
    };
    const split = { ...grid, scores: part(1), boxes: part(numbers) };
    start += count;
    return split;
  });
}

/** The guesses of a grid that are surer than `minScore`. `side` is the input's in pixels. Throws a RangeError when sizes do not fit. */
export function readGrid({ cells, guesses, scores, boxes }: Grid, options: { side: number; minScore: number }): Face[] {
  const count = cells * cells * guesses;
  if (scores.length !== count || boxes.length !== count * numbers)
    throw new RangeError(`${scores.length} scores and ${boxes.length} numbers are not those of ${count} guesses`);
  const faces: Face[] = [];
  for (let guess = 0; guess < count; guess++) {
    const score = 1 / (1 + Math.exp(-(scores[guess] ?? 0)));
    if (score < options.minScore) continue;
    const at = (index: number) => (boxes[guess * numbers + index] ?? 0) / options.side;
    const cell = Math.floor(guess / guesses);
    const [width, height] = [at(2), at(3)];
    const x = at(0) + ((cell % cells) + 0.5) / cells - width / 2;
    const y = at(1) + (Math.floor(cell / cells) + 0.5) / cells - height / 2;
    faces.push({ x, y, width, height, score });
  }
  return faces;
}

/**
 * One face of all guesses that overlap: the surest first, its box the mean of theirs by score, which is steadier than the surest alone.
 * @param minOverlap the common area as a part of both together, from which on two guesses are the same face
 */
export function mergeFaces(guesses: readonly Face[], minOverlap = 0.3): Face[] {
  const merged: Face[] = [];
  let left = [...guesses].sort((a, b) => b.score - a.score);
  while (left[0] !== undefined) {
    const [best] = left;
    const same = left.filter((one) => one === best || overlap(best, one) >= minOverlap);
    left = left.filter((one) => !same.includes(one));
    const weight = same.reduce((sum, { score }) => sum + score, 0);
    const mean = (key: "x" | "y" | "width" | "height") =>
      same.reduce((sum, one) => sum + one[key] * one.score, 0) / weight;
    merged.push({ x: mean("x"), y: mean("y"), width: mean("width"), height: mean("height"), score: best.score });
  }
  return merged;
}

/** Intersection over union. */
export function overlap(a: Face, b: Face): number {
  const wide = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const high = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (wide <= 0 || high <= 0) return 0;
  const common = wide * high;
  return common / (a.width * a.height + b.width * b.height - common);
}
