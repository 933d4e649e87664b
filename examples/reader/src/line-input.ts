import { type Image, toTensor } from "edge:image";
import type { Model, Tensor } from "edge:nn";
import { inputSize } from "./picture.js";
import { shrink } from "./shrink.js";

/** Maps 0..255 to -1..1, channels blue, green, red, as the line models were trained; padding is 0, a middle grey. */
const normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], order: "bgr" } as const;

/**
 * The picture of a line as a model wants it: scaled to the model's height, padded on the right to the next declared width.
 * A line longer than the largest width is squeezed.
 */
export async function lineInput(model: Model, line: Image): Promise<{ name: string; tensor: Tensor }> {
  const { height } = inputSize(model, { width: 1 });
  const natural = Math.ceil((line.width / line.height) * height);
  const { name, width } = inputSize(model, { width: natural, height });
  const scaled = await shrink(line, Math.min(natural, width), height);
  return { name, tensor: await toTensor(scaled, { ...normalisation, width, height }) };
}
