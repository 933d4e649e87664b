import { elements, type Shape } from "./shapes.js";
import { type ElementType, elementSize, type Tensor } from "./tensor.js";

/**
 * Makes the same input for the same arguments, to compare two engines with. Images (rank 4 with 1 or 3 channels, either
 * order) get a picture: soft light, and strokes in rows like writing, in the range -1..1. A detector's answer to noise
 * is nearly zero everywhere and would hide any error; to such pictures it is not. Everything else gets noise: -1..1, or
 * for integers 0..9 (u8 the whole range), which are valid indexes in nearly every vocabulary.
 */
export function makeTestInput(name: string, type: ElementType, shape: Shape, seed = 1, range?: Range): Tensor {
  const random = generator(seed);
  const data = new Uint8Array(elements(shape) * elementSize[type]);
  const view = new DataView(data.buffer);
  if (range !== undefined) {
    for (let index = 0; index < elements(shape); index++) writeValue(view, index, type, within(range, type, random()));
    return { name, type, shape, data };
  }
  const layout = imageLayout(shape);
  if (layout !== undefined && (type === "f32" || type === "u8")) {
    const picture = draw(layout.width, layout.height, layout.channels, random);
    const value =
      type === "f32"
        ? (index: number, level: number) => view.setFloat32(index * 4, level * 2 - 1, true)
        : (index: number, level: number) => view.setUint8(index, Math.round(level * 255));
    for (let image = 0; image < layout.batch; image++)
      for (let y = 0; y < layout.height; y++)
        for (let x = 0; x < layout.width; x++)
          for (let c = 0; c < layout.channels; c++)
            value(layout.index(image, c, y, x), picture[(c * layout.height + y) * layout.width + x] ?? 0);
    return { name, type, shape, data };
  }
  for (let index = 0; index < elements(shape); index++) writeNoise(view, index, type, random);
  return { name, type, shape, data };
}

/** A tensor filled with some values, again and again. Throws a RangeError for the first that its type does not have. */
export function listedInput(
  { name, type, shape }: Pick<Tensor, "name" | "type" | "shape">,
  values: readonly number[],
): Tensor {
  const limits: Readonly<Record<Exclude<ElementType, "f32">, readonly [number, number]>> = {
    i8: [-128, 127],
    u8: [0, 255],
    i32: [-(2 ** 31), 2 ** 31 - 1],
    i64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  };
  for (const value of values)
    if (type !== "f32" && (!Number.isInteger(value) || value < limits[type][0] || value > limits[type][1]))
      throw new RangeError(`${value} is no ${type}`);
  const data = new Uint8Array(elements(shape) * elementSize[type]);
  const view = new DataView(data.buffer);
  for (let index = 0; index < elements(shape); index++)
    writeValue(view, index, type, values[index % values.length] ?? 0);
  return { name, type, shape, data };
}

/** Both ends may be given. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

function within({ min, max }: Range, type: ElementType, part: number): number {
  return type === "f32" ? min + part * (max - min) : Math.floor(min + part * (max - min + 1));
}

/** Writes a number as an element of a type. */
export function writeValue(view: DataView, index: number, type: ElementType, value: number): void {
  switch (type) {
    case "f32":
      view.setFloat32(index * 4, value, true);
      break;
    case "u8":
      view.setUint8(index, value);
      break;
    case "i8":
      view.setInt8(index, value);
      break;
    case "i32":
      view.setInt32(index * 4, value, true);
      break;
    case "i64":
      view.setBigInt64(index * 8, BigInt(Math.trunc(value)), true);
      break;
  }
}

interface Layout {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  index(image: number, channel: number, y: number, x: number): number;
}

/** Whether a shape is that of pictures, planar (NCHW) or interleaved (NHWC). */
function imageLayout(shape: Shape): Layout | undefined {
  const [batch = 0, b = 0, c = 0, d = 0] = shape;
  if (shape.length !== 4) return undefined;
  if ((b === 1 || b === 3) && c >= 8 && d >= 8)
    return { batch, channels: b, height: c, width: d, index: (n, ch, y, x) => ((n * b + ch) * c + y) * d + x };
  if ((d === 1 || d === 3) && b >= 8 && c >= 8)
    return { batch, channels: d, height: b, width: c, index: (n, ch, y, x) => ((n * b + y) * c + x) * d + ch };
  return undefined;
}

/** Levels 0..1, planar: rows of dark strokes on a bright, slowly changing ground. */
function draw(width: number, height: number, channels: number, random: () => number): Float32Array {
  const levels = new Float32Array(width * height * channels);
  const slopes = Array.from({ length: channels }, () => [random() * 0.3, random() * 0.3] as const);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        levels[(c * height + y) * width + x] =
          0.95 - (slopes[c]?.[0] ?? 0) * (x / width) - (slopes[c]?.[1] ?? 0) * (y / height);
  const row = Math.min(Math.max(16, Math.round(height / 8)), 48, height);
  for (let top = 0; top + row <= height; top += row + Math.round(row / 2)) {
    const cell = row * 0.55;
    for (let left = row / 4; left + cell <= width - row / 4; left += cell) {
      if (random() < 0.15) continue; // a gap between words
      const ink = Array.from({ length: channels }, () => random() * 0.15);
      for (let stroke = 0; stroke < 3; stroke++) {
        const from = [left + random() * cell * 0.8, top + row * (0.15 + random() * 0.7)] as const;
        const to = [left + random() * cell * 0.8, top + row * (0.15 + random() * 0.7)] as const;
        drawLine(levels, { width, height, from, to, thickness: Math.max(1, row / 10), ink });
      }
    }
  }
  return levels;
}

interface Line {
  readonly width: number;
  readonly height: number;
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly thickness: number;
  readonly ink: readonly number[];
}

function drawLine(levels: Float32Array, { width, height, from, to, thickness, ink }: Line): void {
  const steps = Math.ceil(Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]), 1) * 2);
  const radius = Math.ceil(thickness / 2);
  for (let step = 0; step <= steps; step++) {
    const x = Math.round(from[0] + ((to[0] - from[0]) * step) / steps);
    const y = Math.round(from[1] + ((to[1] - from[1]) * step) / steps);
    for (let v = Math.max(0, y - radius); v <= Math.min(height - 1, y + radius); v++)
      for (let u = Math.max(0, x - radius); u <= Math.min(width - 1, x + radius); u++)
        for (let c = 0; c < ink.length; c++) levels[(c * height + v) * width + u] = ink[c] ?? 0;
  }
}

function writeNoise(view: DataView, index: number, type: ElementType, random: () => number): void {
  const range = type === "f32" ? undefined : type === "u8" ? { min: 0, max: 255 } : { min: 0, max: 9 };
  writeValue(view, index, type, range === undefined ? random() * 2 - 1 : within(range, type, random()));
}

/** Numbers in 0..1, the same for the same seed: a counter mixed by MurmurHash3's 32-bit finalizer. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  };
}
