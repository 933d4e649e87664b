import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkAgainst, checkMetric, hostReference } from "../catalog/check.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { type Comparison, type Criterion, compareOutputs, comparisonText, passes, rounding } from "../model/compare.js";
import { readRuns } from "../model/kept-runs.js";
import { shapeText } from "../model/shapes.js";
import type { Tensor } from "../model/tensor.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

const criterion = z.strictObject({ metric: checkMetric, tolerance: z.number().nonnegative() });

const params = criterion.extend({
  name: z.string(),
  engine: z.string(),
  cpu: z.string(),
  against: checkAgainst,
  /** Outputs that are judged otherwise. */
  outputs: z.record(z.string(), criterion).default({}),
});
type Params = z.infer<typeof params>;

/** What a check that passed leaves behind. No number that was measured: its last digits depend on this machine's processor. */
interface CheckRecord {
  readonly shapes: Readonly<Record<string, string>>;
  readonly outputs: readonly string[];
}

/**
 * Judges what a model gave on the board's core, in the input `actual`, by what it should have given: those of ONNX Runtime on the host in `cases`, and golden outputs of the first run in `golden`. It runs nothing: another tolerance
 * costs no inference. What was measured is logged, level "debug". Throws ERR_EDGEIMG_MODEL_TOLERANCE, and _SHAPES for a metric that cannot judge an output.
 */
export const checkModelKind = defineKind({
  name: "check-model",
  version: 7,
  params,
  async run(check, context) {
    const { inputs, out } = context;
    const actual = await readRuns(inputFolder(inputs, "actual"));
    const cases = await readRuns(inputFolder(inputs, "cases"));
    if (actual.length !== cases.length || cases.length === 0)
      throw new Error(`${actual.length} runs are to be judged by ${cases.length}`);
    const actualOf = (index: number) => actual[index]?.outputs ?? [];
    const records: CheckRecord[] = [];
    if (check.against === hostReference)
      for (const [index, { inputs: run, outputs: expected }] of cases.entries())
        records.push(judge({ check, context, run, expected, actual: actualOf(index), than: hostReference }));
    const [first] = cases;
    if (inputs.golden !== undefined && first !== undefined) {
      const expected = (await readRuns(inputs.golden))[0]?.outputs ?? [];
      const same = (list: readonly Tensor[]) => list.filter(({ name }) => expected.some((one) => one.name === name));
      records.push(
        judge({
          check,
          context,
          run: first.inputs,
          expected,
          actual: same(actualOf(0)),
          reference: check.against === hostReference ? same(first.outputs) : undefined,
          than: "its golden outputs",
        }),
      );
    }
    if (records.length === 0) throw new Error("there is nothing to judge by");
    await writeFile(
      join(out, "check.json"),
      `${JSON.stringify({ model: check.name, engine: check.engine, cpu: check.cpu, tolerance: check.tolerance, passed: true, runs: records }, null, 1)}\n`,
    );
  },
});

interface Judged {
  readonly check: Params;
  readonly context: Pick<StepContext, "log" | "instead">;
  readonly run: readonly Tensor[];
  readonly expected: readonly Tensor[];
  readonly actual: readonly Tensor[];
  /** What onnxruntime gave for the same inputs. */
  readonly reference?: readonly Tensor[] | undefined;
  /** What `expected` is. */
  readonly than: typeof hostReference | "its golden outputs";
}

function judge({ check, context, run, expected, actual, reference, than }: Judged): CheckRecord {
  for (const one of expected) refuseTop(check, one);
  const criterionOf = (output: string): Criterion => check.outputs[output] ?? check;
  const comparisons = compareOutputs(expected, actual, criterionOf);
  const failed = comparisons.filter((one) => !passes(one));
  const shapes = Object.fromEntries(run.map(({ name, shape }) => [name, shapeText(shape)]));
  for (const one of comparisons)
    context.log("debug", `model ${check.name} at ${Object.values(shapes).join(", ")}: ${comparisonText(one)}`);
  if (failed.length > 0) {
    const isReferenceOff =
      reference !== undefined && compareOutputs(expected, reference, criterionOf).some((one) => !passes(one));
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_TOLERANCE",
      `Model ${check.name}: ${check.engine} on ${check.cpu} gives other results than ${than} at ${Object.entries(shapes)
        .map(([name, shape]) => `${name} ${shape}`)
        .join(", ")}.`,
      {
        details: failed.slice(0, 6).map((one) => comparisonText(one)),
        hint: isReferenceOff
          ? `${hostReference} on this machine gives other results than the golden outputs as well: the golden files, the inputs given with them, or the exported model are wrong, not the conversion.`
          : remedy(check, failed, {
              than,
              instead: context.instead,
              integers: new Set(expected.flatMap(({ name, type }) => (type === "f32" ? [] : [name]))),
            }),
      },
    );
  }
  return { shapes, outputs: comparisons.map(({ name }) => name) };
}

/** A row of one value has its largest value in one place only: that metric would pass anything. */
function refuseTop({ name, metric, outputs }: Params, { name: output, shape }: Tensor): void {
  const width = shape.at(-1) ?? 1;
  if ((outputs[output]?.metric ?? metric) !== "top-1" || width > 1 || shape.includes(0)) return;
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_SHAPES",
    `Model ${name}: output ${output} is ${shapeText(shape)}; top-1 needs two values or more in the last dimension.`,
    {
      key:
        outputs[output] === undefined
          ? ["models", name, "check", "metric"]
          : ["models", name, "outputs", output, "metric"],
      hint: `Give it another metric: models.${name}.outputs.${output}.metric.`,
    },
  );
}

/** A larger tolerance is offered for what may be rounding only: not for another shape, and not for results that have little in common. */
function remedy(
  { name, engine, outputs, ...usual }: Params,
  failed: readonly Comparison[],
  {
    than,
    instead,
    integers,
  }: Pick<Judged, "than"> & Pick<StepContext, "instead"> & { readonly integers: ReadonlySet<string> },
): string {
  const [unconverted] = instead;
  const other =
    unconverted === undefined || than !== hostReference
      ? "export the model with another opset"
      : `build with \`--engine ${unconverted}\`, which runs the file unconverted`;
  if (failed.some(({ mismatch }) => mismatch !== undefined))
    return than === hostReference
      ? `The conversion for ${engine} changed an output's shape or type: ${other}, or end the model with a Reshape to the shape you need.`
      : `The golden file has another shape than the model gives for these inputs: make it anew with the inputs under models.${name}.inputs.`;
  // ONNX leaves open what a Cast makes of a number that the type cannot hold, and x86 and Arm do differ.
  if (than === hostReference && failed.every((one) => integers.has(one.name)))
    return `If the model casts numbers to whole ones that do not fit the type (-1 to uint8), processors differ: put a Clip before the Cast, or say which values the inputs have in use, for example \`test: { range: [0, 1] }\` under models.${name}.inputs.NAME; else ${other}.`;
  const worst = failed.map((one) => ({
    key: outputs[one.name] === undefined ? `models.${name}.tolerance` : `models.${name}.outputs.${one.name}.tolerance`,
    criterion: outputs[one.name] ?? usual,
    factor: Math.max(...one.judged.map(({ measured, allowed }) => measured / allowed)),
  }));
  const tight = worst.find(({ criterion: { metric, tolerance } }) => metric === "agreement" && tolerance < rounding);
  if (tight !== undefined)
    return `A tolerance of ${tight.criterion.tolerance} is less than sums of 32-bit numbers differ by: set \`${tight.key}\` to ${rounding} or more.`;
  if (worst.some(({ criterion, factor }) => criterion.metric !== "top-1" && factor > 20))
    return than === hostReference
      ? `That is no rounding: ${other}, declare fewer shapes if only some are wrong, or take the operator out that differs.`
      : `That is no rounding: make the golden files anew with the inputs under models.${name}.inputs and this very model, or choose another engine.`;
  return `If that is precise enough for the app, raise \`${[...new Set(worst.map(({ key }) => key))].join("`, `")}\` in edgeimg.yaml; else ${other}.`;
}
