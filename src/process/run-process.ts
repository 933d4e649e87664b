import type { Readable } from "node:stream";
import { execa } from "execa";
import { killLeftovers, rememberGroup } from "./process-group.js";

export interface ProcessJob {
  readonly program: string;
  readonly args: readonly string[];
  /** Its work folder: where it starts, and by which a later run finds what it left running. */
  readonly work: string;
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** A file for its standard input; nothing when absent. */
  readonly stdin?: string | undefined;
  /** A file for its standard output, which is read as lines when absent. */
  readonly stdout?: string | undefined;
  /** Each line of what it says, standard output and error mixed. */
  readonly onLine: (line: string) => void;
}

export interface ProcessEnd {
  readonly failed: boolean;
  /** "exit code 1", "SIGSEGV", or why it did not start. */
  readonly reason: string;
  /** The signal that ended it by its own fault, SIGSEGV and the like: a crash. */
  readonly crashed: boolean;
  /** Of the system, when it could not be started or fed: ENOENT, ENOSPC. */
  readonly code?: string | undefined;
}

/**
 * Runs one program in a process group of its own, which ends whole when the signal is aborted; then the signal's reason is thrown, after
 * nothing of it runs any more.
 */
export async function runProcess(job: ProcessJob): Promise<ProcessEnd> {
  const { program, args, work, env, signal, onLine } = job;
  const child = execa(program, args, {
    cwd: work,
    env,
    extendEnv: false,
    reject: false,
    detached: true,
    buffer: false,
    stdin: job.stdin === undefined ? "ignore" : { file: job.stdin },
    stdout: job.stdout === undefined ? "pipe" : { file: job.stdout },
    stderr: "pipe",
  });
  // Read from the first moment on: a stream that ends unread would never be read to its end.
  const streams = [job.stdout === undefined ? child.stdout : undefined, child.stderr];
  const reading = streams.map((stream) => readLines(stream, onLine));
  if (child.pid !== undefined) await rememberGroup(work, child.pid);
  const kill = () => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  const result = await child;
  await Promise.all(reading);
  signal.removeEventListener("abort", kill);
  if (signal.aborted) {
    // What the program started dies a little later than itself.
    await killLeftovers(work);
    throw signal.reason;
  }
  const reason = result.exitCode
    ? `exit code ${result.exitCode}`
    : (result.signal ?? result.originalMessage ?? "it did not start");
  return { failed: result.failed, reason, crashed: isCrash(result.signal), code: codeOf(result.cause) };
}

/** The loader's options that take a value of their own. */
const loaderValues = new Set(
  "--library-path --argv0 --preload --audit --inhibit-rpath --glibc-hwcaps-prepend --glibc-hwcaps-mask".split(" "),
);

/** The name of the program that a command runs: not of the loader (ld.so) that starts it. */
export function programName(command: readonly string[]): string {
  const [first = "", ...rest] = command.map((word) => word.split("/").at(-1) ?? "");
  if (!/^ld(?:-linux|-musl|\.so|64?\.so)/.test(first)) return first;
  let place = 0;
  while (rest[place]?.startsWith("-")) place += loaderValues.has(rest[place] ?? "") ? 2 : 1;
  return rest[place] ?? first;
}

const isCrash = (signal: string | undefined) => /^SIG(SEGV|BUS|ABRT|FPE|ILL|TRAP|SYS)$/.test(signal ?? "");

/** Bytes of one line that are kept: a program's mistake must not fill the memory. */
const longest = 64 * 1024;

/** Calls `onLine` for each line of a stream, and resolves when it is closed. */
async function readLines(stream: Readable | null | undefined, onLine: (line: string) => void): Promise<void> {
  if (stream === null || stream === undefined) return;
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(0, longest);
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

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** What a user sees of a failed tool: a compiler's errors rather than the flood around them; else the last lines. */
export function lastLines(): { add(line: string): void; isFull(): boolean; important(): readonly string[] } {
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
