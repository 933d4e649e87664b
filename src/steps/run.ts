import { createWriteStream } from "node:fs";
import { cp, lstat, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { trace } from "../catalog/converter.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { refuseUntranslatable, traceArguments, unconvertedError, unconvertedLayers } from "../model/converter.js";
import { lastLines, programName, runProcess } from "../process/run-process.js";
import { treeTime } from "../store/tree.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";
import { readPorts } from "./model-ports.js";

const params = z.strictObject({
  /** Run one after another in the work folder: `in/NAME` are the inputs, `out/` the result, `tmp/` is free. */
  commands: z.array(z.array(z.string()).min(1)),
  env: z.record(z.string(), z.string()).default({}),
  /** PATH, relative to the work folder. Nothing else is on it. */
  path: z.array(z.string()).default([]),
  /** Inputs that are copied to a folder of their own because the commands write into them: input -> folder. */
  copies: z.record(z.string(), z.string()).default({}),
  /** Folders that are made beforehand. */
  folders: z.array(z.string()).default([]),
  /** Fed to the last command's standard input: a path in the work folder. */
  stdin: z.string().optional(),
  /** The last command's standard output goes to this path instead of the log. */
  stdout: z.string().optional(),
  /** Further arguments of the last command, made from a model's ports: known only when the step that found them has run. */
  late: z.strictObject({ ports: z.string(), trace, model: z.string() }).optional(),
  /** Files below `out/` that must be there in the end. */
  outputs: z.array(z.string()).optional(),
  /** A text file below `out/` with lines that say that a model could not be translated. */
  refuse: z.strictObject({ file: z.string(), line: z.string(), model: z.string(), engine: z.string() }).optional(),
  /** The error when a command fails, with what a user can do about it. */
  failure: z
    .strictObject({
      code: z.enum(["ERR_EDGEIMG_STEP_FAILED", "ERR_EDGEIMG_MODEL_CONVERSION"]),
      message: z.string().optional(),
      hint: z.string(),
    })
    .optional(),
});
type Params = z.infer<typeof params>;

/**
 * Runs tools on input trees, in an environment of its own. `{cwd}`, `{jobs}` in arguments and environment are filled
 * in when it runs, so that they are not part of the key.
 */
export const runKind = defineKind({
  name: "run",
  version: 2,
  params,
  resumable: true,
  async run(step, context) {
    const { work } = context;
    await prepare(step, context);
    const late = await lateArguments(step, context);
    const log = createWriteStream(join(work, "log.txt"));
    // A log that cannot be written (a full disk) does not harm the result, and must not end the process.
    log.on("error", () => {});
    try {
      for (const [index, command] of step.commands.entries()) {
        const last = index === step.commands.length - 1;
        await runCommand({ step, command: last ? [...command, ...late] : command, context, log, last });
      }
    } finally {
      await new Promise((resolve) => log.end(resolve));
    }
    await checkResult(step, context);
  },
});

/** What a step runs, as it is written in the plan; undefined for one that runs no process. `{cwd}` is its work folder, `{jobs}` how much may run at once. */
export function commandsOf({ kind, params: raw }: { readonly kind: string; readonly params: object }) {
  if (kind !== runKind.name) return undefined;
  const { commands, env, path, copies, late, stdin, stdout } = params.parse(raw);
  return { commands, env: { ...baseEnvironment("{cwd}", path), ...env }, copies, late: late?.ports, stdin, stdout };
}

/** The environment of every step: nothing of the machine, nothing of the user. */
function baseEnvironment(work: string, path: readonly string[]): Record<string, string> {
  return {
    PATH: path.map((part) => join(work, part)).join(":"),
    HOME: work,
    TMPDIR: join(work, "tmp"),
    LC_ALL: "C",
    TZ: "UTC",
    SOURCE_DATE_EPOCH: String(treeTime),
  };
}

async function prepare(step: Params, { inputs, work }: StepContext): Promise<void> {
  // Some tools refuse to begin where an earlier run of theirs was killed.
  for (const folder of ["in", "tmp"]) await rm(join(work, folder), { recursive: true, force: true });
  for (const folder of ["in", "tmp", ...step.folders]) await mkdir(join(work, folder), { recursive: true });
  for (const name of Object.keys(inputs)) await symlink(inputFolder(inputs, name), join(work, "in", name));
  for (const [name, folder] of Object.entries(step.copies)) {
    const target = join(work, folder);
    // A copy that was finished is kept: what was built from it before a stop is still good.
    if (await lstat(`${target}.done`).catch(() => undefined)) continue;
    await rm(target, { recursive: true, force: true });
    await cp(inputFolder(inputs, name), target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    await writeFile(`${target}.done`, "");
  }
}

async function lateArguments({ late }: Params, { inputs }: StepContext): Promise<readonly string[]> {
  if (late === undefined) return [];
  const ports = await readPorts(inputFolder(inputs, late.ports));
  refuseUntranslatable(late.trace, late.model, ports);
  return traceArguments(late.trace, late.model, ports.inputs);
}

interface CommandJob {
  readonly step: Params;
  readonly command: readonly string[];
  readonly context: StepContext;
  readonly log: NodeJS.WritableStream;
  readonly last: boolean;
}

async function runCommand({ step, command, context, log, last }: CommandJob): Promise<void> {
  const { work, services } = context;
  const fill = (text: string) => text.replaceAll("{cwd}", work).replaceAll("{jobs}", String(services.jobs));
  const [program = "", ...args] = command.map(fill);
  const env = baseEnvironment(work, step.path);
  for (const [key, value] of Object.entries(step.env)) env[key] = fill(value);
  log.write(`$ ${[program, ...args].join(" ")}\n`);
  const said = lastLines();
  const end = await runProcess({
    program: program.startsWith("in/") || program.startsWith("out/") ? join(work, program) : program,
    args,
    work,
    env,
    signal: services.signal,
    stdin: last && step.stdin !== undefined ? { file: join(work, fill(step.stdin)) } : undefined,
    stdout: last && step.stdout !== undefined ? { file: join(work, fill(step.stdout)) } : undefined,
    onLine(line) {
      log.write(`${line}\n`);
      said.add(line);
      const progress = /^\[(\d+)\/(\d+)\] /.exec(line);
      if (progress) context.progress(Number(progress[1]), Number(progress[2]), "objects");
    },
  });
  if (!end.failed) return;
  if (end.code === "ENOSPC" || said.isFull())
    throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  const what = `${programName([program, ...args])} ${end.crashed ? "crashed" : "failed"} (${end.reason})`;
  throw failed(step, context, what, said.important());
}

/** Whether the commands left what they should, and nothing that says that they could not. */
async function checkResult(step: Params, context: StepContext): Promise<void> {
  const { out, work } = context;
  for (const file of step.outputs ?? []) {
    if ((await lstat(join(out, file)).catch(() => undefined)) !== undefined) continue;
    const lines = (await readLog(work)).split("\n").filter((line) => line.trim() !== "");
    throw failed(step, context, `it wrote no ${file}`, lines.slice(-6));
  }
  const { refuse } = step;
  if (refuse === undefined) return;
  const layers = unconvertedLayers(await readFile(join(out, refuse.file), "utf8"), refuse.line);
  if (layers.length > 0) throw unconvertedError(refuse.model, refuse.engine, layers);
}

function failed(step: Params, { work }: StepContext, what: string, details: readonly string[]): EdgeimgError {
  const { failure } = step;
  return new EdgeimgError(
    failure?.code ?? "ERR_EDGEIMG_STEP_FAILED",
    failure?.message === undefined ? `${what}.` : `${failure.message}: ${what}.`,
    { details, hint: failure?.hint ?? `The whole log is ${join(work, "log.txt")}.` },
  );
}

export async function readLog(work: string): Promise<string> {
  return await readFile(join(work, "log.txt"), "utf8");
}
