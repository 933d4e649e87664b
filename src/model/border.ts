import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type OnnxFile, type OnnxValue, onnxTypes } from "../formats/onnx.js";
import type { NewNode, OnnxEdit } from "../formats/onnx-edit.js";

/** TensorProto.DataType of what an app can give and take. */
const ours = new Set([1, 2, 3, 6, 7]);

/** Other types, and ours that hold every value of them, or all that an app's numbers need: float64 excepted. */
const converted: ReadonlyMap<number, number> = new Map([
  [10, 1], // float16 -> float32
  [16, 1], // bfloat16 -> float32
  [11, 1], // float64 -> float32
  [9, 2], // bool -> uint8, 0 or 1
  [5, 6], // int16 -> int32
  [4, 6], // uint16 -> int32
  [12, 7], // uint32 -> int64
]);

export interface Border {
  /** undefined when every input and output has a type of ours. */
  readonly edit: OnnxEdit | undefined;
  /** What was converted, a sentence each. */
  readonly notes: readonly string[];
}

/** The model's own inputs: what weights fill is none. */
export function inputsOf({ graph }: OnnxFile): readonly OnnxValue[] {
  const filled = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs.filter(({ name }) => !filled.has(name));
}

/**
 * Casts at inputs and outputs whose element type an app does not have, so that every engine and the reference see the same model. Throws
 * ERR_EDGEIMG_MODEL_TYPE for types that cannot be converted, with the remedy.
 */
export function borderOf(file: OnnxFile, called: string): Border {
  const inputs = inputsOf(file);
  const isInput = new Set(inputs.map(({ name }) => name));
  const rename = new Map<string, string>();
  const types = new Map<string, number>();
  const first: NewNode[] = [];
  const last: NewNode[] = [];
  const notes: string[] = [];
  const opset = file.opsets.get("") ?? 0;
  for (const [side, ports] of [
    ["input", inputs],
    ["output", file.graph.outputs],
  ] as const)
    for (const port of ports) {
      const { name, type, kind } = port;
      // Some files tell nothing of an output; onnxruntime works it out, and the step after this one judges.
      if (ours.has(type) || (type === 0 && kind === "")) continue;
      const to = converted.get(type);
      if (kind !== "tensor" || to === undefined || opset < 6) throw refused(called, side, port, opset);
      types.set(name, to);
      const isLossy = type === 11 && side === "output";
      notes.push(
        `${called}: ${side} ${name} is ${onnxTypes[type]}, the app ${side === "input" ? "gives" : "gets"} ${onnxTypes[to]}${isLossy ? ": digits beyond the seventh are lost" : ""}.`,
      );
      if (side === "output" && isInput.has(name)) continue;
      const within = `edgeimg/cast/${name}`;
      rename.set(name, within);
      if (side === "input") first.push({ op: "Cast", inputs: [name], outputs: [within], integers: { to: type } });
      else last.push({ op: "Cast", inputs: [within], outputs: [name], integers: { to } });
    }
  return { edit: types.size === 0 ? undefined : { rename, types, first, last }, notes };
}

function refused(called: string, side: string, { name, kind, type }: OnnxValue, opset: number): EdgeimgError {
  const what =
    kind === "tensor"
      ? `a tensor of ${type === 0 ? "no stated type" : (onnxTypes[type] ?? `type ${type}`)}`
      : `a ${kind || "value of no type"}`;
  return new EdgeimgError(
    "ERR_EDGEIMG_MODEL_TYPE",
    `${called}: ${side} ${name} is ${what}, which an app cannot ${side === "input" ? "give" : "get"}.`,
    {
      hint: remedy({ name, kind, type, side, opset }),
    },
  );
}

function remedy({
  name,
  kind,
  type,
  side,
  opset,
}: {
  name: string;
  kind: string;
  type: number;
  side: string;
  opset: number;
}): string {
  if (kind === "sequence" || kind === "map")
    return `Exporters of scikit-learn, LightGBM and XGBoost make it with ZipMap: convert with zipmap=False (skl2onnx: options={"zipmap": False}; onnxmltools: zipmap=False), and ${name} becomes a tensor of probabilities.`;
  if (onnxTypes[type] === "string")
    return side === "input"
      ? `Keep text out of the model: tokenize or look it up in the app, and export the part from the numbers on (${name} as int64 ids).`
      : `Take the output out of the model, or its number instead of its label: look labels up in the app, from a file under models.NAME.files.`;
  if (kind === "optional" || kind === "sparse tensor")
    return `Export the model so that ${name} is a dense tensor that is always there.`;
  if (kind === "tensor" && converted.has(type) && opset < 6)
    return "Convert the model to opset 13 first (onnx.version_converter.convert_version): it has no Cast that could be added.";
  return `Add a Cast to float32, int8, uint8, int32 or int64 at ${name}, or export the model with such a type.`;
}
