/** Plane geometry in pixels; x grows to the right, y downwards. Nothing here knows of images or models. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Four corners, clockwise on the screen. */
export type Quad = readonly [Point, Point, Point, Point];

/** A rectangle at any angle: (ux, uy) is the unit vector along its width. */
export interface Rect {
  readonly cx: number;
  readonly cy: number;
  readonly ux: number;
  readonly uy: number;
  readonly width: number;
  readonly height: number;
}

/** Convex hull, counter-clockwise in a y-up system; collinear and repeated points are dropped. */
export function convexHull(points: readonly Point[]): Point[] {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  if (sorted.length < 3) return sorted;
  const lower = halfHull(sorted);
  const upper = halfHull(sorted.reverse());
  return [...lower.slice(0, -1), ...upper.slice(0, -1)];
}

function halfHull(sorted: readonly Point[]): Point[] {
  const hull: Point[] = [];
  for (const point of sorted) {
    for (;;) {
      const a = hull.at(-2);
      const b = hull.at(-1);
      if (a === undefined || b === undefined) break;
      if ((b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x) > 0) break;
      hull.pop();
    }
    hull.push(point);
  }
  return hull;
}

/** Smallest rectangle around the points: one of its sides lies on a side of their convex hull. Undefined for no points. */
export function minAreaRect(points: readonly Point[]): Rect | undefined {
  const hull = convexHull(points);
  const [first] = hull;
  if (first === undefined) return undefined;
  let best: Rect | undefined;
  let previous = hull.at(-1) ?? first;
  for (const point of hull) {
    const length = Math.hypot(point.x - previous.x, point.y - previous.y);
    if (length > 0) {
      const rect = rectAlong(hull, (point.x - previous.x) / length, (point.y - previous.y) / length);
      if (best === undefined || rect.width * rect.height < best.width * best.height) best = rect;
    }
    previous = point;
  }
  return best ?? { cx: first.x, cy: first.y, ux: 1, uy: 0, width: 0, height: 0 };
}

function rectAlong(points: readonly Point[], ux: number, uy: number): Rect {
  let minU = Number.POSITIVE_INFINITY;
  let maxU = Number.NEGATIVE_INFINITY;
  let minV = Number.POSITIVE_INFINITY;
  let maxV = Number.NEGATIVE_INFINITY;
  for (const { x, y } of points) {
    const u = x * ux + y * uy;
    const v = y * ux - x * uy;
    if (u < minU) minU = u;
    if (u > maxU) maxU = u;
    if (v < minV) minV = v;
    if (v > maxV) maxV = v;
  }
  const u = (minU + maxU) / 2;
  const v = (minV + maxV) / 2;
  return { cx: u * ux - v * uy, cy: u * uy + v * ux, ux, uy, width: maxU - minU, height: maxV - minV };
}

/** The rectangle with `distance` added on each of its four sides. */
export function grow(rect: Rect, distance: number): Rect {
  return { ...rect, width: rect.width + 2 * distance, height: rect.height + 2 * distance };
}

/** Corners clockwise, the first one the top left when the rectangle's sides are turned by at most 45 degrees. */
export function corners(rect: Rect): Quad {
  const upright = uprightRect(rect);
  const { cx, cy, ux, uy } = upright;
  const w = upright.width / 2;
  const h = upright.height / 2;
  const at = (u: number, v: number): Point => ({ x: cx + u * ux - v * uy, y: cy + u * uy + v * ux });
  return [at(-w, -h), at(w, -h), at(w, h), at(-w, h)];
}

/** The same rectangle with the one of its four directions as width that points most to the right. */
function uprightRect(rect: Rect): Rect {
  const { ux, uy, width, height } = rect;
  if (Math.abs(ux) >= Math.abs(uy)) {
    return ux >= 0 ? rect : { ...rect, ux: -ux, uy: -uy };
  }
  const turned = { ...rect, width: height, height: width };
  return uy > 0 ? { ...turned, ux: uy, uy: -ux } : { ...turned, ux: -uy, uy: ux };
}

/** The same corners, beginning `steps` corners later. */
export function startAt(quad: Quad, steps: 0 | 1 | 2 | 3): Quad {
  const [a, b, c, d] = quad;
  if (steps === 1) return [b, c, d, a];
  if (steps === 2) return [c, d, a, b];
  if (steps === 3) return [d, a, b, c];
  return quad;
}

/** Lengths of the longer of each two opposite sides. */
export function quadSize(quad: Quad): { width: number; height: number } {
  const side = (a: Point, b: Point) => Math.hypot(a.x - b.x, a.y - b.y);
  const [a, b, c, d] = quad;
  return { width: Math.max(side(a, b), side(d, c)), height: Math.max(side(a, d), side(b, c)) };
}

export function scaleQuad(quad: Quad, sx: number, sy: number): Quad {
  const scale = (p: Point): Point => ({ x: p.x * sx, y: p.y * sy });
  return [scale(quad[0]), scale(quad[1]), scale(quad[2]), scale(quad[3])];
}

/** Where the horizontal line at `y` crosses a convex quadrilateral: [from, to], or undefined when it misses it. */
export function spanAt(quad: Quad, y: number): readonly [number, number] | undefined {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  let a = quad[3];
  for (const b of quad) {
    if (a.y <= y !== b.y <= y) {
      const x = a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x);
      if (x < from) from = x;
      if (x > to) to = x;
    }
    a = b;
  }
  return from <= to ? [from, to] : undefined;
}
