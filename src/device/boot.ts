import { access, mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import type { Board } from "../catalog/board-schema.js";
import type { Arch } from "../catalog/common.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { Emit } from "../events.js";
import { makeCard } from "./card.js";
import { type ConsoleLine, lineSplitter, parseConsoleLine } from "./console.js";
import { consoleLog } from "./console-log.js";
import { extractBoot } from "./extract.js";
import { machineArguments } from "./machine.js";

export interface BootOptions {
  /** A raw image. It is never written to. */
  readonly image: string;
  readonly board: Board;
  /** The root that QEMU was unpacked to. */
  readonly qemuRoot: string;
  /** A folder of this run alone: the card, kernel, initramfs and device tree are put there. */
  readonly workDir: string;
  /** Port of the board that is forwarded to a free one of 127.0.0.1. Undefined: none. */
  readonly httpGuestPort: number | undefined;
  readonly emit: Emit;
  /** The machine is stopped after this many milliseconds. Undefined: it runs until it ends or is stopped. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
  /** `fresh`: a new card with the image. `keep`: the card of the boot before in the same folder, for a second boot. */
  readonly card: "fresh" | "keep";
}

export type BootEnd =
  /** Powered off or restarted by itself. */
  | { readonly reason: "ended" }
  | { readonly reason: "stopped" | "timeout" | "aborted" }
  | { readonly reason: "failed"; readonly message: string };

export interface BootedBoard {
  /** On 127.0.0.1; undefined when no port was to be forwarded. */
  readonly httpPort: number | undefined;
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

/** QEMU's names of architectures in its programs' names. */
const qemuArch: Readonly<Record<Arch, string>> = { arm64: "aarch64", armhf: "arm" };
/** How often another port is tried when somebody else takes the free one before QEMU does. */
const portTries = 5;
const lastLines = 25;

/**
 * Boots an image in QEMU as its board would: kernel, initramfs, device tree and command line come out of the image itself, the card
 * is a larger copy of it. Resolves when QEMU runs.
 * Throws ERR_EDGEIMG_IMAGE_INVALID, ERR_EDGEIMG_CATALOG_INVALID, ERR_EDGEIMG_DEVICE_START.
 */
export async function bootImage(options: BootOptions): Promise<BootedBoard> {
  const { board, image, workDir, qemuRoot, httpGuestPort } = options;
  await mkdir(workDir, { recursive: true });
  const parts = await extractBoot(image, board, workDir);
  const card = join(workDir, "card.img");
  if (options.card === "fresh" || !(await exists(card))) await makeCard(image, card);
  const program = join(qemuRoot, "usr/bin", `qemu-system-${qemuArch[board.arch]}`);
  for (let tries = 1; ; tries++) {
    const httpPort = httpGuestPort === undefined ? undefined : await freePort();
    const args = machineArguments(board, {
      ...parts,
      card,
      dataFolder: join(qemuRoot, "usr/share/qemu"),
      forward:
        httpPort === undefined || httpGuestPort === undefined
          ? undefined
          : { hostPort: httpPort, guestPort: httpGuestPort },
    });
    const machine = startMachine({ program, args, options });
    const failure = await machine.started;
    if (failure === undefined) return { ...machine.board, httpPort };
    if (!failure.includes("host forwarding") || tries === portTries) {
      throw new EdgeimgError("ERR_EDGEIMG_DEVICE_START", `QEMU did not start for ${board.name}`, {
        details: failure.trim().split("\n"),
      });
    }
  }
}

interface Machine {
  /** Undefined once the console speaks or QEMU has lived for a while; its message when it ended at once. */
  readonly started: Promise<string | undefined>;
  readonly board: Omit<BootedBoard, "httpPort">;
}

/** QEMU refuses bad arguments within this many milliseconds. */
const startMs = 1500;

function startMachine({ program, args, options }: { program: string; args: string[]; options: BootOptions }): Machine {
  const { emit } = options;
  const log = consoleLog();
  const splitter = lineSplitter();
  const ending: { reason?: "stopped" | "timeout" | "aborted" } = {};
  let index = 0;
  const child = execa(program, args, {
    reject: false,
    buffer: false,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    // Started through a loader and a shell that ends by exec: the process that is killed is QEMU itself.
    forceKillAfterDelay: 2000,
    env: { LC_ALL: "C", TMPDIR: options.workDir },
    extendEnv: false,
  });
  const end = (reason: "stopped" | "timeout" | "aborted"): void => {
    ending.reason ??= reason;
    child.kill("SIGTERM");
  };

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
  // QEMU may end while something is typed.
  child.stdin?.on("error", () => undefined);

  const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => end("timeout"), options.timeoutMs);
  const abort = (): void => end("aborted");
  options.signal.addEventListener("abort", abort, { once: true });
  if (options.signal.aborted) abort();

  const exited = child.then((result): BootEnd => {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", abort);
    for (const raw of splitter.end()) add(raw);
    log.close();
    if (ending.reason !== undefined) return { reason: ending.reason };
    if (result.exitCode === 0) return { reason: "ended" };
    return {
      reason: "failed",
      message: stderr.trim() || (result.originalMessage ?? `QEMU ended with ${result.exitCode ?? result.signal}`),
    };
  });

  const { signal: abortSignal } = options;
  const lived = delay(startMs, abortSignal);
  const started = Promise.race([
    exited.then((value) => (value.reason === "failed" ? value.message : undefined)),
    spoke.then(() => undefined),
    lived.then(() => undefined),
  ]);

  const waitFor = async (predicate: (line: ConsoleLine) => boolean, ms: number): Promise<ConsoleLine> => {
    const limit = AbortSignal.timeout(ms);
    const line = await log.find(predicate, limit);
    if (line !== undefined) return line;
    throw missing({ log: log.all(), end: limit.aborted ? undefined : await exited, board: options.board.name, ms });
  };

  return {
    started,
    board: {
      lines: { [Symbol.asyncIterator]: () => log.read()[Symbol.asyncIterator]() },
      seen: () => log.all(),
      waitFor,
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

interface MissingOptions {
  readonly log: readonly ConsoleLine[];
  readonly end: BootEnd | undefined;
  readonly board: string;
  readonly ms: number;
}

function missing({ log, end, board, ms }: MissingOptions): EdgeimgError {
  const details = log.slice(-lastLines).map(({ text }) => text);
  switch (end?.reason) {
    case "ended":
    case "stopped":
      return new EdgeimgError("ERR_EDGEIMG_DEVICE_ENDED", `${board} halted before it said what was waited for`, {
        details,
      });
    case "failed":
      return new EdgeimgError("ERR_EDGEIMG_DEVICE_START", `QEMU ended with an error: ${end.message}`, { details });
    case "aborted":
      return new EdgeimgError("ERR_EDGEIMG_INTERRUPTED", `the run of ${board} was stopped`);
    default: {
      const what = end === undefined ? `after ${Math.round(ms / 1000)} s` : "within the time of the whole run";
      return new EdgeimgError("ERR_EDGEIMG_DEVICE_TIMEOUT", `${board} has not said what was waited for ${what}`, {
        details,
      });
    }
  }
}

async function delay(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** A port of 127.0.0.1 that nobody listens on at the moment. */
async function freePort(): Promise<number> {
  const server = createServer();
  return await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port);
        else reject(new Error("a listening server has no address"));
      });
    });
  });
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
