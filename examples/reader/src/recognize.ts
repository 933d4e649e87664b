import type { Image } from "edge:image";
import type { Model } from "edge:nn";
import { type Decoded, decodeCtc } from "./ctc.js";
import { lineInput } from "./line-input.js";
import { runSingle } from "./picture.js";

/** Reads one upright line. `classes` is what each class of the model stands for. */
export async function recognize(model: Model, options: { line: Image; classes: readonly string[] }): Promise<Decoded> {
  const { data, shape } = await runSingle(model, await lineInput(model, options.line));
  return decodeCtc(data, shape.at(-2) ?? 0, options.classes);
}
