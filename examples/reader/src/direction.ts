import { crop, type Image } from "edge:image";
import type { Model } from "edge:nn";
import { lineInput } from "./line-input.js";
import { inputSize, runSingle } from "./picture.js";

/** Below it the classifier's "upside down" is not believed; PP-OCR's own setting. */
const minScore = 0.9;

/** Whether a line of text stands on its head. The classes are 0 and 180 degrees. */
export async function isUpsideDown(model: Model, line: Image): Promise<boolean> {
  const { data } = await runSingle(model, await lineInput(model, await middlePart(model, line)));
  return (data[1] ?? 0) > minScore;
}

/** What of a long line fits the model unsqueezed: squeezed letters look alike from both sides. */
async function middlePart(model: Model, line: Image): Promise<Image> {
  const { height, width } = inputSize(model, line);
  const fitting = Math.round((line.height * width) / height);
  if (line.width <= fitting) return line;
  return crop(line, { x: Math.floor((line.width - fitting) / 2), y: 0, width: fitting, height: line.height });
}
