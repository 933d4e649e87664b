import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { OnnxFile, OnnxGraph } from "../formats/onnx.js";
import { inputsOf } from "./border.js";
import { type Dimension, probeShapes, type Shape } from "./shapes.js";
import type { SidecarInput } from "./sidecar.js";

/** What the file itself tells of the inputs, beyond what onnxruntime does. */
export interface InputFacts {
  /** Names of open dimensions by input: equal ones have equal sizes. */
  readonly symbols: ReadonlyMap<string, readonly (number | string | undefined)[]>;
  /** Inputs that are indexes into a table of the model, with its number of rows. */
  readonly rows: ReadonlyMap<string, number>;
}

/** Those of a model whose file nothing reads. */
export const noFacts: InputFacts = { symbols: new Map(), rows: new Map() };

/** Operators that hand the values of their first input on. */
const passing = new Set("Cast Identity Reshape Squeeze Unsqueeze Flatten Transpose Slice Expand Tile".split(" "));

export function inputFacts(file: OnnxFile): InputFacts {
  const inputs = inputsOf(file);
  const rows = new Map<string, number>();
  const origin = new Map(inputs.map(({ name }) => [name, name]));
  followIndexes(file.graph, { origin, tables: new Map(), rows });
  return { symbols: new Map(inputs.map(({ name, shape = [] }) => [name, shape])), rows };
}

interface Follow {
  /** Value -> the input whose values it holds. */
  readonly origin: Map<string, string>;
  /** Shapes of constants, also behind a cast or a dequantization. */
  readonly tables: Map<string, readonly number[]>;
  readonly rows: Map<string, number>;
}

function followIndexes(graph: OnnxGraph, follow: Follow): void {
  const { origin, tables, rows } = follow;
  for (const { name, shape } of graph.initializers) tables.set(name, shape);
  const limit = (index: string | undefined, size: number | undefined) => {
    const input = origin.get(index ?? "");
    if (input !== undefined && size !== undefined && size > 0) rows.set(input, Math.min(rows.get(input) ?? size, size));
  };
  for (const { op, domain, inputs, outputs, attributes } of graph.nodes) {
    const [first = "", second = ""] = inputs;
    const [output = ""] = outputs;
    const handed = passing.has(op) ? origin.get(first) : undefined;
    if (handed !== undefined) origin.set(output, handed);
    const table = tables.get(first);
    if (table !== undefined && /^(Cast|Identity|DequantizeLinear)$/.test(op)) tables.set(output, table);
    const constant = attributes.get("value")?.tensors[0];
    if (op === "Constant" && constant !== undefined) tables.set(output, constant.shape);
    if ((op === "Gather" || op === "GatherElements") && table !== undefined) {
      const axis = attributes.get("axis")?.integer ?? 0;
      limit(second, table[axis < 0 ? axis + table.length : axis]);
    }
    if (domain === "com.microsoft" && op === "EmbedLayerNormalization") {
      limit(first, tables.get(inputs[2] ?? "")?.[0]);
      limit(second, tables.get(inputs[4] ?? "")?.[0]);
    }
    for (const { graphs } of attributes.values()) for (const one of graphs) followIndexes(one, follow);
  }
}

/**
 * The inputs with dimensions of one name narrowed to the sizes that all of them may have. Throws ERR_EDGEIMG_MODEL_SHAPES when there is none.
 */
export function narrowed(
  model: string,
  inputs: readonly SidecarInput[],
  { symbols }: InputFacts,
): readonly SidecarInput[] {
  const common = new Map<string, { sizes: Dimension; from: string }>();
  for (const { name, allowed } of inputs) {
    if ("shapes" in allowed) continue;
    for (const [axis, dim] of allowed.dims.entries()) {
      const symbol = symbols.get(name)?.[axis];
      if (typeof symbol !== "string") continue;
      const other = common.get(symbol);
      const sizes = other === undefined ? dim : intersection(other.sizes, dim);
      if (sizes === undefined)
        throw new EdgeimgError(
          "ERR_EDGEIMG_MODEL_SHAPES",
          `Model ${model}: ${other?.from} and dimension ${axis} of ${name} are both called ${symbol} in the model, so they have one size, but none is declared for both.`,
          {
            key: ["models", model, "inputs", name, "dims"],
            hint: `Declare the same sizes for both under models.${model}.inputs.`,
          },
        );
      common.set(symbol, { sizes, from: other?.from ?? `dimension ${axis} of ${name}` });
    }
  }
  return inputs.map((input) => {
    if ("shapes" in input.allowed) return input;
    const dims = input.allowed.dims.map((dim, axis) => {
      const symbol = symbols.get(input.name)?.[axis];
      return typeof symbol === "string" ? (common.get(symbol)?.sizes ?? dim) : dim;
    });
    return { ...input, allowed: { dims } };
  });
}

/** Sizes in both: found by walking the one with fewer, at most a million. */
function intersection(a: Dimension, b: Dimension): Dimension | undefined {
  const [few, many] = (a.max - a.min) / a.step < (b.max - b.min) / b.step ? [a, b] : [b, a];
  const sizes: number[] = [];
  for (let size = few.min; size <= few.max; size += few.step)
    if (size >= many.min && size <= many.max && (size - many.min) % many.step === 0) sizes.push(size);
  const [min, second] = sizes;
  const max = sizes.at(-1);
  return min === undefined || max === undefined
    ? undefined
    : { min, max, step: second === undefined ? 1 : second - min };
}

/** Shapes for each run of a check where the n-th shapes of all inputs go together: all of them. */
export function eachShape(inputs: readonly SidecarInput[]): readonly (readonly (readonly Shape[])[])[] {
  const each = inputs.map(({ allowed }) => ("shapes" in allowed ? allowed.shapes : probeShapes(allowed)));
  const count = Math.max(1, ...each.map(({ length }) => length));
  return Array.from({ length: count }, (_, run) => [
    each.map((shapes) => shapes[Math.min(run, shapes.length - 1)] ?? []),
  ]);
}

/**
 * Shapes for each run of a check, one an input: the smallest, and one in between in which dimensions of one name have one size. The second list is
 * another choice for the second run: all dimensions in proportion, for a model that needs equal sizes without saying so.
 */
export function probes(inputs: readonly SidecarInput[], facts: InputFacts): readonly (readonly (readonly Shape[])[])[] {
  const order = [...new Set(inputs.flatMap(({ name }) => facts.symbols.get(name) ?? []))];
  const part = (alternate: boolean) => (input: SidecarInput) => (axis: number) => {
    if (!alternate) return 1 / 2;
    const symbol = facts.symbols.get(input.name)?.[axis];
    return (typeof symbol === "string" ? order.indexOf(symbol) : axis) % 2 === 0 ? 1 / 2 : 1 / 3;
  };
  const plan = (alternate: boolean) => {
    const each = inputs.map((input) => probeShapes(input.allowed, part(alternate)(input)));
    const count = Math.max(1, ...each.map(({ length }) => length));
    return Array.from({ length: count }, (_, run) =>
      each.map((shapes) => shapes[Math.min(run, shapes.length - 1)] ?? []),
    );
  };
  const [smallest = [], ...rest] = plan(true);
  const [, ...even] = plan(false);
  return [[smallest], ...rest.map((shapes, index) => [shapes, ...(even[index] === undefined ? [] : [even[index]])])];
}
