import { isFatBootSector } from "./fat.js";
import type { ReadDisk } from "./partitions.js";

/** What a file system needs of its partition is read within these bytes, but for a FAT's table. */
const superblockSize = 4096;
/** FAT32 of 128 GiB in clusters of 4 KiB; more is not looked through. Bytes. */
const largestFat = 128 << 20;

/**
 * Bytes from a partition's start on that its file system uses, as it says itself; undefined for what is not known here. Zeros at the end
 * of that are content: of a file, for example.
 * @param read from the partition's start
 */
export async function usedExtent(read: ReadDisk, size: number): Promise<number | undefined> {
  const head = await read(0, Math.min(superblockSize, size));
  if (head.length < 2048) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const found =
    squashfs(view) ?? erofs(view) ?? ext(view) ?? (isFatBootSector(head) ? await fat(view, read) : undefined);
  return found === undefined || found > size ? undefined : found;
}

/** Squashfs 4.0: magic, and `bytes_used` at 40. mksquashfs pads to 4 KiB. */
function squashfs(view: DataView): number | undefined {
  return view.getUint32(0, true) === 0x73717368 ? Number(view.getBigUint64(40, true)) : undefined;
}

/** EROFS: its superblock at 1024, the block's size as a power of two at 12, the number of blocks at 36. */
function erofs(view: DataView): number | undefined {
  if (view.getUint32(1024, true) !== 0xe0f5e1e2) return undefined;
  const bits = view.getUint8(1024 + 12);
  return bits >= 9 && bits <= 16 ? view.getUint32(1024 + 36, true) * 2 ** bits : undefined;
}

/** ext2, ext3, ext4 may use any of their blocks: magic at 56 of the superblock, their number at 4, their size at 24. */
function ext(view: DataView): number | undefined {
  if (view.getUint16(1024 + 56, true) !== 0xef53) return undefined;
  const bits = view.getUint32(1024 + 24, true);
  return bits <= 6 ? view.getUint32(1024 + 4, true) * 2 ** (10 + bits) : undefined;
}

/** FAT12, FAT16, FAT32: up to the last cluster that its table does not call free. */
async function fat(view: DataView, read: ReadDisk): Promise<number | undefined> {
  const sector = view.getUint16(11, true);
  const clusterSize = view.getUint8(13) * sector;
  const fats = view.getUint8(16);
  const sectors = view.getUint16(19, true) || view.getUint32(32, true);
  const fatSectors = view.getUint16(22, true) || view.getUint32(36, true);
  const fatAt = view.getUint16(14, true) * sector;
  const dataAt = fatAt + fats * fatSectors * sector + Math.ceil((view.getUint16(17, true) * 32) / sector) * sector;
  const clusters = Math.floor((sectors * sector - dataAt) / clusterSize);
  const fatSize = fatSectors * sector;
  if (clusters < 1 || fatSize > largestFat) return undefined;
  const bits = clusters < 4085 ? 12 : clusters < 65525 ? 16 : 32;
  const table = await read(fatAt, fatSize);
  let last = table.length - 1;
  while (last >= 0 && table[last] === 0) last--;
  // Clusters are counted from 2 on; where two share a byte it is the second's.
  const cluster = Math.min(Math.floor(((last + 1) * 8 - 1) / bits), clusters + 1);
  return dataAt + Math.max(cluster - 1, 0) * clusterSize;
}
