import { copyFile, mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildPrepared } from "../../src/api/build/build.js";
import { flashImage } from "../../src/api/device/flash.js";
import type { Context } from "../../src/api/types.js";
import type { Board } from "../../src/catalog/board.js";
import { type BootedBoard, bootImage } from "../../src/device/boot.js";
import { makeCard } from "../../src/device/card.js";
import type { CardWrites } from "../../src/device/machine.js";
import type { Settings } from "../../src/flash/settings.js";
import { wifiBoard } from "../e2e/lab.js";
import { quietContext } from "../helpers/context.js";
import { type LogEntry, readWriteLog } from "./write-log.js";

/**
 * Boots that are recorded. `first`: of a card as it was flashed. `settings`: the same, with settings for this card. `clock`: the second one,
 * after the first was shut down, and down to its own end: it writes the clock twice.
 */
export const recordNames = ["first", "settings", "clock"] as const;
export type RecordName = (typeof recordNames)[number];

/** A boot, and the card before it. */
export interface Recording {
  readonly name: RecordName;
  readonly board: Board;
  readonly qemuRoot: string;
  /** What was written to the card. */
  readonly image: string;
  /** Of the boots of cards that are made of it: `card.img` is the card before the boot. */
  readonly workDir: string;
  readonly card: string;
  readonly log: string;
  readonly entries: readonly LogEntry[];
}

/** What is flashed with the card. */
export const cardSettings: Settings = {
  hostname: "reader-7",
  sshKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA nobody"],
  wifi: { ssid: "Home", key: { passphrase: "correct horse battery" }, country: undefined },
  variables: ["GREETING=hello card"],
};

/** Tells how often it was started: what it wrote lasts, as `writeFile` waits for the card. */
const app = `import { readText, writeFile } from "edge:fs";
import { report } from "edge:process";
const starts = await readText("/data/app/starts").catch(() => "");
await writeFile("/data/app/starts", starts + "x");
report("ready", { starts: starts.length });
`;

/** Milliseconds. Emulated, on a busy machine; a kernel that hangs is given up after that. */
export const bootMs = 180_000;
/** After the last write of a boot: ext4 commits its journal every 5 s, and FAT's write-back comes then as well. Milliseconds. */
const settleMs = 8_000;

export interface RecordOptions {
  readonly name: RecordName;
  /** Where everything is made; it exists. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Builds an image, makes a card of it and records what one boot writes to that. */
export async function record({ name, folder, signal }: RecordOptions): Promise<Recording> {
  const project = join(folder, `${name}-project`);
  await mkdir(project);
  await writeFile(join(project, "main.ts"), app);
  // Settings for Wi-Fi are refused for an image without.
  const board = name === "settings" ? "qemu-wifi" : "qemu-a72";
  await mkdir(join(project, "board-configs"));
  await copyFile(wifiBoard, join(project, "board-configs/qemu-wifi.yaml"));
  // Only the shell on the console, which comes with `debug`, can shut the board down from outside.
  const system = name === "clock" ? "system: { debug: true }\n" : "";
  await writeFile(
    join(project, "edgeimg.yaml"),
    `format: 1\nname: hello\nboard: ${board}\nengine: ncnn\napp: { entry: main.ts }\n${system}`,
  );
  const context = quietContext(project, { env: process.env, signal });
  const { prepared, qemuRoot, image: built } = await buildPrepared(context, { offline: false, locked: false });
  const image = name === "first" ? built : join(folder, `${name}.img`);
  if (image !== built) await flashFile(context, image);

  const workDir = join(folder, name);
  const card = join(workDir, "card.img");
  const log = join(folder, `${name}.log`);
  await mkdir(workDir);
  await makeCard(image, card);
  const { request } = prepared;
  const start = (over: Pick<StartOptions, "workDir" | "cardWrites">) =>
    startCard({ board: request.board, qemuRoot, image, signal, ...over });
  if (name === "clock") await shutDown(await start({ workDir, cardWrites: { kind: "keep" } }));

  const recorded = join(folder, `${name}-recorded`);
  await mkdir(recorded);
  await copyFile(card, join(recorded, "card.img"));
  const machine = await start({ workDir: recorded, cardWrites: { kind: "log", file: log } });
  if (name === "clock") await shutDown(machine);
  else {
    await machine.waitFor(({ milestone }) => milestone?.name === "ready", bootMs);
    await sleep(settleMs);
    await machine.stop();
  }
  return { name, board: request.board, qemuRoot, image, workDir, card, log, entries: await readEntries(log, card) };
}

async function readEntries(log: string, card: string): Promise<LogEntry[]> {
  const file = await open(log, "r");
  const disk = await open(card, "r");
  try {
    return await readWriteLog(file, (await disk.stat()).size);
  } finally {
    await file.close();
    await disk.close();
  }
}

/** `edgeimg flash --device FILE --hostname ...` */
async function flashFile(context: Context, image: string): Promise<void> {
  await flashImage(context, {
    device: `${image}.part`,
    yes: true,
    unmount: false,
    settings: cardSettings,
    choose: async () => undefined,
    confirm: async () => true,
  });
  await rename(`${image}.part`, image);
}

async function shutDown(machine: BootedBoard): Promise<void> {
  try {
    await machine.waitFor(({ milestone }) => milestone?.name === "ready", bootMs);
    machine.write("poweroff\n");
    const end = await machine.exited;
    if (end.reason !== "ended") throw new Error(`the board did not shut down: ${end.reason}`);
  } finally {
    await machine.stop();
  }
}

interface StartOptions {
  readonly board: Board;
  readonly qemuRoot: string;
  readonly image: string;
  readonly workDir: string;
  readonly cardWrites: CardWrites;
  readonly signal: AbortSignal;
}

/** Boots the card `card.img` of a folder. */
export async function startCard(options: StartOptions): Promise<BootedBoard> {
  return await bootImage({
    ...options,
    card: "keep",
    httpGuestPort: undefined,
    emit: () => {},
    timeoutMs: bootMs + settleMs,
  });
}
