import { type Point, type Quad, quadSize } from "./geometry.js";

/** What has a place in the picture. The box begins at the text's own top left, so it tells which way up the text is. */
export interface Placed {
  readonly box: Quad;
}

/**
 * Sorts lines as a person reads them: rows from top to bottom, within a row from left to right. Boxes whose centres are
 * less than half a line apart share a row. When most of the text stands on its head, so does the order.
 */
export function readingOrder<T extends Placed>(lines: readonly T[]): T[] {
  const upsideDown = lines.filter(({ box }) => box[1].x < box[0].x).length * 2 > lines.length;
  const sign = upsideDown ? -1 : 1;
  const placed = lines.map((line) => ({ line, ...middle(line.box, sign), height: quadSize(line.box).height }));
  placed.sort((a, b) => a.y - b.y || a.x - b.x);
  const rows: (typeof placed)[] = [];
  for (const item of placed) {
    const row = rows.at(-1);
    const [head] = row ?? [];
    if (row === undefined || head === undefined || item.y - head.y > Math.min(head.height, item.height) / 2)
      rows.push([item]);
    else row.push(item);
  }
  return rows.flatMap((row) => row.sort((a, b) => a.x - b.x).map(({ line }) => line));
}

function middle(box: Quad, sign: 1 | -1): Point {
  const mean = (values: readonly number[]) => (sign * values.reduce((a, b) => a + b, 0)) / values.length;
  return { x: mean(box.map((p) => p.x)), y: mean(box.map((p) => p.y)) };
}
