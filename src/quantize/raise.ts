/**
 * Brings a model to the operator set that knows scales a channel (13), operator by operator: those whose meaning changed since are written anew, and one
 * that this table lacks is refused by name. Source: onnx's Changelog, versions 7 to 13.
 */
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { changedNode, type GraphNode, madeNode, type OpenOnnx } from "../formats/onnx-graph.js";
import { tensorBytes } from "../formats/onnx-tensor.js";

/** The operator set of quantized models: DequantizeLinear has an axis from it on. */
export const quantizedOpset = 13;

/** Operators with the same inputs, attributes and results from the given version on to 13; newer types do not count. */
const unchanged: Readonly<Record<string, number>> = {
  ...versions(
    7,
    "Abs Acos Add And ArgMax ArgMin Asin Atan AveragePool Cast Ceil Concat Constant Conv ConvTranspose Cos Div Elu Equal Exp Floor Gather Gemm GlobalAveragePool GlobalMaxPool HardSigmoid Identity InstanceNormalization LRN LeakyRelu Less Greater Log LpNormalization MatMul Max MaxPool Mean Min Mul Neg Not Or PRelu Pow Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare Relu Reshape Selu Shape Sigmoid Sin Size Softplus Softsign Sqrt Sub Sum Tan Tanh Tile Transpose Xor LSTM GRU RNN",
  ),
  ...versions(8, "Expand"),
  ...versions(
    9,
    "BatchNormalization ConstantOfShape Erf EyeLike Flatten NonZero Where Scatter Sign OneHot IsNaN Sinh Cosh",
  ),
  ...versions(10, "Slice QuantizeLinear DequantizeLinear Mod TopK"),
  ...versions(
    11,
    "Clip Pad Resize GatherElements GatherND ScatterElements ScatterND CumSum Round NonMaxSuppression DepthToSpace SpaceToDepth Range Det",
  ),
  ...versions(12, "Einsum LessOrEqual GreaterOrEqual Celu"),
};

function versions(from: number, names: string): Record<string, number> {
  return Object.fromEntries(names.split(" ").map((name) => [name, from]));
}

/** What an operator of an older set becomes: nodes and the constants that they take. Undefined when it cannot be said. */
type Rule = (
  node: GraphNode,
  constant: (name: string, data: Float32Array | readonly number[]) => string,
  /** How many dimensions a tensor has, where the file tells it. */
  rankOf: (name: string) => number | undefined,
) => Raised;
type Raised = readonly GraphNode[] | undefined;

/** An attribute that became an input, as a constant. */
const moved =
  (attribute: string, place: number): Rule =>
  (node, constant) => {
    const values = node.attributes.get(attribute)?.integers;
    if (values === undefined || values.length === 0) return [node];
    const inputs = [...node.inputs];
    while (inputs.length < place) inputs.push("");
    inputs[place] = constant(attribute, values);
    return [changedNode(node, { inputs, without: [attribute] })];
  };

/** Before 13 the dimensions from `axis` on were one: the same over the last dimension of a matrix, whose shape is given back. */
const flattened: Rule = (node, _, rankOf) => {
  const axis = node.attributes.get("axis")?.integer ?? 1;
  const [from = ""] = node.inputs;
  const [to = ""] = node.outputs;
  const rank = rankOf(to) ?? rankOf(from);
  if (axis === -1 || axis + 1 === rank) {
    const last = madeNode({
      op: node.op,
      name: node.name,
      inputs: node.inputs,
      outputs: node.outputs,
      integers: { axis: -1 },
    });
    return [last];
  }
  const made = (op: string, part: string, inputs: readonly string[], integers = {}) =>
    madeNode({ op, name: `${to}/${part}`, inputs, outputs: [`${to}/${part}`], integers });
  return [
    made("Shape", "shape", [from]),
    made("Flatten", "matrix", [from], { axis }),
    { ...made(node.op, "rows", [`${to}/matrix`], { axis: -1 }), name: node.name },
    madeNode({ op: "Reshape", name: `${to}/reshape`, inputs: [`${to}/rows`, `${to}/shape`], outputs: [to] }),
  ];
};

const clip: Rule = (node, constant) => {
  const [from = ""] = node.inputs;
  const bound = (name: string) => {
    const value = node.attributes.get(name)?.float;
    return value === undefined ? "" : constant(name, Float32Array.of(value));
  };
  return [changedNode(node, { inputs: [from, bound("min"), bound("max")], without: ["min", "max"] })];
};

const slice: Rule = (node, constant) => {
  const list = (name: string) => node.attributes.get(name)?.integers ?? [];
  if (list("starts").length === 0) return undefined;
  const axes = list("axes").length === 0 ? list("starts").map((_, index) => index) : list("axes");
  const inputs = [node.inputs[0] ?? "", constant("starts", list("starts")), constant("ends", list("ends"))];
  return [changedNode(node, { inputs: [...inputs, constant("axes", axes)], without: ["starts", "ends", "axes"] })];
};

const changed: Readonly<Record<string, { readonly before: number; readonly from: number; readonly rule: Rule }>> = {
  Softmax: { before: 13, from: 1, rule: flattened },
  LogSoftmax: { before: 13, from: 1, rule: flattened },
  Squeeze: { before: 13, from: 1, rule: moved("axes", 1) },
  Unsqueeze: { before: 13, from: 1, rule: moved("axes", 1) },
  ReduceSum: { before: 13, from: 1, rule: moved("axes", 1) },
  Split: { before: 13, from: 2, rule: moved("split", 1) },
  Clip: { before: 11, from: 6, rule: clip },
  Slice: { before: 10, from: 1, rule: slice },
};

/** The model in operator set 13; one of a newer set is left as it is. Throws ERR_EDGEIMG_MODEL_QUANTIZE_OPERATOR. */
export function raised(open: OpenOnnx, called: string, key: readonly string[]): OpenOnnx {
  const { opset } = open;
  if (opset >= quantizedOpset) return open;
  const constants = new Map(open.constants);
  const { graph } = open.file;
  const ranks = new Map(
    [...graph.values, ...graph.outputs, ...graph.inputs].map(({ name, shape }) => [name, shape?.length] as const),
  );
  const rankOf = (name: string) => ranks.get(name);
  const nodes = open.nodes.flatMap((node) => {
    if (node.domain !== "") return [node];
    const rule = changed[node.op];
    const made =
      rule !== undefined && opset < rule.before
        ? opset >= rule.from
          ? rule.rule(node, (name, data) => addConstant(constants, `${node.outputs[0]}/${name}`, data), rankOf)
          : undefined
        : opset >= (unchanged[node.op] ?? Number.POSITIVE_INFINITY) || (rule !== undefined && opset >= rule.before)
          ? [node]
          : undefined;
    if (made !== undefined) return made;
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_QUANTIZE_OPERATOR",
      `${called} is of opset ${opset}, and its operator ${node.op} (${node.name || node.outputs[0]}) cannot be brought to opset ${quantizedOpset}.`,
      { key, hint: opsetHint },
    );
  });
  return { ...open, nodes, constants, opset: quantizedOpset };
}

const opsetHint = `Scales a channel need opset ${quantizedOpset}. Export the model with it: torch.onnx.export(..., opset_version=${quantizedOpset}), or onnx.version_converter.convert_version(model, ${quantizedOpset}).`;

function addConstant(constants: Map<string, Uint8Array>, name: string, data: Float32Array | readonly number[]): string {
  const tensor =
    data instanceof Float32Array
      ? tensorBytes({ name, type: "f32", shape: [], data })
      : tensorBytes({ name, type: "i64", shape: [data.length], data: BigInt64Array.from(data, (one) => BigInt(one)) });
  constants.set(name, tensor);
  return name;
}
