/** Thrown for bytes that are no FAT file system, or a damaged one. */
export class FatError extends Error {
  override readonly name = "FatError";
}

export interface FatFile {
  /** With `/` between folders, in the spelling of the long name when there is one. */
  readonly path: string;
  readonly size: number;
  read(): Uint8Array;
}

interface Geometry {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly clusterSize: number;
  readonly fatAt: number;
  readonly rootAt: number;
  readonly rootEntries: number;
  readonly rootCluster: number;
  readonly dataAt: number;
  readonly clusters: number;
  readonly bits: 12 | 16 | 32;
  /** First clusters of the folders read: one that stands in two places makes the tree endless, or wide without bound. */
  readonly folders: Set<number>;
}

/** Attribute bits of a directory entry. */
const attribute = { volume: 0x08, folder: 0x10, longName: 0x0f } as const;
const entrySize = 32;
const maxDepth = 16;
/** More entries than a boot partition has: folders that hold one another would have no end. */
const maxEntries = 100_000;
/** A long name has 20 parts at most. */
const maxNameParts = 20;
/** Directory entries that one long name can take: 255 characters, 13 in each. */
const longest = 20;

/**
 * Lists the files of a FAT12, FAT16 or FAT32 file system (Microsoft's FAT specification 1.03), given as the bytes of its whole
 * partition, sorted by path. Throws FatError when it is damaged.
 */
export function readFat(bytes: Uint8Array): FatFile[] {
  const geometry = readGeometry(bytes);
  const root =
    geometry.bits === 32
      ? readChain(geometry, geometry.rootCluster, undefined)
      : bytes.subarray(geometry.rootAt, geometry.rootAt + geometry.rootEntries * entrySize);
  return readFolder(geometry, { folder: root, prefix: "", depth: 0, left: { entries: maxEntries } }).sort((a, b) =>
    a.path < b.path ? -1 : 1,
  );
}

/** Whether a sector begins a FAT file system: an MBR ends with the same two bytes. */
export function isFatBootSector(bytes: Uint8Array): boolean {
  if (bytes.length < 512 || bytes[510] !== 0x55 || bytes[511] !== 0xaa) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const perCluster = view.getUint8(13);
  const isPower = perCluster !== 0 && (perCluster & (perCluster - 1)) === 0;
  const fats = view.getUint8(16);
  return [512, 1024, 2048, 4096].includes(view.getUint16(11, true)) && isPower && fats >= 1 && fats <= 2;
}

function readGeometry(bytes: Uint8Array): Geometry {
  if (!isFatBootSector(bytes)) throw new FatError("no FAT boot sector");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sector = view.getUint16(11, true);
  const clusterSize = view.getUint8(13) * sector;
  const reserved = view.getUint16(14, true);
  const fats = view.getUint8(16);
  const rootEntries = view.getUint16(17, true);
  const sectors = view.getUint16(19, true) || view.getUint32(32, true);
  const fatSectors = view.getUint16(22, true) || view.getUint32(36, true);
  const rootAt = (reserved + fats * fatSectors) * sector;
  const dataAt = rootAt + Math.ceil((rootEntries * entrySize) / sector) * sector;
  const clusters = Math.floor((sectors * sector - dataAt) / clusterSize);
  if (sectors * sector > bytes.length || clusters < 1) throw new FatError("the FAT file system is cut off");
  // The number of clusters, and nothing else, tells the three kinds apart.
  const bits = clusters < 4085 ? 12 : clusters < 65525 ? 16 : 32;
  return {
    bytes,
    view,
    clusterSize,
    fatAt: reserved * sector,
    rootAt,
    rootEntries,
    rootCluster: bits === 32 ? view.getUint32(44, true) : 0,
    dataAt,
    clusters,
    bits,
    folders: new Set(),
  };
}

/** The cluster after this one; undefined at the end of a chain. */
function nextCluster({ view, fatAt, bits }: Geometry, cluster: number): number | undefined {
  if (bits === 32) {
    const value = view.getUint32(fatAt + cluster * 4, true) & 0x0fffffff;
    return value >= 0x0ffffff8 ? undefined : value;
  }
  if (bits === 16) {
    const value = view.getUint16(fatAt + cluster * 2, true);
    return value >= 0xfff8 ? undefined : value;
  }
  const pair = view.getUint16(fatAt + cluster + (cluster >> 1), true);
  const value = cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
  return value >= 0xff8 ? undefined : value;
}

/** The bytes of a chain; `size` undefined: all of its clusters. */
function readChain(geometry: Geometry, first: number, size: number | undefined): Uint8Array {
  const { bytes, clusterSize, dataAt, clusters } = geometry;
  const parts: Uint8Array[] = [];
  let cluster: number | undefined = first;
  let length = 0;
  while (cluster !== undefined && (size === undefined || length < size)) {
    if (cluster < 2 || cluster >= clusters + 2) throw new FatError(`cluster ${cluster} does not exist`);
    if (parts.length > clusters) throw new FatError("a chain of clusters has no end");
    const at = dataAt + (cluster - 2) * clusterSize;
    parts.push(bytes.subarray(at, at + clusterSize));
    length += clusterSize;
    cluster = nextCluster(geometry, cluster);
  }
  if (size !== undefined && length < size) throw new FatError("a chain of clusters is shorter than its file");
  const result = new Uint8Array(size ?? length);
  let at = 0;
  for (const part of parts) {
    const rest = part.subarray(0, result.length - at);
    result.set(rest, at);
    at += rest.length;
  }
  return result;
}

interface Folder {
  readonly folder: Uint8Array;
  readonly prefix: string;
  readonly depth: number;
  /** Entries that may still be read, of all folders together. */
  readonly left: { entries: number };
}

function readFolder(geometry: Geometry, { folder, prefix, depth, left }: Folder): FatFile[] {
  if (depth > maxDepth) throw new FatError("folders are nested too deeply");
  const view = new DataView(folder.buffer, folder.byteOffset, folder.byteLength);
  const files: FatFile[] = [];
  let long: string[] = [];
  for (let at = 0; at + entrySize <= folder.length; at += entrySize) {
    const first = view.getUint8(at);
    if (first === 0) break;
    if (left.entries-- === 0) throw new FatError(`it has more than ${maxEntries} entries`);
    const attributes = view.getUint8(at + 11);
    if (first === 0xe5) {
      long = [];
    } else if ((attributes & 0x3f) === attribute.longName) {
      if (long.length === longest) throw new FatError("a name is too long");
      if (long.length === maxNameParts) throw new FatError("a name is longer than any can be");
      long.unshift(longPart(view, at));
    } else {
      const name = long.length > 0 ? long.join("") : shortName(folder.subarray(at, at + entrySize));
      long = [];
      if ((attributes & attribute.volume) !== 0 || name === "." || name === "..") continue;
      const high = geometry.bits === 32 ? view.getUint16(at + 20, true) : 0;
      const cluster = high * 0x10000 + view.getUint16(at + 26, true);
      const size = view.getUint32(at + 28, true);
      const path = prefix + name;
      if ((attributes & attribute.folder) !== 0) {
        if (geometry.folders.has(cluster)) throw new FatError(`the folder ${path} stands in two places`);
        geometry.folders.add(cluster);
        const inner = readChain(geometry, cluster, undefined);
        for (const file of readFolder(geometry, { folder: inner, prefix: `${path}/`, depth: depth + 1, left }))
          files.push(file);
      } else {
        files.push({ path, size, read: () => (size === 0 ? new Uint8Array() : readChain(geometry, cluster, size)) });
      }
    }
  }
  return files;
}

/** Up to 13 UTF-16 units of a long name. */
function longPart(view: DataView, at: number): string {
  let text = "";
  for (const offset of [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]) {
    const unit = view.getUint16(at + offset, true);
    if (unit === 0 || unit === 0xffff) break;
    text += String.fromCharCode(unit);
  }
  return text;
}

function shortName(entry: Uint8Array): string {
  const text = (from: number, to: number) => String.fromCharCode(...entry.subarray(from, to)).trimEnd();
  // Bits of the reserved byte say that the base (8) or the suffix (16) is to be shown in lower case.
  const flags = entry[12] ?? 0;
  const base = (flags & 8) !== 0 ? text(0, 8).toLowerCase() : text(0, 8);
  const suffix = (flags & 16) !== 0 ? text(8, 11).toLowerCase() : text(8, 11);
  return suffix === "" ? base : `${base}.${suffix}`;
}
