import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { findRuns } from "../model/check-runs.js";
import { type Comparison, compareOutputs, comparisonText, passes, rounding } from "../model/compare.js";
import { readModel } from "../model/external-data.js";
import { resolveInputs } from "../model/inputs.js";
import { inputFacts, narrowed } from "../model/probe.js";
import { inspectOnnx, runOnnx } from "../model/reference.js";
import { shapeText } from "../model/shapes.js";
import { isElementType, type Tensor } from "../model/tensor.js";
import { captureProcess } from "../process/capture-process.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";
import { shapeSet } from "./model-ports.js";

const params = z.strictObject({
  name: z.string(),
  engine: z.string(),
  declared: z.record(z.string(), shapeSet),
  /** Values that inputs are tried with, where the project says. */
  ranges: z.record(z.string(), z.strictObject({ min: z.number(), max: z.number() })).default({}),
  tolerance: z.number().positive(),
  /** QEMU's name of the architecture and of the board's core. */
  qemu: z.string(),
  cpu: z.string(),
});
type Params = z.infer<typeof params>;

/** What a check that passed leaves behind. No number that was measured: its last digits depend on this machine's processor. */
interface CheckRecord {
  readonly shapes: Readonly<Record<string, string>>;
  readonly outputs: readonly string[];
}

/**
 * Runs a model as the image holds it, in the very library that goes on the image, on QEMU's model of the board's core, and compares
 * each output with onnxruntime on this machine, at the smallest and a middle declared shape, others than a converter was shown. An instruction that
 * the core lacks ends it here. What was measured is logged, level "debug".
 * Throws ERR_EDGEIMG_MODEL_TOLERANCE and ERR_EDGEIMG_MODEL_OPERATOR.
 */
export const checkModelKind = defineKind({
  name: "check-model",
  version: 5,
  params,
  async run(check, context) {
    const { inputs, work, services } = context;
    const onnx = join(inputFolder(inputs, "onnx"), "model.onnx");
    const options = {
      runtime: inputFolder(inputs, "reference"),
      model: onnx,
      name: `model ${check.name}`,
      signal: services.signal,
      work,
    };
    const found = await inspectOnnx(options);
    const facts = inputFacts((await readModel(onnx, `Model ${check.name}`)).file);
    const runs = await findRuns({
      model: check.name,
      inputs: narrowed(check.name, resolveInputs(check.name, found.inputs, check.declared), facts),
      facts,
      ranges: check.ranges,
      run: async (inputs) => {
        const [result, ...others] = await runOnnx(options, [inputs]);
        if (result === undefined || others.length > 0) throw new Error("onnxruntime did not answer one run");
        return result;
      },
    });
    const libraries = await libraryFolder(context);
    const records: CheckRecord[] = [];
    for (const [index, { inputs: run, expected }] of runs.entries()) {
      context.progress(index, runs.length, "files");
      const actual = await runOnTarget({ check, context, libraries, run, outputs: expected });
      records.push(judge({ check, context, run, expected, actual }));
    }
    await writeFile(
      join(context.out, "check.json"),
      `${JSON.stringify({ model: check.name, engine: check.engine, cpu: check.cpu, tolerance: check.tolerance, passed: true, runs: records }, null, 1)}\n`,
    );
  },
});

/** The engine's libraries beside the adapter, as in the image. */
async function libraryFolder({ inputs, work }: StepContext): Promise<string> {
  const folder = join(work, "lib");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await symlink(join(inputFolder(inputs, "adapter"), "libedge_nn.so"), join(folder, "libedge_nn.so"));
  if (inputs.engine !== undefined) {
    const source = join(inputs.engine, "usr/lib");
    for (const name of await readdir(source))
      if (name.includes(".so")) await symlink(join(source, name), join(folder, name));
  }
  return folder;
}

interface TargetRun {
  readonly check: Params;
  readonly context: StepContext;
  readonly libraries: string;
  readonly run: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

const answerLine = z.object({ output: z.string(), shape: z.array(z.int()) });
const errorLine = z.object({ error: z.string(), status: z.string().optional() });

async function runOnTarget({ check, context, libraries, run, outputs }: TargetRun): Promise<Tensor[]> {
  const { inputs, work, services } = context;
  const folder = join(work, "target");
  await mkdir(folder, { recursive: true });
  const args: string[] = [];
  for (const [index, { name, shape, data }] of run.entries()) {
    const file = join(folder, `in-${index}.bin`);
    await writeFile(file, data);
    args.push("--input", name, file, shapeText(shape));
  }
  const fileOf = (index: number) => join(folder, `out-${index}.bin`);
  for (const [index, { name }] of outputs.entries()) args.push("--output", name, fileOf(index));
  const result = await captureProcess({
    program: join(inputFolder(inputs, "qemu"), "root/usr/bin", `qemu-${check.qemu}`),
    args: [
      ...["-cpu", check.cpu, "-L", join(inputFolder(inputs, "sysroot"), "root"), "-E", `LD_LIBRARY_PATH=${libraries}`],
      join(inputFolder(inputs, "runner"), "edge-nn-run"),
      ...[
        "--engine",
        join(libraries, "libedge_nn.so"),
        "--model",
        inputFolder(inputs, "model"),
        "--threads",
        "2",
        ...args,
      ],
    ],
    env: { LC_ALL: "C" },
    signal: services.signal,
  });
  if (result.exitCode !== 0)
    throw refused(check, run, {
      stdout: result.stdout,
      stderr: result.stderr,
      signal: result.signal,
      exitCode: result.exitCode,
    });
  const lines = result.stdout
    .split("\n")
    .flatMap((line) => (line.startsWith("{") ? [answerLine.safeParse(JSON.parse(line))] : []));
  const shapes = new Map(lines.flatMap((line) => (line.success ? [[line.data.output, line.data.shape] as const] : [])));
  return await Promise.all(
    outputs.map(async ({ name, type }, index) => {
      const shape = shapes.get(name);
      if (shape === undefined || !isElementType(type)) throw new Error(`edge-nn-run told nothing of output ${name}`);
      return { name, type, shape, data: new Uint8Array(await readFile(fileOf(index))) };
    }),
  );
}

function refused(
  check: Params,
  run: readonly Tensor[],
  result: { stdout: string; stderr: string; signal: string | undefined; exitCode: number | undefined },
): EdgeimgError {
  const shapes = run.map(({ name, shape }) => `${name} ${shapeText(shape)}`).join(", ");
  const line = result.stdout.split("\n").find((one) => one.startsWith('{"error"'));
  const told = line === undefined ? undefined : errorLine.safeParse(JSON.parse(line));
  if (told?.success) {
    return new EdgeimgError(
      "ERR_EDGEIMG_MODEL_OPERATOR",
      `Model ${check.name}: ${check.engine} refuses it at ${shapes}: ${told.data.error}`,
      {
        hint:
          check.engine === "onnxruntime"
            ? "Export the model without what the message names, or with another opset."
            : "Build with `--engine onnxruntime`, which runs nearly every model, or export the model without what the message names.",
      },
    );
  }
  const illegal = result.signal === "SIGILL" || result.exitCode === 132 || /Illegal instruction/.test(result.stderr);
  return new EdgeimgError(
    "ERR_EDGEIMG_MODEL_OPERATOR",
    `Model ${check.name}: ${check.engine} ${illegal ? `uses an instruction that ${check.cpu} lacks` : "crashed"} at ${shapes}.`,
    {
      details: result.stderr.split("\n").slice(-4),
      hint: illegal
        ? "The recipe's flags are wrong for this core: report it."
        : check.engine === "onnxruntime"
          ? "Declare other shapes, or export the model with another opset."
          : "Build with `--engine onnxruntime`, which runs nearly every model, or declare other shapes.",
    },
  );
}

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
        hint: remedy(check, failed),
      },
    );
  }
  return { shapes, outputs: comparisons.map(({ name }) => name) };
}

/** A larger tolerance is offered for what may be rounding only: not for another shape, and not for results that have little in common. */
function remedy({ name, engine, tolerance }: Params, failed: readonly Comparison[]): string {
  const other =
    engine === "onnxruntime"
      ? "export the model with another opset"
      : "build with `--engine onnxruntime`, which runs the file unconverted";
  if (failed.some(({ mismatch }) => mismatch !== undefined))
    return `The conversion for ${engine} changed an output's shape or type: ${other}, or end the model with a Reshape to the shape you need.`;
  if (tolerance < rounding)
    return `A tolerance of ${tolerance} is less than sums of 32-bit numbers differ by: set \`models.${name}.tolerance\` to ${rounding} or more.`;
  const factor = Math.max(...failed.flatMap(({ judged }) => judged.map(({ measured, allowed }) => measured / allowed)));
  if (factor > 20)
    return `That is no rounding: ${other}, declare fewer shapes if only some are wrong, or take the operator out that differs.`;
  return `If that is precise enough for the app, raise \`models.${name}.tolerance\` in edgeimg.yaml; else ${other}.`;
}
