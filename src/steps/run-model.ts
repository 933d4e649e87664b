import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "../ground/zod.js";
import { engineFailure } from "../model/engine-failure.js";
import { type KeptRun, readRuns, writeRuns } from "../model/kept-runs.js";
import { shapeText } from "../model/shapes.js";
import type { Tensor } from "../model/tensor.js";
import { captureProcess } from "../process/capture-process.js";
import { emulatedRoot } from "./emulated-root.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";
import { type ModelPorts, readPorts } from "./model-ports.js";

const params = z.strictObject({
  name: z.string(),
  engine: z.string(),
  /** QEMU's name of the architecture and of the board's core. */
  qemu: z.string(),
  cpu: z.string(),
  /** Whether the engine was built with the operators of the models alone. */
  reduced: z.literal(true).optional(),
});
type Params = z.infer<typeof params>;

/** Threads that the engine is given, and cores that it sees: the same on every host. */
const cores = 2;

/**
 * Runs a model as the image holds it, in the very library that goes on the image, on QEMU's model of the board's core, and keeps what it
 * gives (kept-runs.ts). An instruction that the core lacks ends it here. Throws ERR_EDGEIMG_MODEL_OPERATOR.
 */
export const runModelKind = defineKind({
  name: "run-model",
  version: 2,
  params,
  async run(check, context) {
    const { inputs, out } = context;
    const { outputs } = await readPorts(inputFolder(inputs, "ports"));
    const cases = await readRuns(inputFolder(inputs, "cases"));
    const libraries = await libraryFolder(context);
    const root = await emulatedRoot(join(inputFolder(inputs, "sysroot"), "root"), {
      into: join(context.work, "root"),
      cores,
    });
    const runner = await onlyFile(inputFolder(inputs, "runner"));
    const runs: KeptRun[] = [];
    for (const [index, { inputs: run }] of cases.entries()) {
      context.progress(index, cases.length, "files");
      runs.push({ inputs: [], outputs: await runOnTarget({ check, context, root, libraries, runner, run, outputs }) });
    }
    await writeRuns(out, runs);
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

/** The one file that a step compiled. */
async function onlyFile(folder: string): Promise<string> {
  const [name, ...more] = await readdir(folder);
  if (name === undefined || more.length > 0) throw new Error(`${folder} holds another number of files than one`);
  return join(folder, name);
}

interface TargetRun {
  readonly check: Params;
  readonly context: StepContext;
  /** The folder that the program sees as /. */
  readonly root: string;
  readonly libraries: string;
  /** The program that runs a model once. */
  readonly runner: string;
  readonly run: readonly Tensor[];
  readonly outputs: ModelPorts["outputs"];
}

const answerLine = z.object({ output: z.string(), shape: z.array(z.int()) });

async function runOnTarget({ check, context, root, libraries, runner, run, outputs }: TargetRun): Promise<Tensor[]> {
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
  const runOnce = (settings: Readonly<Record<string, string>>) =>
    captureProcess({
      program: join(inputFolder(inputs, "qemu"), "root/usr/bin", `qemu-${check.qemu}`),
      args: [
        ...["-cpu", check.cpu, "-L", root],
        ...Object.entries({ LD_LIBRARY_PATH: libraries, ...settings }).flatMap(([key, value]) => [
          "-E",
          `${key}=${value}`,
        ]),
        runner,
        ...["--engine", join(libraries, "libedge_nn.so"), "--model", inputFolder(inputs, "model")],
        ...["--threads", String(cores)],
        ...args,
      ],
      env: { LC_ALL: "C" },
      signal: services.signal,
    });
  const result = await runOnce({});
  if (result.exitCode !== 0)
    throw engineFailure({
      model: check.name,
      engine: check.engine,
      cpu: check.cpu,
      shapes: run.map(({ name, shape }) => `${name} ${shapeText(shape)}`).join(", "),
      end: result,
      instead: context.instead,
      reduced: check.reduced === true,
      traced: await runOnce({ EDGE_NN_TRACE: "1" }),
    });
  const lines = result.stdout
    .split("\n")
    .flatMap((line) => (line.startsWith("{") ? [answerLine.safeParse(JSON.parse(line))] : []));
  const shapes = new Map(lines.flatMap((line) => (line.success ? [[line.data.output, line.data.shape] as const] : [])));
  return await Promise.all(
    outputs.map(async ({ name, type }, index) => {
      const shape = shapes.get(name);
      if (shape === undefined) throw new Error(`the program that runs models told nothing of output ${name}`);
      return { name, type, shape, data: new Uint8Array(await readFile(fileOf(index))) };
    }),
  );
}
