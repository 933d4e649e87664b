import { crop, type Image, resize, toTensor } from "edge:image";
import type { Model } from "edge:nn";
import { type Ranked, rank } from "./classes.js";
import { middle } from "./window.js";

/** ImageNet's statistics, as most classifiers are trained with. */
const normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** The square that the model takes, and the shorter side of the picture that it is cut from. */
const side = 224;
const short = 256;

/** What a picture shows, by the names of the classes. A very long picture is cut first: only its middle counts. */
export async function classify(model: Pick<Model, "run">, image: Image, names: readonly string[]): Promise<Ranked[]> {
  const square = await shorten(image);
  const { width, height, x, y } = middle(square, { short, side });
  const view = await crop(await resize(square, width, height), { x, y, width: side, height: side });
  const [output] = Object.values(await model.run({ x: await toTensor(view, normalisation) }));
  if (!(output?.data instanceof Float32Array)) throw new Error("the model gave no 32-bit floats");
  return rank(names, output.data);
}

/** Bounds what resizing needs: of a picture longer than twice its height or width the middle is kept. */
async function shorten(image: Image): Promise<Image> {
  const width = Math.min(image.width, 2 * image.height);
  const height = Math.min(image.height, 2 * image.width);
  if (width === image.width && height === image.height) return image;
  const x = Math.floor((image.width - width) / 2);
  const y = Math.floor((image.height - height) / 2);
  return crop(image, { x, y, width, height });
}
