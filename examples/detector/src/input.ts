/** 8-bit RGB, as edge:image has it. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A square of `side` pixels with the picture in its middle, from -1 (black) to 1, rows by columns by colours: [1, side, side, 3]. */
export function squareInput({ width, height, data }: Pixels, side: number): Float32Array {
  if (width > side || height > side)
    throw new RangeError(`${width} x ${height} pixels do not fit into ${side} x ${side}`);
  const input = new Float32Array(side * side * 3).fill(-1);
  const { left, top } = margins({ width, height }, side);
  for (let y = 0; y < height; y++) {
    const from = y * width * 3;
    const to = ((y + top) * side + left) * 3;
    for (let i = 0; i < width * 3; i++) input[to + i] = (data[from + i] ?? 0) / 127.5 - 1;
  }
  return input;
}

/** Pixels beside and above a picture in the middle of a square. */
export function margins(
  { width, height }: { width: number; height: number },
  side: number,
): { left: number; top: number } {
  return { left: Math.floor((side - width) / 2), top: Math.floor((side - height) / 2) };
}
