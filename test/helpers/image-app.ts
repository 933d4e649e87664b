import { runSource } from "./edge-app.js";

/** 8-bit RGB, as the app has it. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: readonly number[];
}

const prelude = `import { decode, resize, crop, rotate, cropQuad, toTensor } from "edge:image";
  import { readFile } from "edge:fs";
  const show = (value) => console.log(JSON.stringify(value, (key, item) => ArrayBuffer.isView(item) ? Array.from(item) : item));
  const image = (width, height, data) => ({ width, height, data: new Uint8Array(data) });
  const code = async (work) => { try { await work(); return "none"; } catch (error) { return error.code ?? error.name; } };
  const file = async (name, options) => { try { return await decode(await readFile(name), options); } catch (error) { return { code: error.code ?? error.name, message: error.message }; } };\n`;

/** Runs code that calls `show` and gives what it showed. */
export async function shown(folder: string, code: string): Promise<unknown[]> {
  const { code: exit, stdout, stderr } = await runSource(folder, prelude + code);
  if (exit !== 0) throw new Error(stdout + stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

/** A picture without order, the same on each run. */
export function noise(width: number, height: number, seed = 1): Picture {
  let state = seed;
  const data = Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  return { width, height, data };
}

/** The picture as source text. */
export const literal = ({ width, height, data }: Picture): string => `image(${width}, ${height}, [${data.join(",")}])`;

/** The value of one channel at any place, edges replicated, bilinear: in plain doubles. */
function sample({ width, height, data }: Picture, x: number, y: number, channel: number): number {
  const cx = Math.min(Math.max(x, 0), width - 1);
  const cy = Math.min(Math.max(y, 0), height - 1);
  const left = Math.floor(cx);
  const top = Math.floor(cy);
  const at = (column: number, row: number): number =>
    data[(Math.min(row, height - 1) * width + Math.min(column, width - 1)) * 3 + channel] ?? Number.NaN;
  const upper = at(left, top) * (left + 1 - cx) + at(left + 1, top) * (cx - left);
  const lower = at(left, top + 1) * (left + 1 - cx) + at(left + 1, top + 1) * (cx - left);
  return upper * (top + 1 - cy) + lower * (cy - top);
}

/** Makes a picture from the source place of each pixel centre. */
export function warp(
  picture: Picture,
  width: number,
  height: number,
  place: (x: number, y: number) => [number, number],
): Picture {
  const data: number[] = [];
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const [x, y] = place(column + 0.5, row + 0.5);
      for (let channel = 0; channel < 3; channel++) data.push(sample(picture, x - 0.5, y - 0.5, channel));
    }
  return { width, height, data };
}

function isPicture(value: unknown): value is Picture {
  return typeof value === "object" && value !== null && "data" in value && Array.isArray(value.data);
}

/** The largest difference of two pictures of one size. */
export function distance(actual: unknown, expected: Picture): number {
  if (!isPicture(actual)) throw new Error(`no picture: ${JSON.stringify(actual)}`);
  if (
    actual.width !== expected.width ||
    actual.height !== expected.height ||
    actual.data.length !== expected.data.length
  )
    return Number.POSITIVE_INFINITY;
  return Math.max(...actual.data.map((value, i) => Math.abs(value - (expected.data[i] ?? Number.NaN))));
}
