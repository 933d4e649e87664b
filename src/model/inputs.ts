import { EdgeimgError } from "../errors/edgeimg-error.js";
import { nearest } from "../errors/nearest.js";
import type { OnnxPort } from "./reference.js";
import type { Dimension, Shape, ShapeSet } from "./shapes.js";
import type { SidecarInput, SidecarOutput } from "./sidecar.js";
import { type ElementType, isElementType } from "./tensor.js";

/**
 * Joins what the model says of its inputs with the shapes that the project declares: a fixed shape needs no
 * declaration, an open one does. Throws ERR_EDGEIMG_MODEL_SHAPES or ERR_EDGEIMG_MODEL_OPERATOR (element type).
 */
export function resolveInputs(
  model: string,
  ports: readonly OnnxPort[],
  declared: Readonly<Record<string, ShapeSet>>,
): readonly SidecarInput[] {
  for (const name of Object.keys(declared)) {
    if (ports.some((port) => port.name === name)) continue;
    const names = ports.map((port) => port.name);
    const close = nearest(name, names);
    throw new EdgeimgError("ERR_EDGEIMG_MODEL_SHAPES", `Model ${model} has no input ${name}`, {
      hint: close === undefined ? `Its inputs are: ${names.join(", ")}.` : `Did you mean ${close}?`,
    });
  }
  return ports.map((port) => ({
    name: port.name,
    type: knownType(model, port),
    allowed: allowedShapes(model, port, declared[port.name]),
  }));
}

/** Outputs with what is known before a run: their names and types. */
export function resolveOutputs(model: string, ports: readonly OnnxPort[]): readonly SidecarOutput[] {
  return ports.map((port) => ({ name: port.name, type: knownType(model, port) }));
}

/**
 * What is told of an output's shape: its rank, as it was seen in runs (models often state none), and the sizes that
 * the model states and every run showed. Any other size is left open. Undefined when the runs do not agree on a rank.
 */
export function outputDims(port: OnnxPort, seen: readonly Shape[]): readonly Dimension[] | undefined {
  const [first] = seen;
  if (first === undefined || seen.some((shape) => shape.length !== first.length)) return undefined;
  return first.map((size, axis) => {
    const constant = port.shape[axis] === size && seen.every((shape) => shape[axis] === size);
    return constant ? { min: size, max: size, step: 1 } : { min: 1, max: 2 ** 31 - 1, step: 1 };
  });
}

function knownType(model: string, port: OnnxPort): ElementType {
  if (isElementType(port.type)) return port.type;
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_OPERATOR",
    `Model ${model}: ${port.name} has elements of type ${port.type || "other than tensors"}`,
    { hint: "Tensors of f32, i8, u8, i32 and i64 can be given to and had from a model." },
  );
}

function allowedShapes(model: string, port: OnnxPort, declared: ShapeSet | undefined): ShapeSet {
  const open = port.shape.some((size) => size === undefined);
  const told = `[${port.shape.map((size) => size ?? "?").join(", ")}]`;
  const fail = (message: string, hint: string): never => {
    throw new EdgeimgError("ERR_EDGEIMG_MODEL_SHAPES", `Model ${model}, input ${port.name} ${told}: ${message}`, {
      hint,
    });
  };
  if (declared === undefined) {
    if (open) return fail("its shape is open", `Declare it under models.${model}.inputs.${port.name}.dims.`);
    return { dims: port.shape.map((size = 1) => ({ min: size, max: size, step: 1 })) };
  }
  const dimensions = "shapes" in declared ? declared.shapes.map(fixed) : [declared.dims];
  for (const dims of dimensions) {
    if (dims.length !== port.shape.length)
      return fail(`${dims.length} dimensions are declared`, `Declare ${port.shape.length}.`);
    port.shape.forEach((size, axis) => {
      const dim = dims[axis];
      if (size !== undefined && (dim?.min !== size || dim.max !== size))
        fail(`dimension ${axis} is fixed in the model`, `Declare ${size} there.`);
    });
  }
  return declared;
}

function fixed(shape: Shape): readonly Dimension[] {
  return shape.map((size) => ({ min: size, max: size, step: 1 }));
}
