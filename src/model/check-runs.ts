import { EdgeimgError } from "../errors/edgeimg-error.js";
import { eachShape, type InputFacts, narrowed, probes } from "./probe.js";
import type { ReferenceRun } from "./reference.js";
import { probeShapes, type Shape, sameShape, shapeText } from "./shapes.js";
import type { SidecarInput } from "./sidecar.js";
import type { Tensor } from "./tensor.js";
import { listedInput, makeTestInput, type Range } from "./test-input.js";

/** What the project says of the values that an input is checked with. */
export type TestRanges = Readonly<Record<string, Range>>;

export interface CheckRun {
  readonly inputs: readonly Tensor[];
  readonly expected: readonly Tensor[];
}

export interface RunSearch {
  /** The model's name in the project. */
  readonly model: string;
  readonly inputs: readonly SidecarInput[];
  readonly facts: InputFacts;
  /** Whether the n-th shapes of all inputs go together: each is a model of its own, and is tried. */
  readonly together: boolean;
  readonly ranges: TestRanges;
  /** Values that fill an input, again and again. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** Whole inputs that the project gives. */
  readonly given: readonly Tensor[];
  readonly run: (inputs: readonly Tensor[]) => Promise<ReferenceRun>;
}

/** Ranges for whole numbers of which nothing is known, in the order they are tried: most vocabularies, flags and masks, ones, zeros. */
const guesses: readonly Range[] = [
  { min: 0, max: 9 },
  { min: 0, max: 1 },
  { min: 1, max: 1 },
  { min: 0, max: 0 },
];

/** Reaches what a range of -1..1 does not: the far ends of activations, clipped values, saturation. */
const wide: Range = { min: -6, max: 6 };

/**
 * Inputs that the model accepts, with onnxruntime's results: first what the project gives, then at each probed shape, and once more at the smallest with values of a wide range, except for pictures.
 * Throws ERR_EDGEIMG_MODEL_INPUTS when values are the reason that none is accepted, else ERR_EDGEIMG_MODEL_SHAPES.
 */
export async function findRuns(search: RunSearch): Promise<readonly CheckRun[]> {
  const runs: CheckRun[] = search.given.length === 0 ? [] : [await givenRun(search)];
  const plan = search.together ? eachShape(search.inputs) : probes(search.inputs, search.facts);
  for (const [index, choices] of plan.entries()) {
    // Other shapes are tried with made values, which the model may refuse: what the project gives may be the only ones that it takes.
    if (search.given.length > 0 && choices.some((shapes) => sameShapes(shapes, runs[0]?.inputs ?? []))) continue;
    const found = await firstAccepted(search, choices, index + 1);
    if ("error" in found && search.given.length > 0 && aboutValues.test(found.error)) continue;
    if ("error" in found) throw refused(search, choices[0] ?? [], found.error);
    runs.push(found);
  }
  const shapes = runs[0]?.inputs.map(({ shape }) => shape) ?? [];
  const isPicture = (shape: Shape) => shape.length === 4;
  if (!shapes.some(isPicture) && search.inputs.some(({ name, type }) => type === "f32" && !isTold(search, name))) {
    // A model may rightly refuse such values: then it is checked without them.
    const found = await firstAccepted(search, [shapes], plan.length + 1, wide);
    if (!("error" in found)) runs.push(found);
  }
  return runs;
}

/** The run of what the project gives: whole inputs in their shapes, others in the smallest that goes with them. Throws as findRuns does. */
export async function givenRun(search: RunSearch): Promise<CheckRun> {
  const fixed = search.inputs.map((input) => {
    const whole = search.given.find(({ name }) => name === input.name);
    if (whole === undefined) return input;
    return { ...input, allowed: { dims: whole.shape.map((size) => ({ min: size, max: size, step: 1 })) } };
  });
  const inputs = narrowed(search.model, fixed, search.facts);
  const own = search.together ? eachShape(search.inputs).find(([shapes]) => fits(shapes ?? [], search)) : undefined;
  const shapes = own?.[0] ?? inputs.map(({ allowed }) => probeShapes(allowed)[0] ?? []);
  const found = await firstAccepted({ ...search, inputs }, [shapes], 1);
  if ("error" in found) throw refused(search, shapes, found.error);
  return found;
}

/** Whether what the project gives has these shapes. */
function fits(shapes: readonly Shape[], { inputs, given }: RunSearch): boolean {
  return inputs.every(({ name }, index) => {
    const whole = given.find((one) => one.name === name);
    return whole === undefined || sameShape(whole.shape, shapes[index] ?? []);
  });
}

/** Whether the project says what an input is checked with. */
function isTold({ ranges, values, given }: RunSearch, name: string): boolean {
  return ranges[name] !== undefined || values[name] !== undefined || given.some((one) => one.name === name);
}

function sameShapes(shapes: readonly Shape[], inputs: readonly Tensor[]): boolean {
  return shapes.length === inputs.length && inputs.every(({ shape }, index) => sameShape(shape, shapes[index] ?? []));
}

async function firstAccepted(
  search: RunSearch,
  choices: readonly (readonly Shape[])[],
  seed: number,
  floats?: Range,
): Promise<CheckRun | { error: string }> {
  let first: string | undefined;
  const isKnown = ({ name, type }: SidecarInput) =>
    type === "f32" || type === "u8" || isTold(search, name) || search.facts.rows.has(name);
  const ranges = search.inputs.every(isKnown) ? guesses.slice(0, 1) : guesses;
  for (const shapes of choices)
    for (const guess of ranges) {
      const inputs = search.inputs.map((input, index) => {
        const { name, type } = input;
        const shape = shapes[index] ?? [];
        const whole = search.given.find((one) => one.name === name);
        if (whole !== undefined && sameShape(whole.shape, shape)) return whole;
        const values = search.values[name];
        if (values !== undefined) return listedInput({ name, type, shape }, values);
        return makeTestInput(name, type, shape, seed, rangeOf(search, input, guess, floats));
      });
      const result = await search.run(inputs);
      if ("outputs" in result) return { inputs, expected: result.outputs };
      first ??= result.error;
    }
  return { error: first ?? "there is no shape to be checked at" };
}

function rangeOf(
  { ranges, facts }: RunSearch,
  { name, type }: SidecarInput,
  guess: Range,
  floats?: Range,
): Range | undefined {
  const told = ranges[name];
  if (told !== undefined) return told;
  const rows = facts.rows.get(name);
  if (rows !== undefined) return { min: 0, max: Math.min(rows, type === "i8" ? 128 : type === "u8" ? 256 : rows) - 1 };
  if (type === "f32") return floats;
  if (type === "u8") return undefined;
  return /mask/i.test(name) && guess.max > 1 ? { min: 0, max: 1 } : guess;
}

/** What onnxruntime says of values, not of shapes. */
const aboutValues =
  /out of (data )?bounds|out of range|must be within|idx=|index(es)? .*(invalid|out of)|must be (less|smaller|greater) than|negative/i;

function refused({ model, inputs, given }: RunSearch, shapes: readonly Shape[], error: string): EdgeimgError {
  const at = inputs.map(({ name }, index) => `${name} ${shapeText(shapes[index] ?? [])}`).join(", ");
  const integers = inputs.filter(({ type }) => type !== "f32").map(({ name }) => name);
  if (aboutValues.test(error))
    return new EdgeimgError(
      "ERR_EDGEIMG_MODEL_INPUTS",
      `Model ${model} does not accept the values it was tried with at ${at}.`,
      {
        key: ["models", model, "inputs", given[0]?.name ?? integers[0] ?? inputs[0]?.name ?? ""],
        details: [error],
        hint:
          given.length > 0
            ? `Correct the values of ${given.map(({ name }) => name).join(", ")} that the project gives, or those of the other inputs, under models.${model}.inputs.`
            : `Say which values it takes, for example \`range: [0, 1]\` under models.${model}.inputs.${integers[0] ?? inputs[0]?.name ?? "NAME"}.test.`,
      },
    );
  return new EdgeimgError("ERR_EDGEIMG_MODEL_SHAPES", `Model ${model} fails at a declared shape: ${at}.`, {
    key: ["models", model, "inputs"],
    details: [error],
    hint: `Declare under models.${model}.inputs only sizes that the network accepts (many need multiples of 32), or whole \`shapes\`, whose n-th entries go together when several inputs must agree.`,
  });
}
