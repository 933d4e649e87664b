import { EdgeimgError } from "../errors/edgeimg-error.js";
import { nearest } from "../errors/nearest.js";

/** The error for an input or output that the project names and its model does not have. */
export function unknownPort(
  model: string,
  word: "input" | "output",
  { port, names }: { readonly port: string; readonly names: readonly string[] },
): EdgeimgError {
  const close = nearest(port, names);
  return new EdgeimgError("ERR_EDGEIMG_MODEL_SHAPES", `Model ${model} has no ${word} ${port}`, {
    key: ["models", model, `${word}s`, port],
    hint: close === undefined ? `Its ${word}s are: ${names.join(", ")}.` : `Did you mean ${close}?`,
  });
}
