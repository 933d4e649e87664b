import type { Trace } from "../catalog/converter.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { OperatorUse } from "../formats/onnx-operators.js";
import { type Shape, traceShapes } from "./shapes.js";
import type { SidecarInput, SidecarOutput } from "./sidecar.js";

/** Throws ERR_EDGEIMG_MODEL_OPERATOR for an input whose shape the converted format cannot hold. */
function refuseShapes({ rank, batch }: Trace, model: string, { name, allowed }: SidecarInput): void {
  const shapes = "shapes" in allowed ? allowed.shapes : [allowed.dims.map(({ max }) => max)];
  const refuse = (what: string, hint: string): never => {
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_OPERATOR",
      `Model ${model}: the engine takes no ${what} (input ${name})`,
      { key: ["models", model, "inputs", name], hint },
    );
  };
  for (const shape of shapes) {
    const remedy = "or build with an engine that reads the file unconverted (`edgeimg engines`)";
    if (rank !== undefined && (shape.length < rank.min || shape.length > rank.max))
      refuse(
        shape.length === 0 ? "scalar" : `tensor of ${shape.length} dimensions`,
        `It takes ${rank.min} to ${rank.max} dimensions: export the model with ${name} as ${shape.length < rank.min ? "[1], " : "fewer, "}${remedy}.`,
      );
    if (batch !== undefined && shape.length > 1 && shape[0] !== batch)
      refuse(
        `tensor that begins with ${shape[0]}`,
        `It takes a batch of ${batch} only: export the model so, and let the app run it several times, ${remedy}.`,
      );
  }
}

/** The converter's word for an input's element type. Throws ERR_EDGEIMG_MODEL_OPERATOR when it has none. */
function typeWord({ types }: Trace, model: string, { name, type }: SidecarInput): string {
  const word = types[type];
  if (word !== undefined) return word;
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_OPERATOR",
    `Model ${model}: the engine takes no input of type ${type} (${name})`,
    {
      key: ["models", model, "inputs", name],
      hint: `It takes ${Object.keys(types).join(", ")}. Export the model with another type, or use another engine.`,
    },
  );
}

/**
 * The arguments by which a converter is shown shapes: known only when the model's ports are; none for one that is shown none. Throws
 * ERR_EDGEIMG_MODEL_OPERATOR for an element type, rank or batch that it does not take.
 */
export function traceArguments(trace: Trace, model: string, inputs: readonly SidecarInput[]): readonly string[] {
  const words = inputs.map((input) => {
    refuseShapes(trace, model, input);
    return typeWord(trace, model, input);
  });
  const traces = inputs.map((input) => traceShapes(input.allowed));
  const several = traces.some((shapes) => shapes.length > 1);
  return trace.args.slice(0, several ? 2 : 1).map((argument, round) => {
    const shapes = inputs.map(({ name }, index) => {
      const candidates: readonly Shape[] = traces[index] ?? [];
      const shape = candidates[round] ?? candidates[0] ?? [];
      return trace.input
        .replaceAll("{sizes}", shape.join(","))
        .replaceAll("{type}", words[index] ?? "")
        .replaceAll("{name}", () => name);
    });
    return argument.replace("{shapes}", () => shapes.join(trace.separator));
  });
}

/** Inputs or outputs with the names that the engine gives them after the conversion. */
export function withBlobs<T extends SidecarInput | SidecarOutput>(
  ports: readonly T[],
  pattern: string | undefined,
): readonly T[] {
  if (pattern === undefined) return ports;
  return ports.map((port, index) => ({ ...port, blob: pattern.replaceAll("{index}", String(index)) }));
}

/** What refuseUntranslatable judges. */
export interface Translated {
  readonly outputs: readonly SidecarOutput[];
  /** Each kind of operator once. */
  readonly operators: readonly OperatorUse[];
}

/** Throws ERR_EDGEIMG_MODEL_OPERATOR for an output's element type, or operators, that the converted format or the converter does not have. */
export function refuseUntranslatable(trace: Trace, model: string, { outputs, operators }: Translated): void {
  const types = trace.outputs;
  const other = types && outputs.find(({ type }) => !types.includes(type));
  if (types !== undefined && other !== undefined)
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_OPERATOR",
      `Model ${model}: the engine gives no output of type ${other.type} (${other.name})`,
      {
        hint: `It gives ${types.join(", ")}. Build with an engine that reads the file unconverted (\`edgeimg engines\`), or export the model up to the values that ${other.name} is made from, and let the app do the rest.`,
      },
    );
  refuseUnlike(trace, model, operators);
  const { domains } = trace;
  if (domains === undefined) return;
  const unknown = operators.filter(({ domain }) => !domains.includes(domain === "" ? "ai.onnx" : domain));
  if (unknown.length === 0) return;
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_OPERATOR",
    `Model ${model} needs what the engine's converter does not have: ${unknown.map(({ domain, operator }) => `${operator} of ${domain}`).join(", ")}`,
    {
      details: unknown
        .slice(0, 8)
        .map(({ domain, operator, node }) => `${domain}:${operator}${node === "" ? "" : ` (${node})`}`),
      hint: `It knows operators of ${domains.join(", ")} only. Build with an engine that reads the file unconverted (\`edgeimg engines\`), or export the model without the optimizer or quantizer that writes these.`,
    },
  );
}

/** Throws ERR_EDGEIMG_MODEL_OPERATOR for an operator that is known to be translated to another. */
function refuseUnlike({ unlike }: Trace, model: string, operators: Translated["operators"]): void {
  for (const { operator, attribute, values = [], inputs } of unlike) {
    const use = operators.find((one) => one.domain === "" && one.operator === operator);
    if (use === undefined || (inputs !== undefined && use.inputs < inputs)) continue;
    const value = attribute === undefined ? undefined : use.attributes[attribute]?.find((one) => values.includes(one));
    if (attribute !== undefined && value === undefined) continue;
    const how =
      attribute === undefined ? (inputs === undefined ? "" : ` of ${use.inputs} inputs`) : `, ${attribute} ${value}`;
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_OPERATOR",
      `Model ${model}: the engine computes ${operator}${how} otherwise than ONNX says`,
      {
        details: use.node === "" ? [] : [`the first ${operator} is ${use.node}`],
        hint: `Build with an engine that reads the file unconverted (\`edgeimg engines\`), or export the model without ${operator}${how}.`,
      },
    );
  }
}

export interface UnconvertedLayer {
  readonly operator: string;
  readonly layer: string;
}

/** Layers of a converted text file that the converter could not translate, by the recipe's pattern for one line. */
export function unconvertedLayers(text: string, linePattern: string): readonly UnconvertedLayer[] {
  const expression = new RegExp(linePattern);
  return text.split("\n").flatMap((line) => {
    const { operator = "", layer = "" } = expression.exec(line)?.groups ?? {};
    return operator === "" ? [] : [{ operator, layer }];
  });
}

/** The error for them: each operator once. */
export function unconvertedError(name: string, engine: string, layers: readonly UnconvertedLayer[]): EdgeimgError {
  const operators = [...new Set(layers.map(({ operator }) => operator))].sort();
  return new EdgeimgError(
    "ERR_EDGEIMG_MODEL_OPERATOR",
    `Model ${name} needs what ${engine} does not have: ${operators.join(", ")}`,
    {
      details: layers.slice(0, 8).map(({ operator, layer }) => `${operator} (${layer})`),
      hint: "Build with another engine, or export the model without these operators.",
    },
  );
}
