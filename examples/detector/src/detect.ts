import type { Image } from "edge:image";
import type { Model } from "edge:nn";
import { mergeFaces, readGrid } from "./anchors.js";
import { margins, squareInput } from "./input.js";
import { shrink } from "./shrink.js";

/** The model's input, in pixels. */
const side = 128;

/** Less sure guesses are mostly no faces. */
const minScore = 0.6;

/** The results' names: scores and boxes of the two grids. */
const grids = [
  { cells: 16, guesses: 2, scores: "Identity:0", boxes: "Identity_2:0" },
  { cells: 8, guesses: 6, scores: "Identity_1:0", boxes: "Identity_3:0" },
] as const;

export interface FoundFace {
  readonly text: string;
  readonly score: number;
  /** In pixels of the picture, clockwise from the top left. */
  readonly box: readonly (readonly [number, number])[];
}

/** Finds faces that are at least about a tenth of the picture's longer side. The surest is the first. */
export async function detect(model: Pick<Model, "run">, image: Image): Promise<FoundFace[]> {
  const scale = side / Math.max(image.width, image.height);
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const data = squareInput(await shrink(image, width, height), side);
  const outputs: Record<string, { data: ArrayLike<number | bigint> } | undefined> = await model.run({
    "input:0": { shape: [1, side, side, 3], data },
  });
  const floats = (name: string): Float32Array => {
    const found = outputs[name]?.data;
    if (!(found instanceof Float32Array)) throw new Error(`the model gave no 32-bit floats as ${name}`);
    return found;
  };
  const guesses = grids.flatMap(({ scores, boxes, ...grid }) =>
    readGrid({ ...grid, scores: floats(scores), boxes: floats(boxes) }, { side, minScore }),
  );
  const { left, top } = margins({ width, height }, side);
  const x = (part: number) => clamp((part * side - left) * (image.width / width), image.width);
  const y = (part: number) => clamp((part * side - top) * (image.height / height), image.height);
  return mergeFaces(guesses).map((face, index) => {
    const [x1, x2] = [x(face.x), x(face.x + face.width)];
    const [y1, y2] = [y(face.y), y(face.y + face.height)];
    return {
      text: `face ${index + 1}`,
      score: Math.round(face.score * 1000) / 1000,
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
