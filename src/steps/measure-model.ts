import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type CpioEntry, writeCpio } from "../formats/cpio.js";
import * as z from "../ground/zod.js";
import { type KeptRun, readRuns } from "../model/kept-runs.js";
import { measuredLine, modelMeasures, type RunMeasure } from "../model/measures.js";
import { shapeText } from "../model/shapes.js";
import { captureProcess } from "../process/capture-process.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

const params = z.strictObject({
  name: z.string(),
  engine: z.string(),
  /** QEMU's name of the architecture and of the board's core. */
  qemu: z.string(),
  cpu: z.string(),
});
type Params = z.infer<typeof params>;

/**
 * What the engine is given: one thread, since threads that wait for one another execute instructions while they do; and runs before the one that counts,
 * since engines allocate and pack in their first.
 */
export const measureSettings = { threads: 1, warmUp: 1 };

/**
 * Runs a model on an emulated machine of one core, with the image's libraries and the distribution's kernel, and keeps what a run takes in `measures.json`:
 * instructions, as the processor's own counter has them, and memory, as the kernel tells it. QEMU's clock is the number of instructions, and nothing that
 * the machine reads comes from the host, so that two machines do the same. Throws ERR_EDGEIMG_BENCH_MEASURE.
 */
export const measureModelKind = defineKind({
  name: "measure-model",
  version: 1,
  params,
  async run(job, context) {
    const { inputs, out, work, services } = context;
    const cases = distinctShapes(await readRuns(inputFolder(inputs, "cases")));
    const initrd = join(work, "initrd");
    const root = await readFile(join(inputFolder(inputs, "root"), "data.cpio"));
    // Linux unpacks one archive behind the other.
    await writeFile(initrd, Buffer.concat([root, writeCpio(runEntries(job.name, cases))]));
    const said = await captureProcess({ ...machine(job, context, initrd), signal: services.signal });
    const runs = readMachine(said.stdout, cases);
    if (runs === undefined || said.exitCode !== 0)
      throw new EdgeimgError(
        "ERR_EDGEIMG_BENCH_MEASURE",
        `Model ${job.name} cannot be measured with ${job.engine} on an emulated ${job.cpu}.`,
        {
          details: said.all.split(/\r?\n/).slice(-6),
          hint: "Its check runs it another way: build with `--only model-check/NAME` to see whether the engine runs it at all.",
        },
      );
    const measures = modelMeasures.parse({
      model: job.name,
      engine: job.engine,
      cpu: job.cpu,
      ...measureSettings,
      runs,
    });
    await writeFile(join(out, "measures.json"), `${JSON.stringify(measures, null, 1)}\n`);
  },
});

/** One run of each choice of shapes: what a run takes is a matter of them, not of the values. */
export function distinctShapes(cases: readonly KeptRun[]): KeptRun[] {
  const key = ({ inputs }: KeptRun) => inputs.map(({ shape }) => shapeText(shape)).join(" ");
  return [...new Map(cases.toReversed().map((one) => [key(one), one])).values()].toReversed();
}

/** The arguments of the program that runs a model, whose inputs are the files `inputOf` names. */
export function runArguments(
  job: { readonly model: string; readonly threads: number; readonly warmUp: number; readonly repeat: number },
  run: KeptRun,
  inputOf: (index: number) => string,
): string[] {
  return [
    ...["--model", job.model, "--threads", String(job.threads)],
    ...["--warm-up", String(job.warmUp), "--repeat", String(job.repeat)],
    ...run.inputs.flatMap(({ name, shape }, index) => ["--input", name, inputOf(index), shapeText(shape)]),
  ];
}

/** The inputs, and the list of runs that the machine's first process reads: an argument a line, an empty line behind each run. */
function runEntries(name: string, cases: readonly KeptRun[]): CpioEntry[] {
  const file = (run: number, input: number) => `bench/in-${run}-${input}.bin`;
  const list = cases.map((one, run) => {
    const args = runArguments(
      { model: `/models/${name}`, ...measureSettings, repeat: 1 },
      one,
      (input) => `/${file(run, input)}`,
    );
    return ["--engine", "/usr/lib/edgeimg/libedge_nn.so", ...args, "", ""].join("\n");
  });
  return [
    { type: "directory", path: "bench", mode: 0o755 },
    { type: "directory", path: "dev", mode: 0o755 },
    { type: "character", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { type: "file", path: "bench/runs", mode: 0o644, data: Buffer.from(list.join("")) },
    ...cases.flatMap(({ inputs }, run) =>
      inputs.map(({ data }, input): CpioEntry => ({ type: "file", path: file(run, input), mode: 0o644, data })),
    ),
  ];
}

/** A machine without anything that differs from start to start: no clock, no random numbers, no network of the host's. */
function machine({ qemu, cpu }: Params, { inputs, work }: StepContext, initrd: string) {
  const root = join(inputFolder(inputs, "qemu"), "root");
  return {
    program: join(root, `usr/bin/qemu-system-${qemu}`),
    args: [
      ...["-L", join(root, "usr/share/qemu"), "-M", "virt,dtb-randomness=off", "-cpu", cpu, "-smp", "1", "-m", "2G"],
      ...["-icount", "shift=0,sleep=off", "-rtc", "base=2000-01-01,clock=vm"],
      ...["-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-nic", "none"],
      ...["-kernel", join(inputFolder(inputs, "kernel"), "data/kernel"), "-initrd", initrd],
      ...["-append", "console=ttyAMA0 quiet loglevel=3 panic=-1 rdinit=/init nokaslr norandmaps cryptomgr.notests"],
    ],
    env: { LC_ALL: "C", TMPDIR: work },
  };
}

const endedLine = z.object({ ended: z.int().nullable() });

/** What the machine says on its console of each run; undefined when one of them did not end well. */
function readMachine(said: string, cases: readonly KeptRun[]): RunMeasure[] | undefined {
  const lines = said.split(/\r?\n/).flatMap((line) => (line.startsWith("{") ? [parsed(line)] : []));
  const measured = lines.flatMap((line) => measuredLine.safeParse(line).data ?? []);
  const ended = lines.flatMap((line) => endedLine.safeParse(line).data ?? []);
  if (ended.length !== cases.length || measured.length !== cases.length || ended.some((one) => one.ended !== 0))
    return undefined;
  return cases.flatMap(({ inputs }, index) => {
    const { instructions, peakKb } = measured[index] ?? { instructions: null, peakKb: -1 };
    const [executed] = instructions ?? [];
    if (executed === undefined || peakKb < 0) return [];
    return [
      {
        shapes: Object.fromEntries(inputs.map(({ name, shape }) => [name, shapeText(shape)])),
        instructions: executed,
        peakBytes: peakKb * 1024,
      },
    ];
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
