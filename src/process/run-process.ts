import type { Readable } from "node:stream";
import { killLeftovers, rememberGroup } from "./process-group.js";
import { type ProcessEnd, type ProcessJob, startProcess } from "./start-process.js";

export interface LinesJob extends ProcessJob {
  /** A work folder by which a later run finds what it left running; it starts there. */
  readonly work?: string;
  readonly signal: AbortSignal;
  /** Each line of what it says, standard output and error mixed. */
  readonly onLine: (line: string) => void;
}

/**
 * Runs one program and tells its lines. When the signal is aborted its reason is thrown, after nothing of the program runs any more.
 */
export async function runProcess(job: LinesJob): Promise<ProcessEnd> {
  const { work, signal, onLine } = job;
  const child = startProcess({ ...job, cwd: job.cwd ?? work });
  // Read from the first moment on: a stream that ends unread would never be read to its end.
  const reading = [child.stdout, child.stderr].map((stream) => readLines(stream, onLine));
  if (child.pid !== undefined && work !== undefined) await rememberGroup(work, child.pid);
  const end = await child.ended;
  await Promise.all(reading);
  if (signal.aborted) {
    // What the program started dies a little later than itself.
    if (work !== undefined) await killLeftovers(work);
    throw signal.reason;
  }
  return end;
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

/** Bytes of one line that are kept: a program's mistake must not fill the memory. */
const longest = 64 * 1024;

/** Calls `onLine` for each line of a stream, and resolves when it is closed. */
async function readLines(stream: Readable | undefined, onLine: (line: string) => void): Promise<void> {
  if (stream === undefined) return;
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
