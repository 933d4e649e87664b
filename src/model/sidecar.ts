import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { Dimension, Shape, ShapeSet } from "./shapes.js";
import type { ElementType } from "./tensor.js";

/** An input or output as model.edge describes it. */
interface Port {
  /** Its name in the original model: what the app uses. */
  readonly name: string;
  readonly type: ElementType;
  /** The engine's name of it, when that is another. */
  readonly blob?: string;
  /** Quantization of the whole tensor: real = scale * (value - zeroPoint). */
  readonly quantization?: { readonly scale: number; readonly zeroPoint: number };
}

export type SidecarInput = Port & { readonly allowed: ShapeSet };
export type SidecarOutput = Port & { readonly dims?: readonly Dimension[] | undefined };

export interface Sidecar {
  readonly engine: string;
  /** Files beside model.edge, by role. */
  readonly files: Readonly<Record<string, string>>;
  readonly inputs: readonly SidecarInput[];
  readonly outputs: readonly SidecarOutput[];
  /** Engine-specific settings; `threads-max` is understood by every engine. */
  readonly options?: Readonly<Record<string, string | number>>;
  /** How many folders `0`, `1`, ... beside model.edge hold a model of one shape: the n-th of each input. */
  readonly folders?: number;
}

/** Bytes; the reader on the device (nn_sidecar.c) refuses more. */
export const sidecarLimit = 65_536;

/**
 * Writes `model.edge` (docs/architecture.md), the same bytes for the same data. Throws
 * ERR_EDGEIMG_MODEL_PORTS when it gets too long, and RangeError for what else the reader on the device would refuse: the caller has checked its
 * input, so that is a bug.
 */
export function renderSidecar(sidecar: Sidecar): string {
  const lines = ["edge-nn 1", `engine ${word(sidecar.engine)}`];
  if (sidecar.folders !== undefined) lines.push(`folders ${sidecar.folders}`);
  for (const role of Object.keys(sidecar.files).sort())
    lines.push(`file ${word(role)} ${fileName(sidecar.files[role] ?? "")}`);
  for (const input of sidecar.inputs) lines.push([`input ${port(input)}`, shapeField(input.allowed)].join(" "));
  for (const output of sidecar.outputs)
    lines.push(`output ${port(output)}${output.dims === undefined ? "" : ` ${dimsField(output.dims)}`}`);
  const options = sidecar.options ?? {};
  for (const key of Object.keys(options).sort()) lines.push(`option ${word(key)} ${escapeName(String(options[key]))}`);
  const text = `${lines.join("\n")}\n`;
  const bytes = Buffer.byteLength(text);
  if (bytes > sidecarLimit)
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_PORTS",
      `The description of the model's inputs and outputs, model.edge, has ${bytes} bytes; ${sidecarLimit} are the most.`,
      { hint: "Declare fewer `shapes`, or `dims` with MIN..MAX/STEP instead, or shorten the names." },
    );
  return text;
}

/** Percent-escapes what separates fields: spaces, control characters, `%`, `#`. Other Unicode stays. */
export function escapeName(name: string): string {
  if (name === "" || /\p{Surrogate}/u.test(name)) throw new RangeError(`not a name: ${JSON.stringify(name)}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach the file
  if (/[\u0000-\u001f\u007f]/.test(name)) throw new RangeError(`control character in ${JSON.stringify(name)}`);
  return name.replace(/[ %#]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function port({ name, type, blob, quantization }: Port): string {
  const fields = [escapeName(name), type];
  if (blob !== undefined && blob !== name) fields.push(`blob=${escapeName(blob)}`);
  if (quantization !== undefined) fields.push(`quant=${quantization.scale},${quantization.zeroPoint}`);
  return fields.join(" ");
}

function shapeField(allowed: ShapeSet): string {
  return "shapes" in allowed ? `shapes=${allowed.shapes.map(shape).join(";")}` : dimsField(allowed.dims);
}

function dimsField(dims: readonly Dimension[]): string {
  return dims.length === 0 ? "dims=scalar" : `dims=${dims.map(dimension).join(",")}`;
}

function dimension({ min, max, step }: Dimension): string {
  if (min === max) return String(min);
  return step === 1 ? `${min}..${max}` : `${min}..${max}/${step}`;
}

function shape(sizes: Shape): string {
  return sizes.join(",");
}

function word(text: string): string {
  if (!/^[a-z0-9-]{1,40}$/.test(text)) throw new RangeError(`not lower-case letters, digits and dashes: ${text}`);
  return text;
}

function fileName(name: string): string {
  if (name.includes("/") || name.startsWith(".") || Buffer.byteLength(name) > 255)
    throw new RangeError(`not a file name in the model's folder: ${name}`);
  return escapeName(name);
}
