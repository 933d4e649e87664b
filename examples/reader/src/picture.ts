import { cropQuad, type Image, rotate } from "edge:image";
import type { Model, TensorData } from "edge:nn";
import { type Quad, quadSize } from "./geometry.js";

/** The part of the picture inside the corners, upright and in its own size. */
export function cutOut(image: Image, quad: Quad): Promise<Image> {
  const { width, height } = quadSize(quad);
  return cropQuad(image, quad, Math.max(1, Math.round(width)), Math.max(1, Math.round(height)));
}

export function turn(image: Image): Promise<Image> {
  return rotate(image, 180);
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The size at which a model's only input, [batch, channels, height, width], takes a picture of a wanted size: the smallest that holds it; where
 * none does, the one for which the picture is shrunk least. Without a height it is the model's largest.
 */
export function inputSize(model: Model, wanted: { width: number; height?: number }): Size & { name: string } {
  const [input] = model.inputs;
  const [batch, channels, heights] = input?.dimensions ?? [];
  if (input === undefined || batch === undefined || channels === undefined || heights === undefined) {
    throw new Error(`model ${model.name} does not take one picture`);
  }
  const shape = [batch.min, channels.min, wanted.height ?? heights.max, wanted.width];
  const [, , height = 1, width = 1] = model.fit(input.name, shape);
  return { name: input.name, height, width };
}

/** Runs a model with one input and one output of 32-bit floats. */
export async function runSingle(
  model: Model,
  input: { name: string; tensor: { shape: readonly number[]; data: TensorData } },
): Promise<{ shape: readonly number[]; data: Float32Array }> {
  const outputs = Object.values(await model.run({ [input.name]: input.tensor }));
  const [output] = outputs;
  if (output === undefined || !(output.data instanceof Float32Array)) {
    throw new Error(`model ${model.name} gave no 32-bit floats`);
  }
  return { shape: output.shape, data: output.data };
}
