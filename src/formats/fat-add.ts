import { FatError } from "./fat.js";

/** Bytes to be written at an offset of the file system. */
export interface FatPatch {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export interface NewFatFile {
  /** A short name in capitals, such as `EDGEIMG.TXT`; systems show it in lower case. */
  readonly name: string;
  readonly content: Uint8Array;
}

/** Reads `length` bytes of the file system from offset `at` on. */
export type ReadAt = (at: number, length: number) => Promise<Uint8Array>;

interface Volume {
  readonly bits: 12 | 16 | 32;
  readonly sector: number;
  readonly clusterSize: number;
  readonly clusters: number;
  readonly fatAt: number;
  readonly fatSize: number;
  readonly fats: number;
  readonly rootAt: number;
  readonly rootSize: number;
  readonly rootCluster: number;
  readonly dataAt: number;
  readonly infoAt: number | undefined;
}

const entrySize = 32;
/** Attribute "archive", as every system sets it for a new file. */
const archive = 0x20;
/** Reserved byte of an entry: base (8) and suffix (16) are to be shown in lower case. */
const lowerCase = 0x18;
/** 2000-01-01, the time of every file of an image. */
const date = ((2000 - 1980) << 9) | (1 << 5) | 1;
const endOfChain = { 12: 0xfff, 16: 0xffff, 32: 0x0fffffff } as const;

/**
 * What must be written to put a file into the root folder of a FAT12, FAT16 or FAT32 file system (Microsoft's FAT specification 1.03).
 * Only tables and folders are read. Throws FatError when the file system is damaged or full, or has a file of that name.
 */
export async function planFatFile(read: ReadAt, { name, content }: NewFatFile): Promise<FatPatch[]> {
  const volume = await readVolume(read);
  const table = await read(volume.fatAt, volume.fatSize);
  const folder = await freeEntry(read, { volume, table, short: shortName(name) });
  const count = Math.ceil(content.length / volume.clusterSize);
  const chain = freeClusters(volume, table, count);
  const changed = Uint8Array.from(table);
  chain.forEach((cluster, index) => {
    setCluster({ table: changed, bits: volume.bits, cluster, value: chain[index + 1] ?? endOfChain[volume.bits] });
  });
  const entry = newEntry(shortName(name), chain[0] ?? 0, content.length);
  return [
    // The file's content and the tables before the entry that makes them count.
    ...chain.map((cluster, index) => ({
      at: clusterAt(volume, cluster),
      bytes: padded(content.subarray(index * volume.clusterSize, (index + 1) * volume.clusterSize), volume.clusterSize),
    })),
    ...tablePatches(volume, table, changed),
    // Free clusters are counted anew by whoever needs to know.
    ...(volume.infoAt === undefined ? [] : [{ at: volume.infoAt + 488, bytes: new Uint8Array(8).fill(0xff) }]),
    { at: folder, bytes: entry },
  ];
}

async function readVolume(read: ReadAt): Promise<Volume> {
  const boot = await read(0, 512);
  const view = new DataView(boot.buffer, boot.byteOffset, boot.byteLength);
  const sector = view.getUint16(11, true);
  const clusterSize = view.getUint8(13) * sector;
  if (boot[510] !== 0x55 || boot[511] !== 0xaa || ![512, 1024, 2048, 4096].includes(sector) || clusterSize === 0)
    throw new FatError("no FAT boot sector");
  const reserved = view.getUint16(14, true);
  const fats = view.getUint8(16);
  const rootEntries = view.getUint16(17, true);
  const sectors = view.getUint16(19, true) || view.getUint32(32, true);
  const fatSectors = view.getUint16(22, true) || view.getUint32(36, true);
  const rootAt = (reserved + fats * fatSectors) * sector;
  const rootSize = rootEntries * entrySize;
  const dataAt = rootAt + Math.ceil(rootSize / sector) * sector;
  const clusters = Math.floor((sectors * sector - dataAt) / clusterSize);
  if (clusters < 1 || fats < 1) throw new FatError("the FAT file system is damaged");
  const bits = clusters < 4085 ? 12 : clusters < 65525 ? 16 : 32;
  if (fatSectors * sector * 8 < (clusters + 2) * bits) throw new FatError("the FAT is too small for its clusters");
  return {
    bits,
    sector,
    clusterSize,
    clusters,
    fats,
    fatAt: reserved * sector,
    fatSize: fatSectors * sector,
    rootAt,
    rootSize,
    rootCluster: bits === 32 ? view.getUint32(44, true) : 0,
    dataAt,
    infoAt: bits === 32 && view.getUint16(48, true) > 0 ? view.getUint16(48, true) * sector : undefined,
  };
}

function clusterAt({ dataAt, clusterSize }: Volume, cluster: number): number {
  return dataAt + (cluster - 2) * clusterSize;
}

function getCluster(table: Uint8Array, bits: Volume["bits"], cluster: number): number {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  if (bits === 32) return view.getUint32(cluster * 4, true) & 0x0fffffff;
  if (bits === 16) return view.getUint16(cluster * 2, true);
  const pair = view.getUint16(cluster + (cluster >> 1), true);
  return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
}

function setCluster(change: { table: Uint8Array; bits: Volume["bits"]; cluster: number; value: number }): void {
  const { table, bits, cluster, value } = change;
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  if (bits === 32) {
    const kept = view.getUint32(cluster * 4, true) & 0xf0000000;
    view.setUint32(cluster * 4, (kept | value) >>> 0, true);
  } else if (bits === 16) view.setUint16(cluster * 2, value, true);
  else {
    const at = cluster + (cluster >> 1);
    const pair = view.getUint16(at, true);
    view.setUint16(at, cluster % 2 === 0 ? (pair & 0xf000) | value : (pair & 0xf) | (value << 4), true);
  }
}

function freeClusters({ bits, clusters }: Volume, table: Uint8Array, count: number): number[] {
  const found: number[] = [];
  for (let cluster = 2; cluster < clusters + 2 && found.length < count; cluster++)
    if (getCluster(table, bits, cluster) === 0) found.push(cluster);
  if (found.length < count) throw new FatError("the FAT file system is full");
  return found;
}

/** Where in the file system the root folder has room for one more entry. */
async function freeEntry(
  read: ReadAt,
  { volume, table, short }: { volume: Volume; table: Uint8Array; short: Uint8Array },
): Promise<number> {
  let free: number | undefined;
  for (const { at, length } of rootParts(volume, table)) {
    const part = await read(at, length);
    for (let offset = 0; offset + entrySize <= length; offset += entrySize) {
      const first = part[offset];
      if (first === 0 || first === 0xe5) free ??= at + offset;
      if (first === 0) return free ?? at + offset;
      const isFile = ((part[offset + 11] ?? 0) & 0x08) === 0;
      if (isFile && short.every((byte, index) => part[offset + index] === byte))
        throw new FatError("the root folder has a file of that name");
    }
  }
  if (free === undefined) throw new FatError("the root folder is full");
  return free;
}

function rootParts(volume: Volume, table: Uint8Array): { at: number; length: number }[] {
  if (volume.bits !== 32) return [{ at: volume.rootAt, length: volume.rootSize }];
  const parts: { at: number; length: number }[] = [];
  for (let cluster = volume.rootCluster; cluster < 0x0ffffff8; cluster = getCluster(table, 32, cluster)) {
    if (cluster < 2 || cluster >= volume.clusters + 2 || parts.length > volume.clusters)
      throw new FatError("the root folder's chain is damaged");
    parts.push({ at: clusterAt(volume, cluster), length: volume.clusterSize });
  }
  return parts;
}

/** The sectors in which two tables differ, for each copy of the table. */
function tablePatches(volume: Volume, before: Uint8Array, after: Uint8Array): FatPatch[] {
  const patches: FatPatch[] = [];
  for (let offset = 0; offset < after.length; offset += volume.sector) {
    const bytes = after.subarray(offset, offset + volume.sector);
    const old = before.subarray(offset, offset + volume.sector);
    if (bytes.every((byte, index) => byte === old[index])) continue;
    for (let copy = 0; copy < volume.fats; copy++)
      patches.push({ at: volume.fatAt + copy * volume.fatSize + offset, bytes });
  }
  return patches;
}

/** 11 bytes, base and suffix padded with spaces. */
function shortName(name: string): Uint8Array {
  const parts = /^([A-Z0-9_-]{1,8})(?:\.([A-Z0-9_-]{1,3}))?$/.exec(name);
  if (parts === null) throw new FatError(`${name} is no short name`);
  return new TextEncoder().encode((parts[1] ?? "").padEnd(8) + (parts[2] ?? "").padEnd(3));
}

function newEntry(short: Uint8Array, cluster: number, size: number): Uint8Array {
  const entry = new Uint8Array(entrySize);
  const view = new DataView(entry.buffer);
  entry.set(short);
  view.setUint8(11, archive);
  view.setUint8(12, lowerCase);
  for (const at of [16, 18, 24]) view.setUint16(at, date, true);
  view.setUint16(20, cluster >>> 16, true);
  view.setUint16(26, cluster & 0xffff, true);
  view.setUint32(28, size, true);
  return entry;
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const result = new Uint8Array(length);
  result.set(bytes);
  return result;
}
