import { createWriteStream } from "node:fs";
import { cp, lstat, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { killLeftovers, rememberGroup } from "../process/process-group.js";
import { treeTime } from "../store/tree.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

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
  /** The error code when a command fails, with what a user can do about it. */
  failure: z.strictObject({ code: z.literal("ERR_EDGEIMG_STEP_FAILED"), hint: z.string() }).optional(),
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
    const log = createWriteStream(join(work, "log.txt"));
    // A log that cannot be written (a full disk) does not harm the result, and must not end the process.
    log.on("error", () => {});
    try {
      for (const [index, command] of step.commands.entries()) {
        await runCommand({ step, command, context, log, last: index === step.commands.length - 1 });
      }
    } finally {
      await new Promise((resolve) => log.end(resolve));
    }
  },
});

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
  const env: Record<string, string> = {
    PATH: step.path.map((part) => join(work, part)).join(":"),
    HOME: work,
    TMPDIR: join(work, "tmp"),
    LC_ALL: "C",
    TZ: "UTC",
    SOURCE_DATE_EPOCH: String(treeTime),
  };
  for (const [key, value] of Object.entries(step.env)) env[key] = fill(value);
  log.write(`$ ${[program, ...args].join(" ")}\n`);
  const child = execa(program.startsWith("in/") || program.startsWith("out/") ? join(work, program) : program, args, {
    cwd: work,
    env,
    extendEnv: false,
    reject: false,
    detached: true,
    buffer: false,
    stdin: last && step.stdin !== undefined ? { file: join(work, fill(step.stdin)) } : "ignore",
    stdout: last && step.stdout !== undefined ? { file: join(work, fill(step.stdout)) } : "pipe",
    stderr: "pipe",
  });
  const said = lastLines();
  const onLine = (line: string) => {
    log.write(`${line}\n`);
    said.add(line);
    const progress = /^\[(\d+)\/(\d+)\] /.exec(line);
    if (progress) context.progress(Number(progress[1]), Number(progress[2]), "objects");
  };
  // Read from the first moment on: a stream that ends unread would never be read to its end.
  const toFile = last && step.stdout !== undefined;
  const reading = [toFile ? undefined : child.stdout, child.stderr].map((stream) => readLines(stream, onLine));
  if (child.pid !== undefined) await rememberGroup(work, child.pid);
  const kill = () => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  services.signal.addEventListener("abort", kill, { once: true });
  if (services.signal.aborted) kill();
  const result = await child;
  await Promise.all(reading);
  services.signal.removeEventListener("abort", kill);
  if (services.signal.aborted) {
    // What the command started dies a little later than itself.
    await killLeftovers(work);
    throw services.signal.reason;
  }
  if (!result.failed) return;
  const isFull = codeOf(result.cause) === "ENOSPC" || said.isFull();
  if (isFull) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  const reason = result.exitCode
    ? `exit code ${result.exitCode}`
    : (result.signal ?? result.originalMessage ?? "it did not start");
  throw new EdgeimgError(
    step.failure?.code ?? "ERR_EDGEIMG_STEP_FAILED",
    `${program.split("/").at(-1)} failed (${reason}).`,
    {
      details: said.important(),
      hint: step.failure?.hint ?? `The whole log is ${join(work, "log.txt")}.`,
    },
  );
}

/** Calls `onLine` for each line of a stream, and resolves when it is closed. */
async function readLines(stream: Readable | null | undefined, onLine: (line: string) => void): Promise<void> {
  if (stream === null || stream === undefined) return;
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
  await new Promise<void>((resolve) => {
    stream.once("close", resolve);
    stream.once("error", () => resolve());
  });
  if (rest !== "") onLine(rest);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/** What a user sees of a failed tool: a compiler's errors rather than the flood around them; else the last lines. */
function lastLines(): { add(line: string): void; isFull(): boolean; important(): readonly string[] } {
  const shown = 12;
  const lines: string[] = [];
  const errors: string[] = [];
  let full = false;
  return {
    add(line) {
      full ||= line.includes("No space left on device");
      for (const list of /\berror\b|\bundefined reference\b/i.test(line) ? [lines, errors] : [lines]) {
        list.push(line);
        if (list.length > shown) list.shift();
      }
    },
    isFull: () => full,
    important: () => (errors.length > 0 ? errors : lines),
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

export async function readLog(work: string): Promise<string> {
  return await readFile(join(work, "log.txt"), "utf8");
}
