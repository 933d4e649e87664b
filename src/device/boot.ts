import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { architectures } from "../catalog/architecture.js";
import type { Board } from "../catalog/board.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { Emit } from "../ground/events.js";
import { makeCard } from "./card.js";
import { extractBoot } from "./extract.js";
import { freePort } from "./free-port.js";
import { type CardWrites, machineArguments } from "./machine.js";
import { type RunningMachine, startMachine } from "./qemu-process.js";

export interface BootedBoard extends RunningMachine {
  /** On 127.0.0.1; undefined when no port was to be forwarded. */
  readonly httpPort: number | undefined;
  /** On 127.0.0.1; undefined when none was to be forwarded. */
  readonly sshPort: number | undefined;
}

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
  /** The port of 127.0.0.1 that it is forwarded to; absent: a free one. */
  readonly httpHostPort?: number;
  /** The ssh server's port of the board, forwarded to a free one. Absent: none. */
  readonly sshGuestPort?: number;
  readonly emit: Emit;
  /** The machine is stopped after this many milliseconds. Undefined: it runs until it ends or is stopped. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
  /** `fresh`: a new card with the image. `keep`: the card of the boot before in the same folder, for a second boot. */
  readonly card: "fresh" | "keep";
  /** Absent: the card takes what the board writes. A log is begun anew. */
  readonly cardWrites?: CardWrites;
}

/** How often another port is tried when somebody else takes the free one before QEMU does. */
const portTries = 5;

/**
 * Boots an image in QEMU as its board would: kernel, initramfs, device tree and command line come out of the image itself, the card
 * is a larger copy of it. Resolves when QEMU runs.
 * Throws ERR_EDGEIMG_IMAGE_INVALID, ERR_EDGEIMG_CATALOG_INVALID, ERR_EDGEIMG_DEVICE_START.
 */
export async function bootImage(options: BootOptions): Promise<BootedBoard> {
  const { board, image, workDir, qemuRoot, httpGuestPort, sshGuestPort } = options;
  await mkdir(workDir, { recursive: true });
  const parts = await extractBoot(image, board, workDir);
  const card = join(workDir, "card.img");
  if (options.card === "fresh" || !(await exists(card))) await makeCard(image, card);
  if (options.cardWrites?.kind === "log") await writeFile(options.cardWrites.file, "");
  const program = join(qemuRoot, "usr/bin", `qemu-system-${architectures[board.arch].qemu}`);
  for (let tries = 1; ; tries++) {
    const httpPort = httpGuestPort === undefined ? undefined : (options.httpHostPort ?? (await freePort()));
    const sshPort = sshGuestPort === undefined ? undefined : await freePort(httpPort);
    const args = machineArguments(board, {
      ...parts,
      card,
      cardWrites: options.cardWrites,
      dataFolder: join(qemuRoot, "usr/share/qemu"),
      forwards: [
        ...(httpPort === undefined || httpGuestPort === undefined
          ? []
          : [{ hostPort: httpPort, guestPort: httpGuestPort }]),
        ...(sshPort === undefined || sshGuestPort === undefined
          ? []
          : [{ hostPort: sshPort, guestPort: sshGuestPort }]),
      ],
    });
    const machine = startMachine({ ...options, program, args, name: board.name });
    const failure = await machine.started;
    if (failure === undefined) return { ...machine.running, httpPort, sshPort };
    if (!failure.includes("host forwarding") || tries === portTries) {
      throw new EdgeimgError("ERR_EDGEIMG_DEVICE_START", `QEMU did not start for ${board.name}`, {
        details: failure.trim().split("\n"),
      });
    }
  }
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
