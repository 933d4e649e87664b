import { type Image, toTensor } from "edge:image";
import type { Model } from "edge:nn";
import { findBoxes, type TextBox } from "./boxes.js";
import { scaleQuad } from "./geometry.js";
import { inputSize, runSingle } from "./picture.js";
import { shrink } from "./shrink.js";

/** The model was trained on pictures normalised with ImageNet's statistics, channels blue, green, red. */
const normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], order: "bgr" } as const;

/**
 * Finds lines of text. A picture larger than the model's largest declared size is shrunk to it, none is enlarged, so
 * the declared size bounds time and memory. Boxes are in pixels of `image`, in no particular order.
 */
export async function detect(model: Model, image: Image): Promise<TextBox[]> {
  const most = inputSize(model, image);
  const scale = Math.min(1, most.width / image.width, most.height / image.height);
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  const { name, ...size } = inputSize(model, { width, height });
  const tensor = await toTensor(await shrink(image, width, height), { ...normalisation, ...size });
  const map = await runSingle(model, { name, tensor });
  return findBoxes({ ...size, data: map.data }).map(({ quad, score }) => ({
    quad: scaleQuad(quad, image.width / width, image.height / height),
    score,
  }));
}
