import { createReadStream, createWriteStream } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";

/** A program to run. It sees nothing of this process but what stands here. */
export interface ProcessJob {
  /** A path, or a name that is looked for on the PATH of `env`. */
  readonly program: string;
  readonly args: readonly string[];
  /** Where it starts; absent: where this process is. */
  readonly cwd?: string | undefined;
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends it with all that it started. */
  readonly signal?: AbortSignal | undefined;
  /** Its standard input: a file, a text, or `open` for what is written while it runs; nothing when absent. */
  readonly stdin?: { readonly file: string } | { readonly text: string } | "open" | undefined;
  /** A file for its standard output; a stream when absent. */
  readonly stdout?: { readonly file: string } | undefined;
  /** Milliseconds between being asked to end (SIGTERM) and being killed; absent: it is killed at once. */
  readonly graceMs?: number | undefined;
  /** It is ended after this many milliseconds; absent: never. */
  readonly timeoutMs?: number | undefined;
}

export interface ProcessEnd {
  readonly failed: boolean;
  /** "exit code 1", "SIGSEGV", or why it did not start. */
  readonly reason: string;
  /** The signal that ended it, if any, is of its own fault: SIGSEGV and the like. */
  readonly crashed: boolean;
  /** Of the system, when it could not be started or fed: ENOENT, ENOSPC. */
  readonly code: string | undefined;
  /** Undefined when a signal ended it, or it did not start. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
}

export interface StartedProcess {
  /** Undefined when it did not start. It leads a process group of the same number. */
  readonly pid: number | undefined;
  /** To write to, when it is `open`. */
  readonly stdin: Writable | undefined;
  /** To be read to its end, from the first moment on; undefined when it goes to a file, or nothing started. */
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Ends it with all that it started. */
  readonly end: () => void;
  /** Never rejects; it resolves when nothing writes to its streams any more. */
  readonly ended: Promise<ProcessEnd>;
}

/** Groups that run. They do not outlive this process, unless it is killed. */
const groups = new Set<number>();
process.on("exit", () => {
  for (const pid of groups) killGroup(pid, "SIGKILL");
});

/**
 * The one place where programs are started: each leads a process group of its own, so that it ends whole; Ctrl-C on the terminal reaches
 * this process only, which ends them.
 */
export function startProcess(job: ProcessJob): StartedProcess {
  const feeds = job.stdin !== undefined;
  const child = execa(job.program, job.args, {
    ...(job.cwd === undefined ? {} : { cwd: job.cwd }),
    env: { ...job.env },
    extendEnv: false,
    // The group is ended here, with all that is in it.
    cleanup: false,
    detached: true,
    buffer: false,
    reject: false,
    stripFinalNewline: false,
    stdin: feeds ? "pipe" : "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const { pid } = child;
  let trouble: unknown;
  const end = ender(pid, job.graceMs);
  const failing = (error: unknown) => {
    trouble ??= error;
    end.now();
  };
  const ended = new Promise<ProcessEnd>((resolve) => {
    const finish = (found: ProcessEnd) => {
      if (pid !== undefined) groups.delete(pid);
      end.done();
      clearTimeout(timer);
      job.signal?.removeEventListener("abort", end.now);
      resolve(found);
    };
    void child.then(async (result) => {
      if (pid === undefined) return finish(unstarted(result.cause ?? result));
      await Promise.all([fed, written]);
      finish(endOf(result.exitCode, result.signal, trouble));
    });
  });
  if (pid !== undefined) groups.add(pid);
  const timer = job.timeoutMs === undefined ? undefined : setTimeout(end.now, job.timeoutMs);
  job.signal?.addEventListener("abort", end.now, { once: true });
  if (job.signal?.aborted) end.now();
  const fed = pid === undefined ? Promise.resolve() : feed(child.stdin, job.stdin, failing);
  const written =
    job.stdout === undefined || child.stdout === null || pid === undefined
      ? Promise.resolve()
      : pipeline(child.stdout, createWriteStream(job.stdout.file)).catch(failing);
  return {
    pid,
    stdin: job.stdin === "open" ? (child.stdin ?? undefined) : undefined,
    stdout: job.stdout === undefined ? (child.stdout ?? undefined) : undefined,
    stderr: child.stderr ?? undefined,
    end: end.now,
    ended,
  };
}

/** A program may end before it has read all: that is no fault of its input. Resolves when it is known whether there is one. */
async function feed(
  stdin: Writable | null,
  from: ProcessJob["stdin"],
  failing: (error: unknown) => void,
): Promise<void> {
  if (stdin === null || from === undefined) return;
  if (from !== "open" && "file" in from) {
    const file = createReadStream(from.file);
    file.once("error", failing);
    pipeline(file, stdin).catch(() => {});
    await new Promise<void>((resolve) => file.once("ready", resolve).once("close", resolve));
    return;
  }
  stdin.on("error", () => {});
  if (from !== "open") stdin.end(from.text);
}

function ender(pid: number | undefined, graceMs: number | undefined): { now: () => void; done: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let isDone = false;
  return {
    now: () => {
      if (pid === undefined || isDone || timer !== undefined) return;
      killGroup(pid, graceMs === undefined ? "SIGKILL" : "SIGTERM");
      if (graceMs !== undefined) timer = setTimeout(() => killGroup(pid, "SIGKILL"), graceMs);
    },
    done: () => {
      isDone = true;
      clearTimeout(timer);
    },
  };
}

function endOf(exitCode: number | undefined, signal: string | undefined, trouble: unknown): ProcessEnd {
  const reason = exitCode ? `exit code ${exitCode}` : (signal ?? messageOf(trouble));
  return {
    failed: exitCode !== 0 || trouble !== undefined,
    reason,
    crashed: /^SIG(SEGV|BUS|ABRT|FPE|ILL|TRAP|SYS)$/.test(signal ?? ""),
    code: codeOf(trouble),
    exitCode,
    signal,
  };
}

function unstarted(error: unknown): ProcessEnd {
  const reason = messageOf(error);
  return { failed: true, reason, crashed: false, code: codeOf(error), exitCode: undefined, signal: undefined };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "it did not start";
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}
