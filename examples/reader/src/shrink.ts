import { type Image, resize } from "edge:image";

/**
 * Resizes without the moiré that bilinear sampling alone gives below half the size: halving first is an exact mean of 2 x 2.
 */
export async function shrink(image: Image, width: number, height: number): Promise<Image> {
  let current = image;
  while (current.width >= 2 * width && current.height >= 2 * height) {
    current = await resize(current, Math.floor(current.width / 2), Math.floor(current.height / 2));
  }
  return current.width === width && current.height === height ? current : resize(current, width, height);
}
