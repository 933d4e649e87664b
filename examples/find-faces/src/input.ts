/** 8-bit RGB, as edge:image has it. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

/** A picture's own size, or the largest with its proportions that a model takes; a side may be below its smallest, and is filled up. */
export function inputSize(
  { width, height }: { readonly width: number; readonly height: number },
  { rows, cols }: { readonly rows: Range; readonly cols: Range },
): { readonly width: number; readonly height: number } {
  const scale = Math.min(1, cols.max / width, rows.max / height);
  const size = (side: number, max: number) => Math.min(max, Math.max(1, Math.round(side * scale)));
  return { width: size(width, cols.max), height: size(height, rows.max) };
}

/** The picture with black pixels to its right and below it, where it is smaller than a model's smallest. */
export function padded(image: Pixels, least: { readonly width: number; readonly height: number }): Pixels {
  const width = Math.max(image.width, least.width);
  const height = Math.max(image.height, least.height);
  if (width === image.width && height === image.height) return image;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < image.height; y++)
    data.set(image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3), y * width * 3);
  return { width, height, data };
}
