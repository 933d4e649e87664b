import type { Image } from "edge:image";
import type { Model } from "edge:nn";
import { mergeFaces, readGrid, splitGrids } from "./anchors.js";
import { type FoundFace, framed } from "./face.js";
import { margins, squareInput } from "./input.js";
import { shrink } from "./shrink.js";

/** The model's input, in pixels. */
const side = 128;

/** Less sure guesses are mostly no faces. */
const minScore = 0.6;

/** What of a loaded model is used: its input and results have other names in each export. */
type Detector = Pick<Model, "run" | "inputs">;

/** Finds faces that are at least about a tenth of the picture's longer side. The surest is the first. */
export async function detect(model: Detector, image: Image): Promise<FoundFace[]> {
  const scale = side / Math.max(image.width, image.height);
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const data = squareInput(await shrink(image, width, height), side);
  const outputs = await model.run({ [model.inputs[0]?.name ?? ""]: { shape: [1, side, side, 3], data } });
  const floats = Object.values(outputs).map(({ data: found }) => {
    if (!(found instanceof Float32Array)) throw new Error("the model gave no 32-bit floats");
    return found;
  });
  const guesses = splitGrids(floats).flatMap((grid) => readGrid(grid, { side, minScore }));
  const { left, top } = margins({ width, height }, side);
  const x = (part: number) => (part * side - left) * (image.width / width);
  const y = (part: number) => (part * side - top) * (image.height / height);
  return mergeFaces(guesses).map((face, index) => {
    const edges = { left: x(face.x), right: x(face.x + face.width), top: y(face.y), bottom: y(face.y + face.height) };
    return framed({ edges, score: face.score }, { index, width: image.width, height: image.height });
  });
}
