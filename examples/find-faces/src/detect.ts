import type { Image } from "edge:image";
import type { Model } from "edge:nn";
import { type FoundFace, framed } from "./face.js";
import { inputSize, padded } from "./input.js";
import { shrink } from "./shrink.js";

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
  const [across, down] = [image.width / size.width, image.height / size.height];
  return Array.from({ length: found.length / columns }, (_, index) => {
    const [left = 0, top = 0, right = 0, bottom = 0, score = 0] = found.subarray(
      index * columns,
      (index + 1) * columns,
    );
    const edges = { left: left * across, right: right * across, top: top * down, bottom: bottom * down };
    return framed({ edges, score }, { index, width: image.width, height: image.height });
  });
}
