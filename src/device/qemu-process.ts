import { setTimeout as sleep } from "node:timers/promises";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { Emit } from "../ground/events.js";
import { startWatcher } from "../process/end-with-us.js";
import { type StartedProcess, startProcess } from "../process/start-process.js";
import { type ConsoleLine, lineSplitter, parseConsoleLine } from "./console.js";
import { consoleLog } from "./console-log.js";

export type BootEnd =
  /** Powered off or restarted by itself. */
  | { readonly reason: "ended" }
  | { readonly reason: "stopped" | "timeout" | "aborted" }
  | { readonly reason: "failed"; readonly message: string };

export interface RunningMachine {
  /** Every console line from the first on; ends when the machine does. May be read more than once. */
  readonly lines: AsyncIterable<ConsoleLine>;
  /** The lines so far. */
  seen(): readonly ConsoleLine[];
  /**
   * The first line, also of those before, that fits.
   * Throws ERR_EDGEIMG_DEVICE_TIMEOUT after `ms` milliseconds or at the end of the whole run's time, ERR_EDGEIMG_DEVICE_ENDED
   * when the machine ends before, ERR_EDGEIMG_DEVICE_START when QEMU fails, ERR_EDGEIMG_INTERRUPTED when the run was aborted.
   */
  waitFor(predicate: (line: ConsoleLine) => boolean, ms: number): Promise<ConsoleLine>;
  /** Types on the console. */
  write(text: string): void;
  /** Cuts the power. */
  stop(): Promise<void>;
  readonly exited: Promise<BootEnd>;
}

export interface MachineProcessOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** What messages call the machine. */
  readonly name: string;
  /** For QEMU's temporary files. */
  readonly workDir: string;
  readonly emit: Emit;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
}

const lastLines = 25;

interface StartedMachine {
  /** Undefined once the console speaks or QEMU has lived for a while; its message when it ended at once. */
  readonly started: Promise<string | undefined>;
  readonly running: RunningMachine;
}

/** QEMU refuses bad arguments within this many milliseconds. */
const startMs = 1500;

/** Starts QEMU with its console on the standard streams. */
export function startMachine(options: MachineProcessOptions): StartedMachine {
  const { program, args } = options;
  const log = consoleLog();
  const ending: { reason?: StopReason } = {};
  const watcher = startWatcher();
  const child = startProcess({
    program,
    args,
    stdin: "open",
    graceMs: 2000,
    env: { LC_ALL: "C", TMPDIR: options.workDir },
  });
  if (child.pid !== undefined) watcher.watch(child.pid);
  const end = (reason: StopReason): void => {
    ending.reason ??= reason;
    child.end();
  };
  const spoken = readConsole(child, log, options.emit);
  const release = endInTime(options, end);
  const exited = child.ended.then((result): BootEnd => {
    watcher.release();
    release();
    const said = spoken.close();
    if (ending.reason !== undefined) return { reason: ending.reason };
    if (result.exitCode === 0) return { reason: "ended" };
    return { reason: "failed", message: said || `QEMU ended: ${result.reason}` };
  });
  const started = Promise.race([
    exited.then((value) => (value.reason === "failed" ? value.message : undefined)),
    spoken.spoke.then(() => undefined),
    delay(startMs, options.signal).then(() => undefined),
  ]);
  return {
    started,
    running: {
      lines: { [Symbol.asyncIterator]: () => log.read()[Symbol.asyncIterator]() },
      seen: () => log.all(),
      waitFor: lineWaiter(log, { name: options.name, exited }),
      write: (text) => {
        child.stdin?.write(text);
      },
      stop: async () => {
        end("stopped");
        await exited;
      },
      exited,
    },
  };
}

type StopReason = "stopped" | "timeout" | "aborted";
type ConsoleLog = ReturnType<typeof consoleLog>;

/** Reads the console into a log and tells each line; `close` takes what is left and gives the end of what QEMU itself said. */
function readConsole(child: StartedProcess, log: ConsoleLog, emit: Emit) {
  const splitter = lineSplitter();
  let index = 0;
  const add = (raw: string): void => {
    const line = parseConsoleLine(raw, index++);
    log.add(line);
    emit({ type: "console", line: line.text });
    if (line.milestone !== undefined)
      emit({ type: "milestone", name: line.milestone.name, fields: line.milestone.fields });
  };
  let stderr = "";
  const spoke = new Promise<void>((resolve) => {
    child.stdout?.on("data", (bytes: Buffer) => {
      resolve();
      for (const raw of splitter.push(bytes)) add(raw);
    });
  });
  child.stderr?.on("data", (bytes: Buffer) => {
    stderr = (stderr + bytes.toString()).slice(-8192);
  });
  const close = (): string => {
    for (const raw of splitter.end()) add(raw);
    log.close();
    return stderr.trim();
  };
  return { spoke, close };
}

/** Ends a machine when its time is over or the run is aborted, until it is released. */
function endInTime({ timeoutMs, signal }: MachineProcessOptions, end: (reason: StopReason) => void): () => void {
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => end("timeout"), timeoutMs);
  const abort = (): void => end("aborted");
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  return () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  };
}

function lineWaiter(
  log: ConsoleLog,
  { name, exited }: { readonly name: string; readonly exited: Promise<BootEnd> },
): RunningMachine["waitFor"] {
  return async (predicate, ms) => {
    const limit = new AbortController();
    const alarm = setTimeout(() => limit.abort(), ms);
    const line = await log.find(predicate, limit.signal);
    clearTimeout(alarm);
    if (line !== undefined) return line;
    throw missing({ log: log.all(), end: limit.signal.aborted ? undefined : await exited, name, ms });
  };
}

interface MissingOptions {
  readonly log: readonly ConsoleLine[];
  readonly end: BootEnd | undefined;
  readonly name: string;
  readonly ms: number;
}

function missing({ log, end, name, ms }: MissingOptions): EdgeimgError {
  const details = log.slice(-lastLines).map(({ text }) => text);
  switch (end?.reason) {
    case "ended":
    case "stopped":
      return new EdgeimgError("ERR_EDGEIMG_DEVICE_ENDED", `${name} halted before it said what was waited for`, {
        details,
      });
    case "failed":
      return new EdgeimgError("ERR_EDGEIMG_DEVICE_START", `QEMU ended with an error: ${end.message}`, { details });
    case "aborted":
      return new EdgeimgError("ERR_EDGEIMG_INTERRUPTED", `the run of ${name} was stopped`);
    default: {
      const what = end === undefined ? `after ${Math.round(ms / 1000)} s` : "within the time of the whole run";
      return new EdgeimgError("ERR_EDGEIMG_DEVICE_TIMEOUT", `${name} has not said what was waited for ${what}`, {
        details,
      });
    }
  }
}

/** An abort ends it as well. */
async function delay(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
