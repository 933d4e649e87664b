import { crc32 } from "./crc32.js";

/** Size of the sectors that tables count in; SD cards and QEMU's disks have no other. */
export const sectorSize = 512;

/** Sizes and offsets in bytes. */
export interface Partition {
  /** As in the kernel's names and PARTUUIDs, from 1 on. */
  readonly number: number;
  /** An MBR's type as `0x0c`, a GPT's as its GUID in capitals. */
  readonly type: string;
  readonly offset: number;
  readonly size: number;
}

export interface PartitionTable {
  readonly kind: "mbr" | "gpt";
  /** What PARTUUIDs are made of: an MBR's signature in 8 hexadecimal digits, a GPT's disk GUID in capitals. */
  readonly id: string;
  /** In the table's order. An MBR's logical partitions are within the extended one that is listed. */
  readonly partitions: readonly Partition[];
  /** Where the table itself lies, with a GPT's copy. */
  readonly places: readonly { readonly at: number; readonly length: number }[];
}

/** Thrown for a table that is damaged, contradicts itself or does not fit its disk. */
export class PartitionError extends Error {
  override readonly name = "PartitionError";
}

/** Gives the bytes from `at` on, fewer only at the disk's end. */
export type ReadDisk = (at: number, length: number) => Promise<Uint8Array>;

export interface DiskFacts {
  /** Bytes. */
  readonly size: number;
  /** Whether a GPT's copy is compared: what comes out of a decompressor can be read only from front to back. */
  readonly copy: "check" | "skip";
}

/** The type of an MBR's entry that stands for a whole GPT disk (UEFI 2.10, 5.2.3). */
const protectiveType = 0xee;
const gptSignature = "EFI PART";
/** sgdisk makes no more than that in any disk of ours; 128 are usual. */
const mostEntries = 1024;
const mostEntrySize = 4096;

/**
 * Reads a disk's partition table as Linux does: a GPT where the MBR has a protective entry, else the MBR. Undefined when there is none.
 * What is read is bounded, and read in the order of its place but for the copy.
 * Throws PartitionError.
 */
export async function readPartitions(read: ReadDisk, disk: DiskFacts): Promise<PartitionTable | undefined> {
  const sector = await read(0, sectorSize);
  const entries = mbrEntries(sector);
  if (entries === undefined) return undefined;
  const table = entries.some(({ type }) => type === protectiveType)
    ? await readGpt(read, disk)
    : mbrTable(sector, entries);
  checkOverlap(table.partitions);
  return table;
}

/** The first partition, in the table's order, that fits. */
export async function findPartition(
  { partitions }: PartitionTable,
  fits: (partition: Partition) => Promise<boolean>,
): Promise<Partition | undefined> {
  for (const partition of partitions) if (await fits(partition)) return partition;
  return undefined;
}

interface MbrEntry {
  readonly number: number;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

/** Undefined for a sector that is no MBR: a FAT boot sector, too, ends with 55 AA, but has a program where the entries would be. */
function mbrEntries(sector: Uint8Array): MbrEntry[] | undefined {
  if (sector.length < sectorSize || sector[510] !== 0x55 || sector[511] !== 0xaa) return undefined;
  const view = viewOf(sector);
  const entries: MbrEntry[] = [];
  for (let number = 1; number <= 4; number++) {
    const at = 446 + 16 * (number - 1);
    const active = view.getUint8(at);
    if (active !== 0 && active !== 0x80) return undefined;
    const type = view.getUint8(at + 4);
    const offset = view.getUint32(at + 8, true) * sectorSize;
    const size = view.getUint32(at + 12, true) * sectorSize;
    if (type !== 0 && size > 0) entries.push({ number, type, offset, size });
  }
  return entries.length === 0 ? undefined : entries;
}

function mbrTable(sector: Uint8Array, entries: readonly MbrEntry[]): PartitionTable {
  return {
    kind: "mbr",
    id: viewOf(sector).getUint32(440, true).toString(16).padStart(8, "0"),
    partitions: entries.map(({ number, type, offset, size }) => ({
      number,
      type: `0x${type.toString(16).padStart(2, "0")}`,
      offset,
      size,
    })),
    places: [{ at: 0, length: sectorSize }],
  };
}

interface GptHeader {
  readonly id: string;
  readonly copyAt: number;
  readonly firstUsable: number;
  /** The byte after the last usable sector. */
  readonly endUsable: number;
  readonly entriesAt: number;
  readonly count: number;
  readonly entrySize: number;
  readonly entriesCrc: number;
}

/** GPT of UEFI 2.10, 5.3. */
async function readGpt(read: ReadDisk, { size, copy }: DiskFacts): Promise<PartitionTable> {
  const header = parseHeader(await read(sectorSize, sectorSize), { at: sectorSize, what: "the GPT" });
  const length = header.count * header.entrySize;
  const entries = await readEntries(read, header, "the GPT");
  const { copyAt } = header;
  if (copyAt + sectorSize > size)
    throw new PartitionError(
      `it is cut off: the GPT's copy ends at byte ${copyAt + sectorSize}, and there are ${size}`,
    );
  // Where it says that it has none, as genimage's `gpt-no-backup` makes it, the header is its own copy.
  const copyPlaces: { at: number; length: number }[] = [];
  if (copyAt !== sectorSize) {
    const what = "the GPT's copy at the end";
    copyPlaces.push({ at: copyAt, length: sectorSize });
    if (copy === "check") {
      const second = parseHeader(await read(copyAt, sectorSize), { at: copyAt, what });
      if (second.id !== header.id || second.entriesCrc !== header.entriesCrc || second.copyAt !== sectorSize)
        throw new PartitionError(`${what} is that of another table`);
      await readEntries(read, second, what);
      copyPlaces.unshift({ at: second.entriesAt, length });
    }
  }
  return {
    kind: "gpt",
    id: header.id,
    partitions: gptPartitions(entries, header),
    places: [{ at: 0, length: 2 * sectorSize }, { at: header.entriesAt, length }, ...copyPlaces],
  };
}

function parseHeader(sector: Uint8Array, { at, what }: { readonly at: number; readonly what: string }): GptHeader {
  if (sector.length < sectorSize || Buffer.from(sector.subarray(0, 8)).toString("latin1") !== gptSignature)
    throw new PartitionError(`${what} is missing at byte ${at}`);
  const view = viewOf(sector);
  const headerSize = view.getUint32(12, true);
  if (headerSize < 92 || headerSize > sectorSize)
    throw new PartitionError(`${what} has a header of ${headerSize} bytes`);
  const summed = Uint8Array.from(sector.subarray(0, headerSize));
  summed.fill(0, 16, 20);
  if (crc32(summed) !== view.getUint32(16, true)) throw new PartitionError(`${what} has another checksum than it says`);
  const count = view.getUint32(80, true);
  const entrySize = view.getUint32(84, true);
  if (count > mostEntries || entrySize < 128 || entrySize > mostEntrySize || entrySize % 128 !== 0)
    throw new PartitionError(`${what} has ${count} entries of ${entrySize} bytes`);
  const header = {
    id: guid(view, 56),
    copyAt: place(view, 32),
    firstUsable: place(view, 40),
    endUsable: place(view, 48) + sectorSize,
    entriesAt: place(view, 72),
    count,
    entrySize,
    entriesCrc: view.getUint32(88, true),
  };
  if (place(view, 24) !== at) throw new PartitionError(`${what} says that it lies elsewhere`);
  return header;
}

async function readEntries(read: ReadDisk, header: GptHeader, what: string): Promise<Uint8Array> {
  const { entriesAt, count, entrySize, entriesCrc } = header;
  if (entriesAt < 2 * sectorSize) throw new PartitionError(`${what} has its entries over the MBR or its header`);
  const entries = await read(entriesAt, count * entrySize);
  if (entries.length < count * entrySize || crc32(entries) !== entriesCrc)
    throw new PartitionError(`${what} has entries of another checksum`);
  return entries;
}

function gptPartitions(entries: Uint8Array, { count, entrySize, firstUsable, endUsable }: GptHeader): Partition[] {
  const view = viewOf(entries);
  const partitions: Partition[] = [];
  for (let index = 0; index < count; index++) {
    const at = index * entrySize;
    if (view.getBigUint64(at, true) === 0n && view.getBigUint64(at + 8, true) === 0n) continue;
    const offset = place(view, at + 32);
    const end = place(view, at + 40) + sectorSize;
    const number = index + 1;
    if (offset < firstUsable || end > endUsable || end <= offset)
      throw new PartitionError(`partition ${number} lies outside of what the GPT gives to partitions`);
    partitions.push({ number, type: guid(view, at), offset, size: end - offset });
  }
  return partitions;
}

/**
 * Throws where partitions overlap. That one ends behind the disk is no damage: genimage ends an image with its last content, and a card is
 * larger.
 */
function checkOverlap(partitions: readonly Partition[]): void {
  let before: Partition | undefined;
  for (const partition of [...partitions].sort((a, b) => a.offset - b.offset)) {
    if (before !== undefined && before.offset + before.size > partition.offset)
      throw new PartitionError(`the partitions ${before.number} and ${partition.number} overlap`);
    before = partition;
  }
}

/** A sector number as a byte offset. */
function place(view: DataView, at: number): number {
  const sector = view.getBigUint64(at, true);
  if (sector >= 2n ** 43n) throw new PartitionError("the GPT names a sector that no disk has");
  return Number(sector) * sectorSize;
}

/** The first three groups are little-endian (UEFI 2.10, appendix A). */
function guid(view: DataView, at: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  const bytes = Array.from({ length: 8 }, (_, index) => hex(view.getUint8(at + 8 + index), 2)).join("");
  const groups = [
    hex(view.getUint32(at, true), 8),
    hex(view.getUint16(at + 4, true), 4),
    hex(view.getUint16(at + 6, true), 4),
  ];
  return [...groups, bytes.slice(0, 4), bytes.slice(4)].join("-").toUpperCase();
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
