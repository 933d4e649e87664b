import { fixedLimit } from "../catalog/converter.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { allows, type Shape, type ShapeSet, shapeText, traceShapes } from "./shapes.js";

/** What a project declares of an input: the shapes that the app uses, and those among them that an engine of fixed shapes is given. */
export interface DeclaredInput {
  readonly allowed: ShapeSet;
  readonly fixed?: readonly Shape[] | undefined;
}

/** Throws ERR_EDGEIMG_MODEL_SHAPES for a fixed shape that is not declared, whether the engine asks for any or not. */
export function checkFixed(model: string, declared: Readonly<Record<string, DeclaredInput>>): void {
  for (const [input, { allowed, fixed = [] }] of Object.entries(declared)) {
    const other = fixed.findIndex((shape) => !allows(allowed, shape));
    if (other < 0) continue;
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_SHAPES",
      `Model ${model}, input ${input}: the fixed shape ${shapeText(fixed[other] ?? [])} is not among its dims.`,
      {
        key: ["models", model, "inputs", input, "fixed", other],
        hint: `Choose sizes that models.${model}.inputs.${input}.dims allow.`,
      },
    );
  }
}

/**
 * The shapes that a model is converted for when each result serves one: an entry a model, each with one shape an input. The n-th shapes of all inputs
 * go together; an input with one shape has it in all of them. Throws ERR_EDGEIMG_MODEL_SHAPES for inputs with different numbers of shapes, and for
 * more than there may be.
 */
export function fixedShapes(
  model: string,
  declared: Readonly<Record<string, DeclaredInput>>,
): readonly Readonly<Record<string, Shape>>[] {
  const lists = Object.entries(declared).map(([input, one]) => [input, shapesOf(one)] as const);
  const count = Math.max(1, ...lists.map(([, shapes]) => shapes.length));
  const fail = (input: string, message: string, hint: string): never => {
    throw new EdgeimgError("ERR_EDGEIMG_MODEL_SHAPES", `Model ${model}: ${message}`, {
      key: ["models", model, "inputs", input],
      hint,
    });
  };
  for (const [input, { length }] of lists) {
    if (length > fixedLimit)
      fail(
        input,
        `${input} has ${length} shapes, and the engine needs a model for each; ${fixedLimit} are the most.`,
        `Declare fewer under models.${model}.inputs.${input}.shapes, or \`dims\` with a list \`fixed\`.`,
      );
    if (length !== 1 && length !== count)
      fail(
        input,
        `${input} has ${length} fixed shapes, another input ${count}; the n-th ones go together.`,
        `Give each input as many, or one: models.${model}.inputs.`,
      );
  }
  return Array.from({ length: count }, (_, index) =>
    Object.fromEntries(lists.map(([input, shapes]) => [input, shapes[shapes.length === 1 ? 0 : index] ?? []])),
  );
}

function shapesOf({ allowed, fixed }: DeclaredInput): readonly Shape[] {
  return fixed ?? ("shapes" in allowed ? allowed.shapes : [traceShapes(allowed)[0]]);
}

/** The same as what may be declared of each input, the n-th shapes of all together. */
export function together(
  variants: readonly Readonly<Record<string, Shape>>[],
): Readonly<Record<string, { readonly shapes: readonly Shape[] }>> {
  return Object.fromEntries(
    Object.keys(variants[0] ?? {}).map((input) => [input, { shapes: variants.map((one) => one[input] ?? []) }]),
  );
}
