import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { type Comparison, compareOutputs, comparisonText, passes, rounding } from "../model/compare.js";
import { readRuns } from "../model/kept-runs.js";
import { shapeText } from "../model/shapes.js";
import type { Tensor } from "../model/tensor.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

const params = z.strictObject({
  name: z.string(),
  engine: z.string(),
  cpu: z.string(),
  tolerance: z.number().positive(),
});
type Params = z.infer<typeof params>;

/** What a check that passed leaves behind. No number that was measured: its last digits depend on this machine's processor. */
interface CheckRecord {
  readonly shapes: Readonly<Record<string, string>>;
  readonly outputs: readonly string[];
}

/**
 * Judges what a model gave on the board's core, in the input `actual`, by what it should have given, in `cases`. It runs nothing: another tolerance
 * costs no inference. What was measured is logged, level "debug". Throws ERR_EDGEIMG_MODEL_TOLERANCE.
 */
export const checkModelKind = defineKind({
  name: "check-model",
  version: 6,
  params,
  async run(check, context) {
    const { inputs, out } = context;
    const actual = await readRuns(inputFolder(inputs, "actual"));
    const cases = await readRuns(inputFolder(inputs, "cases"));
    if (actual.length !== cases.length || cases.length === 0)
      throw new Error(`${actual.length} runs are to be judged by ${cases.length}`);
    const records = cases.map(({ inputs: run, outputs: expected }, index) =>
      judge({ check, context, run, expected, actual: actual[index]?.outputs ?? [] }),
    );
    await writeFile(
      join(out, "check.json"),
      `${JSON.stringify({ model: check.name, engine: check.engine, cpu: check.cpu, tolerance: check.tolerance, passed: true, runs: records }, null, 1)}\n`,
    );
  },
});

function judge({
  check,
  context,
  run,
  expected,
  actual,
}: {
  check: Params;
  context: Pick<StepContext, "log">;
  run: readonly Tensor[];
  expected: readonly Tensor[];
  actual: readonly Tensor[];
}): CheckRecord {
  const comparisons = compareOutputs(expected, actual, check.tolerance);
  const failed = comparisons.filter((one) => !passes(one));
  const shapes = Object.fromEntries(run.map(({ name, shape }) => [name, shapeText(shape)]));
  for (const one of comparisons)
    context.log("debug", `model ${check.name} at ${Object.values(shapes).join(", ")}: ${comparisonText(one)}`);
  if (failed.length > 0) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_TOLERANCE",
      `Model ${check.name}: ${check.engine} on ${check.cpu} gives other results than onnxruntime at ${Object.entries(
        shapes,
      )
        .map(([name, shape]) => `${name} ${shape}`)
        .join(", ")}.`,
      {
        details: failed.slice(0, 6).map((one) => comparisonText(one)),
        hint: remedy(check, failed, new Set(expected.flatMap(({ name, type }) => (type === "f32" ? [] : [name])))),
      },
    );
  }
  return { shapes, outputs: comparisons.map(({ name }) => name) };
}

/** A larger tolerance is offered for what may be rounding only: not for another shape, and not for results that have little in common. */
function remedy(
  { name, engine, tolerance }: Params,
  failed: readonly Comparison[],
  integers: ReadonlySet<string>,
): string {
  const other =
    engine === "onnxruntime"
      ? "export the model with another opset"
      : "build with `--engine onnxruntime`, which runs the file unconverted";
  if (failed.some(({ mismatch }) => mismatch !== undefined))
    return `The conversion for ${engine} changed an output's shape or type: ${other}, or end the model with a Reshape to the shape you need.`;
  // ONNX leaves open what a Cast makes of a number that the type cannot hold, and x86 and Arm do differ.
  if (engine === "onnxruntime" && failed.every((one) => integers.has(one.name)))
    return `If the model casts numbers to whole ones that do not fit the type (-1 to uint8), processors differ: put a Clip before the Cast, or say which values the inputs have in use, for example \`test: { range: [0, 1] }\` under models.${name}.inputs.NAME; else ${other}.`;
  if (tolerance < rounding)
    return `A tolerance of ${tolerance} is less than sums of 32-bit numbers differ by: set \`models.${name}.tolerance\` to ${rounding} or more.`;
  const factor = Math.max(...failed.flatMap(({ judged }) => judged.map(({ measured, allowed }) => measured / allowed)));
  if (factor > 20)
    return `That is no rounding: ${other}, declare fewer shapes if only some are wrong, or take the operator out that differs.`;
  return `If that is precise enough for the app, raise \`models.${name}.tolerance\` in edgeimg.yaml; else ${other}.`;
}
