import type { Readable } from "node:stream";
import { type ProcessEnd, type ProcessJob, startProcess } from "./start-process.js";

export interface CapturedProcess extends ProcessEnd {
  /** What it said, without the last line's end. */
  readonly stdout: string;
  readonly stderr: string;
  /** Both as they came. */
  readonly all: string;
}

/** Bytes that a program may say; one that says more is ended: its mistake must not fill the memory. */
const usualLimit = 1 << 26;

/** Runs a program to its end and keeps what it says. Throws the signal's reason when that was aborted, else never. */
export async function captureProcess(
  job: Omit<ProcessJob, "stdout"> & { readonly maxBytes?: number },
): Promise<CapturedProcess> {
  const limit = job.maxBytes ?? usualLimit;
  const child = startProcess(job);
  const said: { readonly from: Readable; readonly bytes: Buffer }[] = [];
  let size = 0;
  for (const from of [child.stdout, child.stderr]) {
    from?.on("data", (bytes: Buffer) => {
      size += bytes.length;
      if (size > limit) child.end();
      else said.push({ from, bytes });
    });
  }
  const end = await child.ended;
  job.signal?.throwIfAborted();
  const text = (from?: Readable) =>
    Buffer.concat(said.flatMap((one) => (from === undefined || one.from === from ? [one.bytes] : [])))
      .toString("utf8")
      .replace(/\r?\n$/, "");
  return {
    ...end,
    ...(size > limit ? { failed: true, reason: `it said more than ${limit} bytes`, exitCode: undefined } : {}),
    stdout: child.stdout === undefined ? "" : text(child.stdout),
    stderr: child.stderr === undefined ? "" : text(child.stderr),
    all: text(),
  };
}

/** An environment without the variables that are not set. */
export function definedVariables(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
