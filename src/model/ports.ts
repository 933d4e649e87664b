import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { OnnxFile } from "../formats/onnx.js";
import { inputsOf } from "./border.js";

/** Inputs, and outputs, that a model may have: NN_MAX_PORTS of the reader on the device. */
export const portLimit = 32;
/** Dimensions of a tensor: EDGE_NN_MAX_RANK. */
export const rankLimit = 8;
/** Bytes of a port's name. */
export const nameLimit = 255;

/**
 * Throws ERR_EDGEIMG_MODEL_PORTS for inputs and outputs that no app could use, whatever the engine: too many of them or of their dimensions, names
 * that cannot be written.
 */
export function checkPorts(file: OnnxFile, called: string): void {
  const sides = [
    ["input", inputsOf(file)],
    ["output", file.graph.outputs],
  ] as const;
  for (const [side, ports] of sides) {
    if (ports.length === 0 || ports.length > portLimit)
      throw new EdgeimgError(
        "ERR_EDGEIMG_MODEL_PORTS",
        `${called} has ${ports.length === 0 ? "no" : ports.length} ${side}s; an app can use 1 to ${portLimit}.`,
        {
          hint:
            ports.length > 0
              ? `Export it with fewer: join ${side}s with Concat${side === "output" ? ", or leave out those that the app does not read" : " before, and Split them in the model"}.`
              : side === "input"
                ? "A model without inputs always gives the same: put its result into the app, or export the model with what varies as an input."
                : "Export the model with the values that the app needs as outputs.",
        },
      );
    for (const [index, { name, shape }] of ports.entries()) {
      const wrong = wrongName(name);
      if (wrong !== undefined)
        throw new EdgeimgError(
          "ERR_EDGEIMG_MODEL_PORTS",
          `${called}: the name of ${side} ${index + 1}, ${quoted(name)}, ${wrong}.`,
          {
            hint: `Give it another one where the model is exported: torch.onnx.export(..., ${side}_names=["NAME", ...]), tf2onnx --rename-${side}s NAME.`,
          },
        );
      if (shape !== undefined && shape.length > rankLimit)
        throw new EdgeimgError(
          "ERR_EDGEIMG_MODEL_PORTS",
          `${called}: ${side} ${name} has ${shape.length} dimensions; a tensor of an app has ${rankLimit} at most.`,
          { hint: `Export the model with a Reshape of ${name} to fewer dimensions.` },
        );
      if (side === "input" && shape?.includes(0))
        throw new EdgeimgError(
          "ERR_EDGEIMG_MODEL_PORTS",
          `${called}: input ${name} has a size of 0, so there is nothing to give.`,
          { hint: `Export the model without ${name}, or with the size that it has in use.` },
        );
    }
  }
}

/** What is wrong with a port's name; undefined for a good one. */
export function wrongName(name: string): string | undefined {
  if (name === "") return "is empty";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return "has a control character in it";
  const bytes = Buffer.byteLength(name);
  return bytes > nameLimit ? `has ${bytes} bytes; ${nameLimit} are the most` : undefined;
}

/** As JSON, which shows control characters, and cut. */
function quoted(name: string): string {
  const text = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}...` : name);
  return text.replaceAll("\u007f", "\\u007f");
}
