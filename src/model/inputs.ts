import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { OnnxPort } from "./reference.js";
import type { Dimension, Shape, ShapeSet } from "./shapes.js";
import type { SidecarInput, SidecarOutput } from "./sidecar.js";
import { type ElementType, isElementType } from "./tensor.js";
import { unknownPort } from "./unknown-port.js";

/**
 * Joins what the model says of its inputs with the shapes that the project declares: a fixed shape needs no
 * declaration, an open one does. Throws ERR_EDGEIMG_MODEL_SHAPES or ERR_EDGEIMG_MODEL_TYPE.
 */
export function resolveInputs(
  model: string,
  ports: readonly OnnxPort[],
  declared: Readonly<Record<string, ShapeSet>>,
): readonly SidecarInput[] {
  const names = ports.map((port) => port.name);
  for (const port of Object.keys(declared))
    if (!names.includes(port)) throw unknownPort(model, "input", { port, names });
  return ports.map((port) => ({
    name: port.name,
    type: knownType(model, port),
    allowed: allowedShapes(model, port, declared[port.name]),
  }));
}

/** Outputs with what is known before a run: names, types, and shapes as far as the model states them. `scalars`: outputs that it says have no dimensions. */
export function resolveOutputs(
  model: string,
  ports: readonly OnnxPort[],
  scalars: ReadonlySet<string>,
): readonly SidecarOutput[] {
  return ports.map((port) => {
    const known = { name: port.name, type: knownType(model, port) };
    return port.shape.length > 0 || scalars.has(port.name) ? { ...known, dims: port.shape.map(outputDim) } : known;
  });
}

/** Sizes that the model leaves open may be 0: a detector may find nothing. */
function outputDim(size: number | undefined): Dimension {
  return size === undefined ? { min: 0, max: 2 ** 31 - 1, step: 1 } : { min: size, max: size, step: 1 };
}

function knownType(model: string, port: OnnxPort): ElementType {
  if (isElementType(port.type)) return port.type;
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_TYPE",
    `Model ${model}: ${port.name} has elements of type ${port.type || "other than tensors"}, which the file does not tell itself.`,
    { hint: `Export the model with a Cast to float32, int8, uint8, int32 or int64 at ${port.name}.` },
  );
}

function allowedShapes(model: string, port: OnnxPort, declared: ShapeSet | undefined): ShapeSet {
  const open = port.shape.some((size) => size === undefined);
  const told = `[${port.shape.map((size) => size ?? "?").join(", ")}]`;
  const fail = (message: string, hint: string): never => {
    throw new EdgeimgError("ERR_EDGEIMG_MODEL_SHAPES", `Model ${model}, input ${port.name} ${told}: ${message}`, {
      key: ["models", model, "inputs", port.name],
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
      return fail(
        `${dims.length} dimension${dims.length === 1 ? " is" : "s are"} declared`,
        `Declare ${port.shape.length}.`,
      );
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
