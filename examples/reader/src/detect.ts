import { type Image, toTensor } from "edge:image";
import type { Model } from "edge:nn";
import { findBoxes, type TextBox } from "./boxes.js";
import { scaleQuad } from "./geometry.js";
import { inputSizes, runSingle, shrink } from "./picture.js";
import { nearest } from "./shapes.js";

/** The model was trained on pictures normalised with ImageNet's statistics, channels blue, green, red. */
const normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], order: "bgr" } as const;

/**
 * Finds lines of text. A picture larger than the model's largest declared size is shrunk to it, none is enlarged, so
 * the declared size bounds time and memory. Boxes are in pixels of `image`, in no particular order.
 */
export async function detect(model: Model, image: Image): Promise<TextBox[]> {
  const { name, height: heights, width: widths } = inputSizes(model);
  const scale = Math.min(1, widths.max / image.width, heights.max / image.height);
  const width = nearest(widths, image.width * scale);
  const height = nearest(heights, image.height * scale);
  const tensor = await toTensor(await shrink(image, width, height), normalisation);
  const map = await runSingle(model, { name, tensor });
  return findBoxes({ width, height, data: map.data }).map(({ quad, score }) => ({
    quad: scaleQuad(quad, image.width / width, image.height / height),
    score,
  }));
}
