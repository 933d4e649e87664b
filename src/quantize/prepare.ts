/** A model before it is quantized: in an operator set that has what is needed, with all that can be put into weights put there. */
import { closeOnnx, type OpenOnnx, openOnnx } from "../formats/onnx-graph.js";
import { equalized } from "./equalize.js";
import { type Folded, folded } from "./fold.js";
import { raised } from "./raise.js";

/** Prepares a model in float32, without changing what it computes. Throws ERR_EDGEIMG_MODEL_QUANTIZE_OPERATOR. */
export function prepared(
  model: Uint8Array,
  name: string,
  { equalize = false }: { readonly equalize?: boolean | undefined } = {},
): Folded {
  const { open, moments } = folded(raised(openOnnx(model), `Model ${name}`, ["models", name, "quantize"]));
  return equalize ? equalized(open, moments) : { open, moments };
}

/** The same as a model that also gives these tensors, for what runs it. Tensors that it gives anyway are not given twice. */
export function observed(open: OpenOnnx, tensors: Iterable<string>): Uint8Array {
  const known = new Set([...open.file.graph.outputs, ...open.file.graph.inputs].map(({ name }) => name));
  return closeOnnx(
    open,
    [...tensors].filter((name) => !known.has(name)),
  );
}
