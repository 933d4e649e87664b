import type { Image } from "edge:image";
import type { Model } from "edge:nn";
import { inputSize, padded } from "./input.js";
import { shrink } from "./shrink.js";

export interface FoundFace {
  readonly text: string;
  /** How far the face is from being none, as the network has it: 0 is in doubt, 1 is sure. */
  readonly score: number;
  /** In pixels of the picture, clockwise from the top left. */
  readonly box: readonly (readonly [number, number])[];
}

/** Numbers that the model gives for each face: left, top, right, bottom in pixels of its input, and a score. */
const columns = 5;

/** Finds faces. The surest is the first. */
export async function detect(model: Pick<Model, "run" | "inputs">, image: Image): Promise<FoundFace[]> {
  const [rows, cols] = [model.inputs[0]?.dimensions[1], model.inputs[0]?.dimensions[2]];
  if (rows === undefined || cols === undefined) throw new Error("the model does not take [1, rows, columns, 3]");
  const size = inputSize(image, { rows, cols });
  const small = await shrink(image, size.width, size.height);
  const { width, height, data } = padded(small, { width: cols.min, height: rows.min });
  const outputs: Record<string, { data: ArrayLike<number | bigint> } | undefined> = await model.run({
    image: { shape: [1, height, width, 3], data },
  });
  const found = outputs.faces?.data;
  if (!(found instanceof Float32Array)) throw new Error("the model gave no 32-bit floats as faces");
  const x = (value: number) => clamp(value * (image.width / size.width), image.width);
  const y = (value: number) => clamp(value * (image.height / size.height), image.height);
  return Array.from({ length: found.length / columns }, (_, index) => {
    const [left = 0, top = 0, right = 0, bottom = 0, score = 0] = found.subarray(
      index * columns,
      (index + 1) * columns,
    );
    const [x1, x2, y1, y2] = [x(left), x(right), y(top), y(bottom)];
    return {
      text: `face ${index + 1}`,
      score: Math.round(score * 1000) / 1000,
      box: [
        [x1, y1],
        [x2, y1],
        [x2, y2],
        [x1, y2],
      ],
    };
  });
}

function clamp(value: number, size: number): number {
  return Math.min(Math.max(Math.round(value), 0), size);
}
