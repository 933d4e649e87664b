/** Which tensors of a model are quantized, and which layers are not, with the reason: decided from the graph alone. */
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { didYouMean } from "../errors/nearest.js";
import { readTensor } from "../formats/onnx.js";
import { type GraphNode, type OpenOnnx, takenNames } from "../formats/onnx-graph.js";
import { floatsOf } from "../formats/onnx-tensor.js";
import { movingOperators, valueOperators, type WeightRule, weightRules } from "./rules.js";

/** A node with weights that are quantized. */
export interface Layer {
  /** The node's, or that of what it gives. */
  readonly name: string;
  readonly op: string;
  /** What it gives and takes, its weights and its bias. */
  readonly output: string;
  readonly input: string;
  readonly weights: string;
  readonly bias: string | undefined;
  readonly shape: readonly number[];
  /** The dimension of the channels; undefined for weights that have one scale in any case. */
  readonly axis: number | undefined;
  readonly groups: number;
  /** Whether it computes with whole numbers. */
  readonly integers: boolean;
}

export interface FloatLayer {
  readonly name: string;
  readonly op: string;
  readonly why: string;
}

export interface Decision {
  readonly layers: readonly Layer[];
  /** Nodes that multiply, and are left as they are. */
  readonly floats: readonly FloatLayer[];
  /** Tensors that are quantized, in the order in which they are made: each by itself, or with the scale of another one. */
  readonly tensors: ReadonlyMap<string, string>;
}

export interface Wanted {
  /** The model's name in the project. */
  readonly model: string;
  /** Whether activations are quantized, or weights alone. */
  readonly activations: boolean;
  /** Names of layers that stay in floating point. */
  readonly keep: readonly string[];
}

/** Decides for a prepared model. Throws ERR_EDGEIMG_MODEL_QUANTIZE_LAYER for a name that no layer has, and _NOTHING when nothing can be quantized. */
export function decide(open: OpenOnnx, wanted: Wanted): Decision {
  refuseQuantized(open, wanted.model);
  const { layers, floats } = sortLayers(open, wanted);
  if (layers.length === 0)
    throw new EdgeimgError("ERR_EDGEIMG_MODEL_QUANTIZE_NOTHING", `Model ${wanted.model} has nothing to quantize.`, {
      key: ["models", wanted.model, "quantize"],
      details: floats.slice(0, 6).map(({ name, op, why }) => `${op} ${name}: ${why}`),
      hint: `Quantized are ${Object.keys(weightRules).join(", ")} with constant weights of float32. Take \`quantize\` out, or name fewer layers under \`keep\`.`,
    });
  return { layers, floats, tensors: wanted.activations ? quantizedTensors(open, layers) : new Map() };
}

/** A model that is quantized already has scales of its own. */
function refuseQuantized({ nodes }: OpenOnnx, model: string): void {
  const found = nodes.find(({ op }) => /QuantizeLinear$|^QLinear|Integer$|^MatMulNBits$/.test(op));
  if (found === undefined) return;
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_QUANTIZE_TWICE",
    `Model ${model} is quantized already: it has ${found.op} (${found.name || found.outputs[0]}).`,
    {
      key: ["models", model, "quantize"],
      hint: "Take `quantize` out: engines run the model as it is. Or give the model that it was made of, in float32.",
    },
  );
}

export const layerName = ({ name, outputs }: Pick<GraphNode, "name" | "outputs">): string => name || (outputs[0] ?? "");

function sortLayers(open: OpenOnnx, { model, keep }: Wanted): Pick<Decision, "layers" | "floats"> {
  const layers: Layer[] = [];
  const floats: FloatLayer[] = [];
  const names = new Set<string>();
  for (const node of open.nodes) {
    const rule = node.domain === "" ? weightRules[node.op] : undefined;
    if (rule === undefined) continue;
    const name = layerName(node);
    names.add(name);
    const found = keep.includes(name) ? "the project keeps it" : layerOf(open, node, rule);
    if (typeof found === "string") floats.push({ name, op: node.op, why: found });
    else layers.push(found);
  }
  for (const [index, name] of keep.entries()) {
    if (names.has(name)) continue;
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_QUANTIZE_LAYER",
      `Model ${model} has no layer "${name}" that could be quantized.${didYouMean(name, [...names])}`,
      {
        key: ["models", model, "quantize", "keep", index],
        hint: `Layers are nodes ${Object.keys(weightRules).join(", ")}, by their names in the ONNX file: \`edgeimg quantize ${model}\` lists them.`,
      },
    );
  }
  return { layers, floats };
}

/** A node as a layer, or why it is none. */
function layerOf({ constants }: OpenOnnx, node: GraphNode, rule: WeightRule): Layer | string {
  const [input = "", weights = "", bias = ""] = node.inputs;
  const tensor = constants.get(weights);
  if (tensor === undefined) return constants.has(input) ? "its first factor is constant" : "it has no constant weights";
  const values = floatsOf(tensor);
  if (values === undefined) return "its weights are not of float32";
  if (!values.every(Number.isFinite)) return "its weights are not all finite";
  if (values.length === 0) return "its weights are empty";
  const { shape } = readTensor(tensor);
  const integer = (name: string) => node.attributes.get(name)?.integer;
  const factor = (name: string) => node.attributes.get(name)?.float ?? 1;
  if (node.op === "Gemm" && (integer("transA") === 1 || factor("alpha") !== 1 || factor("beta") !== 1))
    return "it has factors of its own or turns its input";
  const at = rule.axis({ integer });
  const axis = at < 0 ? shape.length + at : at;
  const grouped = rule.axis({ integer }) === 1 && (integer("group") ?? 1) > 1;
  const channels = shape[axis] ?? 0;
  const biasTensor = bias === "" ? undefined : constants.get(bias);
  const biasValues = biasTensor === undefined ? undefined : floatsOf(biasTensor);
  const fits = bias === "" || (biasValues?.length === channels && biasValues.every(Number.isFinite));
  return {
    name: layerName(node),
    op: node.op,
    output: node.outputs[0] ?? "",
    input,
    weights,
    bias: bias === "" ? undefined : bias,
    shape,
    // A vector's sum has no channels; more than two dimensions of a product are a stack of matrices.
    axis: grouped || shape.length < 2 || (node.op === "MatMul" && shape.length !== 2) ? undefined : axis,
    groups: integer("group") ?? 1,
    // A bias that is computed, or has another shape, is added in floating point.
    integers: rule.integers && fits,
  };
}

/** Tensors to quantize: what layers take and give, and from there on all that whole numbers can pass through. */
function quantizedTensors(open: OpenOnnx, layers: readonly Layer[]): ReadonlyMap<string, string> {
  const { nodes, constants, file } = open;
  const integral = new Map(layers.filter(({ integers }) => integers).map((layer) => [layer.output, layer]));
  const ofOtherType = new Set(file.graph.inputs.flatMap(({ name, type }) => (type === 1 ? [] : [name])));
  const isConstant = (name: string) => constants.has(name);
  const ends = tails(open);
  const own = new Set<string>();
  for (const node of nodes) {
    const layer = integral.get(node.outputs[0] ?? "");
    if (layer === undefined || weightRules[node.op] === undefined) continue;
    if (!ofOtherType.has(layer.input) && !isConstant(layer.input)) own.add(layer.input);
    own.add(ends(node, weightRules[node.op]?.tail ?? []));
  }
  const tensors = new Map<string, string>();
  for (const { name } of file.graph.inputs) if (own.has(name)) tensors.set(name, name);
  const rootOf = (name: string) => tensors.get(name);
  for (const node of nodes) {
    const [input = ""] = node.inputs;
    const [output = ""] = node.outputs;
    const isKnown = node.domain === "" && node.outputs.length === 1;
    const root = isKnown && movingOperators.has(node.op) ? rootOf(input) : undefined;
    if (root !== undefined) tensors.set(output, root);
    else if (own.has(output)) tensors.set(output, output);
    else if (isKnown && valueOperators.has(node.op) && node.inputs.every((name) => rootOf(name) !== undefined)) {
      const end = ends(node, ["Relu", "Clip"]);
      own.add(end);
      if (end === output) tensors.set(output, output);
    }
  }
  return tensors;
}

/** Where a node's result goes through operators that belong to it: the last one's result. */
function tails({ nodes, constants, file }: OpenOnnx): (node: GraphNode, tail: readonly string[]) => string {
  const takers = new Map<string, GraphNode[]>();
  for (const node of nodes)
    for (const name of takenNames([node])) takers.set(name, [...(takers.get(name) ?? []), node]);
  const given = new Set(file.graph.outputs.map(({ name }) => name));
  return (node, tail) => {
    let [output = ""] = node.outputs;
    for (const op of tail) {
      const [taker, ...others] = takers.get(output) ?? [];
      if (taker === undefined || others.length > 0 || given.has(output)) break;
      if (taker.op !== op || taker.domain !== "") continue;
      const rest = taker.inputs.filter((name) => name !== "" && name !== output);
      if (!rest.every((name) => constants.has(name))) continue;
      output = taker.outputs[0] ?? output;
    }
    return output;
  };
}
