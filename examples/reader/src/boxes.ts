/**
 * Post-processing of "differentiable binarization" (Liao et al., AAAI 2020): from the detector's map of probabilities to
 * rectangles around lines of text.
 */
import { corners, grow, minAreaRect, type Point, type Quad, spanAt } from "./geometry.js";

/** One probability a pixel, rows top to bottom: `data.length === width * height`. */
export interface ProbabilityMap {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}

export interface BoxOptions {
  /** A pixel above it belongs to text. */
  readonly threshold: number;
  /** A box is dropped when the mean of the map inside is below it. */
  readonly minScore: number;
  /** The model marks the core of a line only; the box grows by area * unclip / perimeter. */
  readonly unclip: number;
  /** A box whose core is thinner (in pixels of the map) is dropped. */
  readonly minSide: number;
}

/** What PP-OCR's own settings are, the unclip ratio as its server models have it. */
export const defaultBoxOptions: BoxOptions = { threshold: 0.3, minScore: 0.55, unclip: 1.6, minSide: 3 };

export interface TextBox {
  /** In pixels of the map, clockwise from the top left; may reach beyond the map. */
  readonly quad: Quad;
  readonly score: number;
}

/** A horizontal run of text pixels: x from `from` to before `to`. */
interface Run {
  readonly y: number;
  readonly from: number;
  readonly to: number;
  /** Index into the table of parents. */
  readonly label: number;
}

/** Boxes around the connected areas (8 neighbours) of a map, in no particular order. */
export function findBoxes(map: ProbabilityMap, options: BoxOptions = defaultBoxOptions): TextBox[] {
  const boxes: TextBox[] = [];
  for (const outline of outlines(map, options.threshold)) {
    const core = minAreaRect(outline);
    if (core === undefined || Math.min(core.width, core.height) < options.minSide) continue;
    const score = meanInside(map, corners(core));
    if (score < options.minScore) continue;
    const distance = (core.width * core.height * options.unclip) / (2 * (core.width + core.height));
    boxes.push({ quad: corners(grow(core, distance)), score });
  }
  return boxes;
}

/** For each connected area the outer corners of its pixels, enough for its convex hull. */
export function outlines(map: ProbabilityMap, threshold: number): Point[][] {
  const parents: number[] = [];
  const all: Run[] = [];
  let above: Run[] = [];
  for (let y = 0; y < map.height; y++) {
    const row = runsOfRow(map, y, threshold, parents);
    joinRows(above, row, parents);
    for (const run of row) all.push(run);
    above = row;
  }
  const areas = new Map<number, Point[]>();
  for (const run of all) {
    const root = rootOf(parents, run.label);
    const points = areas.get(root) ?? [];
    if (points.length === 0) areas.set(root, points);
    points.push({ x: run.from, y: run.y }, { x: run.to, y: run.y });
    points.push({ x: run.from, y: run.y + 1 }, { x: run.to, y: run.y + 1 });
  }
  return [...areas.values()];
}

function runsOfRow(map: ProbabilityMap, y: number, threshold: number, parents: number[]): Run[] {
  const { width, data } = map;
  const runs: Run[] = [];
  const base = y * width;
  let from = -1;
  for (let x = 0; x <= width; x++) {
    const text = x < width && (data[base + x] ?? 0) > threshold;
    if (text && from < 0) from = x;
    if (!text && from >= 0) {
      runs.push({ y, from, to: x, label: parents.length });
      parents.push(parents.length);
      from = -1;
    }
  }
  return runs;
}

/** Unites the runs of two neighbouring rows that touch, also at a corner. */
function joinRows(above: readonly Run[], below: readonly Run[], parents: number[]): void {
  let first = 0;
  for (const run of below) {
    for (let i = first; i < above.length; i++) {
      const other = above[i];
      if (other === undefined || other.from > run.to) break;
      if (other.to < run.from) {
        first = i + 1;
        continue;
      }
      const a = rootOf(parents, other.label);
      const b = rootOf(parents, run.label);
      parents[Math.max(a, b)] = Math.min(a, b);
    }
  }
}

function rootOf(parents: number[], label: number): number {
  let root = label;
  for (let parent = parents[root]; parent !== undefined && parent !== root; parent = parents[root]) root = parent;
  parents[label] = root;
  return root;
}

/** Mean of the map over the pixels whose centre lies inside a convex quadrilateral; 0 when there are none. */
export function meanInside(map: ProbabilityMap, quad: Quad): number {
  const ys = quad.map((p) => p.y);
  const top = Math.max(0, Math.floor(Math.min(...ys)));
  const bottom = Math.min(map.height, Math.ceil(Math.max(...ys)));
  let sum = 0;
  let count = 0;
  for (let y = top; y < bottom; y++) {
    const span = spanAt(quad, y + 0.5);
    if (span === undefined) continue;
    const from = Math.max(0, Math.ceil(span[0] - 0.5));
    const to = Math.min(map.width - 1, Math.floor(span[1] - 0.5));
    for (let x = from; x <= to; x++) {
      sum += map.data[y * map.width + x] ?? 0;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}
