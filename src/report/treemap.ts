export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Divides an area in proportion to values (descending, positive), in rows whose cells are near to squares.
 * Source: Bruls, Huizing, van Wijk, "Squarified Treemaps", 2000.
 */
export function squarify(values: readonly number[], area: Rectangle): Rectangle[] {
  const total = values.reduce((sum, value) => sum + value, 0);
  if (total <= 0) return values.map(() => ({ ...area, width: 0, height: 0 }));
  const scale = (area.width * area.height) / total;
  const cells: Rectangle[] = [];
  let rest = area;
  for (let start = 0; start < values.length; ) {
    const side = Math.min(rest.width, rest.height);
    let end = start + 1;
    while (
      end < values.length &&
      worst(values.slice(start, end + 1), scale, side) <= worst(values.slice(start, end), scale, side)
    )
      end++;
    const row = values.slice(start, end);
    const sum = row.reduce((all, value) => all + value, 0) * scale;
    const thickness = side === 0 ? 0 : sum / side;
    const across = rest.width >= rest.height;
    let offset = 0;
    for (const value of row) {
      const length = thickness === 0 ? 0 : (value * scale) / thickness;
      cells.push(
        across
          ? { x: rest.x, y: rest.y + offset, width: thickness, height: length }
          : { x: rest.x + offset, y: rest.y, width: length, height: thickness },
      );
      offset += length;
    }
    rest = across
      ? { x: rest.x + thickness, y: rest.y, width: rest.width - thickness, height: rest.height }
      : { x: rest.x, y: rest.y + thickness, width: rest.width, height: rest.height - thickness };
    start = end;
  }
  return cells;
}

/** The largest ratio of sides in a row of cells. */
function worst(row: readonly number[], scale: number, side: number): number {
  const sum = row.reduce((all, value) => all + value, 0) * scale;
  const largest = (row[0] ?? 0) * scale;
  const smallest = (row.at(-1) ?? 0) * scale;
  return Math.max((side * side * largest) / (sum * sum), (sum * sum) / (side * side * smallest));
}
