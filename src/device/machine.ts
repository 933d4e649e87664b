import type { Board } from "../catalog/board.js";

/**
 * What becomes of the board's writes to its card. `keep`: they are on it. `log`: there as well, and each write and flush stands in
 * `file`, which exists, in the format of Linux's dm-log-writes. `forget`: the card stays as it was.
 */
export type CardWrites = { readonly kind: "keep" | "forget" } | { readonly kind: "log"; readonly file: string };

export interface MachineOptions {
  /** Files for QEMU: the firmware's work is done by `-kernel`, `-initrd` and `-dtb`. */
  readonly kernel: string;
  readonly initrd: string;
  readonly dtb: string | undefined;
  /** The card: a raw image whose size is a power of two. */
  readonly card: string;
  /** Absent: they are kept. */
  readonly cardWrites?: CardWrites | undefined;
  /** The command line as it stands in the image. */
  readonly cmdline: string;
  /** QEMU's own data (`-L`). */
  readonly dataFolder: string;
  /** Forwards 127.0.0.1:hostPort to the board's guestPort. */
  readonly forwards: readonly { readonly hostPort: number; readonly guestPort: number }[];
}

/** QEMU's arguments for a board: a pure function of the board file and the paths. */
export function machineArguments(board: Board, options: MachineOptions): string[] {
  const { qemu } = board;
  const hostfwd = options.forwards
    .map(({ hostPort, guestPort }) => `,hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`)
    .join("");
  return [
    "-L",
    options.dataFolder,
    "-M",
    qemu.machine,
    ...(qemu.cpu === undefined ? [] : ["-cpu", qemu.cpu]),
    "-smp",
    String(qemu.smp),
    "-m",
    qemu.memory,
    ...qemu.args,
    "-display",
    "none",
    // Some machines have a sound device, which would look for a host's.
    "-audiodev",
    "none,id=silent",
    "-monitor",
    "none",
    ...Array.from({ length: qemu.skipSerials }, () => ["-serial", "null"]).flat(),
    "-serial",
    "stdio",
    // A restart ends QEMU.
    "-no-reboot",
    "-kernel",
    options.kernel,
    "-initrd",
    options.initrd,
    ...(options.dtb === undefined ? [] : ["-dtb", options.dtb]),
    "-append",
    machineCmdline(options.cmdline, qemu),
    ...diskArguments(qemu, options.card, options.cardWrites ?? { kind: "keep" }),
    ...networkArguments(qemu.network, hostfwd),
  ];
}

function networkArguments(network: Board["qemu"]["network"], hostfwd: string): string[] {
  if (network === "own") return ["-nic", `user${hostfwd}`];
  const device = network === "usb" ? "usb-net" : "virtio-net-device";
  return ["-netdev", `user,id=net${hostfwd}`, "-device", `${device},netdev=net`];
}

function diskArguments({ disk, sdBus }: Board["qemu"], card: string, writes: CardWrites): string[] {
  const file = cardDrive(card, writes);
  if (disk === "sd") return ["-drive", `if=sd,${sdBus === 0 ? "" : `bus=${sdBus},`}${file}`];
  return ["-drive", `if=none,id=card,${file}`, "-device", "virtio-blk-device,drive=card"];
}

function cardDrive(card: string, writes: CardWrites): string {
  // In QEMU's option strings a comma within a value is doubled.
  const path = card.replaceAll(",", ",,");
  if (writes.kind === "log") {
    const log = writes.file.replaceAll(",", ",,");
    return `driver=blklogwrites,file.driver=file,file.filename=${path},log.driver=file,log.filename=${log},log-sector-size=512`;
  }
  return `format=raw,file=${path}${writes.kind === "forget" ? ",snapshot=on" : ""}`;
}

/**
 * The image's command line with what QEMU needs otherwise: another console, and arguments that replace those of the same key.
 * `edgeimg.qemu` tells init not to arm the watchdog, which would reset QEMU's Raspberry Pi at once.
 */
export function machineCmdline(cmdline: string, qemu: Pick<Board["qemu"], "console" | "append">): string {
  const added = [...(qemu.console === undefined ? [] : [`console=${qemu.console}`]), ...qemu.append, "edgeimg.qemu"];
  const replaced = new Set(added.map(key));
  const kept = cmdline.split(/\s+/).filter((word) => word !== "" && !replaced.has(key(word)));
  return [...kept, ...added].join(" ");
}

function key(word: string): string {
  return word.split("=", 1)[0] ?? word;
}

/**
 * The size of a card that holds an image of `bytes`: QEMU wants a power of two, and it is always larger than the image, so that the
 * data partition grows as it does on a real card.
 */
export function cardSize(bytes: number): number {
  let size = 2 ** 20;
  while (size <= bytes) size *= 2;
  return size;
}
