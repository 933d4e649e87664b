import type { Image } from "edge:image";
import type { Model } from "edge:nn";
import { lineInput } from "./line-input.js";
import { runSingle } from "./picture.js";

/** Below it the classifier's "upside down" is not believed; PP-OCR's own setting. */
const minScore = 0.9;

/** Whether a line of text stands on its head. The classes are 0 and 180 degrees. */
export async function isUpsideDown(model: Model, line: Image): Promise<boolean> {
  const { data } = await runSingle(model, lineInput(model, line));
  return (data[1] ?? 0) > minScore;
}
