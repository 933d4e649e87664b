import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { compareOutputs, comparisonText } from "../model/compare.js";
import { resolveInputs } from "../model/inputs.js";
import { inspectOnnx, type OnnxModel, runOnnx } from "../model/reference.js";
import { probeShapes, shapeText } from "../model/shapes.js";
import { isElementType, type Tensor } from "../model/tensor.js";
import { makeTestInput } from "../model/test-input.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";
import { shapeSet } from "./model-ports.js";

const params = z.strictObject({
  name: z.string(),
  engine: z.string(),
  declared: z.record(z.string(), shapeSet),
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
  version: 2,
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
    const runs = testRuns(check, found);
    const expected = await runOnnx(options, runs);
    if (expected.length !== runs.length)
      throw new Error(`onnxruntime answered ${expected.length} of ${runs.length} runs`);
    const libraries = await libraryFolder(context);
    const records: CheckRecord[] = [];
    for (const [index, outputs] of expected.entries()) {
      const run = runs[index];
      if (run === undefined) throw new Error(`no inputs of run ${index}`);
      context.progress(index, runs.length, "files");
      const actual = await runOnTarget({ check, context, libraries, run, outputs });
      records.push(judge({ check, context, run, expected: outputs, actual }));
    }
    await writeFile(
      join(context.out, "check.json"),
      `${JSON.stringify({ model: check.name, engine: check.engine, cpu: check.cpu, tolerance: check.tolerance, passed: true, runs: records }, null, 1)}\n`,
    );
  },
});

/** Inputs for each probed shape; the n-th shapes of several inputs go together. */
function testRuns({ name, declared }: Params, model: OnnxModel): Tensor[][] {
  const ports = resolveInputs(name, model.inputs, declared).map((input) => ({
    input,
    shapes: probeShapes(input.allowed),
  }));
  const count = Math.max(1, ...ports.map(({ shapes }) => shapes.length));
  return Array.from({ length: count }, (_, run) =>
    ports.map(({ input, shapes }) => {
      const shape = shapes[Math.min(run, shapes.length - 1)];
      if (shape === undefined) throw new Error(`input ${input.name} has no shape to be checked at`);
      return makeTestInput(input.name, input.type, shape, run + 1);
    }),
  );
}

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
    args.push("--input", `${name}=${file}:${shapeText(shape)}`);
  }
  const fileOf = (index: number) => join(folder, `out-${index}.bin`);
  for (const [index, { name }] of outputs.entries()) args.push("--output", `${name}=${fileOf(index)}`);
  const result = await execa(
    join(inputFolder(inputs, "qemu"), "root/usr/bin", `qemu-${check.qemu}`),
    [
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
    { env: { LC_ALL: "C" }, extendEnv: false, reject: false, cancelSignal: services.signal },
  );
  services.signal.throwIfAborted();
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
        hint: "Choose an engine that can run it, such as onnxruntime (`--engine onnxruntime`), or change the model.",
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
        : "Choose another engine, or declare other shapes.",
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
  const comparisons = compareOutputs(expected, actual);
  const failed = comparisons.filter(({ maxAbsolute }) => !(maxAbsolute <= check.tolerance));
  const shapes = Object.fromEntries(run.map(({ name, shape }) => [name, shapeText(shape)]));
  for (const one of comparisons)
    context.log(
      "debug",
      `model ${check.name} at ${Object.values(shapes).join(", ")}: ${comparisonText(one, check.tolerance)}`,
    );
  if (failed.length > 0) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_TOLERANCE",
      `Model ${check.name}: ${check.engine} on ${check.cpu} gives other results than onnxruntime at ${Object.entries(
        shapes,
      )
        .map(([name, shape]) => `${name} ${shape}`)
        .join(", ")}.`,
      {
        details: failed.slice(0, 6).map((one) => comparisonText(one, check.tolerance)),
        hint: `Raise \`models.${check.name}.tolerance\` in edgeimg.yaml if that is precise enough, declare other shapes, or choose another engine.`,
      },
    );
  }
  return { shapes, outputs: comparisons.map(({ name }) => name) };
}
