import { createHash } from "node:crypto";
import type { FlashLayers } from "../../src/api/device/flash.js";
import type { Context, FlashOptions } from "../../src/api/types.js";
import type { Drive } from "../../src/flash/drive.js";
import type { Target } from "../../src/flash/target.js";
import { formatBmap } from "../../src/formats/bmap.js";
import type { PartitionTable } from "../../src/formats/partitions.js";
import type { BuildEvent } from "../../src/ground/events.js";
import { randomFrom } from "../helpers/random.js";

export const mib = 1 << 20;

/** A drive as a card reader shows it. */
export function card(size: number, changes: Partial<Drive> = {}): Drive {
  return {
    path: "/dev/sdx",
    number: "8:368",
    size,
    model: "Test Reader",
    bus: "usb",
    serial: "0001",
    wwn: "",
    sequence: "7",
    removable: true,
    readOnly: false,
    suitable: true,
    contents: ["sdx1 vfat OLD"],
    mounts: [],
    holders: [],
    system: [],
    ...changes,
  };
}

/** A medium in memory. `fail` may throw, or change what is on its way. */
export interface Medium {
  readonly bytes: Buffer;
  readonly log: string[];
  readonly target: Target;
}

export interface MediumFaults {
  readonly onWrite?: (bytes: Uint8Array, at: number) => void;
  readonly onRead?: (buffer: Uint8Array, at: number) => void;
}

/** Filled with what an older use left: nothing of it is zero. */
export function medium(size: number, faults: MediumFaults = {}): Medium {
  const bytes = Buffer.alloc(size, 0xa5);
  const log: string[] = [];
  // An old partition table that would start something.
  bytes.writeUInt16LE(0xaa55, 510);
  return {
    bytes,
    log,
    target: {
      size,
      direct: true,
      write: async (data, at) => {
        faults.onWrite?.(data, at);
        log.push(`write ${at}+${data.length}`);
        bytes.set(data, at);
      },
      read: async (buffer, at) => {
        buffer.set(bytes.subarray(at, at + buffer.length));
        faults.onRead?.(buffer, at);
        log.push(`read ${at}+${buffer.length}`);
      },
      sync: async () => {
        log.push("sync");
      },
      close: async () => {
        log.push("close");
      },
    },
  };
}

/** Whether a medium's first sector is a partition table. */
export function hasTable(bytes: Uint8Array): boolean {
  return bytes[510] === 0x55 && bytes[511] === 0xaa;
}

export interface TestImage {
  readonly image: Buffer;
  readonly bmap: string;
  /** What the map lists, in blocks of 4096 bytes, both ends included. */
  readonly ranges: readonly { readonly first: number; readonly last: number }[];
  readonly table: PartitionTable;
}

/** A disk of 24 MiB with an MBR: a FAT partition at 4 MiB and a last one at 16 MiB; some blocks are mapped. */
export function testImage(fat?: Uint8Array): TestImage {
  const image = Buffer.alloc(24 * mib);
  const ranges = [
    { first: 0, last: 0 },
    { first: 1024, last: 1024 + (fat === undefined ? 1500 : Math.ceil(fat.length / 4096) - 1) },
    { first: 4096, last: 4351 },
    // Empty, and mapped all the same: what was there before must go.
    { first: 5120, last: 5375 },
  ];
  const random = randomFrom(6);
  for (const { first, last } of ranges.slice(0, 3))
    for (let at = first * 4096; at < (last + 1) * 4096; at += 4) image.writeUInt32LE(random() * 2 ** 32, at);
  if (fat !== undefined) image.set(fat, 4 * mib);
  image.fill(0, 440, 512);
  const partitions = [
    { number: 1, type: "0x0c", offset: 4 * mib, size: 12 * mib },
    { number: 2, type: "0x83", offset: 16 * mib, size: 8 * mib },
  ];
  for (const { number, type, offset, size } of partitions) {
    const at = 446 + 16 * (number - 1);
    image.writeUInt8(Number(type), at + 4);
    image.writeUInt32LE(offset / 512, at + 8);
    image.writeUInt32LE(size / 512, at + 12);
  }
  image.writeUInt16LE(0xaa55, 510);
  const mapped = ranges.map((range) => ({
    ...range,
    sha256: sha256(image.subarray(range.first * 4096, (range.last + 1) * 4096)),
  }));
  const table: PartitionTable = { kind: "mbr", id: "", partitions, places: [{ at: 0, length: 512 }] };
  return { image, ranges, table, bmap: formatBmap({ imageSize: image.length, blockSize: 4096, ranges: mapped }) };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export interface SimulatedFlash {
  readonly context: Context;
  readonly events: BuildEvent[];
  readonly controller: AbortController;
}

export function simulatedContext(cwd: string): SimulatedFlash {
  const events: BuildEvent[] = [];
  const controller = new AbortController();
  let clock = 0;
  const emit = (event: BuildEvent) => {
    events.push(event);
  };
  return {
    events,
    controller,
    context: { cwd, env: { HOME: cwd }, now: () => clock++ * 100, date: Date.now, emit, signal: controller.signal },
  };
}

export const noSettings = { hostname: undefined, sshKeys: [], wifi: undefined, variables: [] };

export function flashOptions(changes: Partial<FlashOptions> = {}): FlashOptions {
  return {
    image: "disk.img",
    device: "/dev/sdx",
    yes: true,
    unmount: false,
    settings: noSettings,
    choose: async () => undefined,
    confirm: async () => false,
    ...changes,
  };
}

/** Layers with one card; `looks` are what each look at the drives sees, the last one again and again. */
export function layers(looks: readonly (readonly Drive[])[], to: Medium): FlashLayers & { readonly calls: string[] } {
  const calls: string[] = [];
  let look = 0;
  return {
    calls,
    drives: {
      list: async () => {
        calls.push("list");
        return looks[Math.min(look++, looks.length - 1)] ?? [];
      },
      unmount: async (drive) => {
        calls.push(`unmount ${drive.mounts.map(({ folder }) => folder).join(" ")}`);
      },
      eject: async () => {
        calls.push("eject");
        return true;
      },
    },
    openTarget: async (path, { kind }) => {
      calls.push(`open ${kind} ${path}`);
      return to.target;
    },
  };
}
