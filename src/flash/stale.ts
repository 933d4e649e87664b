import type { Partition } from "../formats/partitions.js";
import { alignment } from "./buffers.js";
import type { Target } from "./target.js";

export interface Place {
  readonly at: number;
  readonly length: number;
}

/** Partition tables, boot sectors and the signatures of file systems, RAID and LVM lie in the first or last MiB. Bytes. */
export const edge = 1 << 20;

/**
 * Where an older content of the card would confuse what reads it next, beside the blocks that the image maps itself: the first and last
 * MiB, and the copies of an ext4 superblock that e2fsck looks for (its own list: the first copy for each block size, ext2fs's
 * layout "sparse_super": groups 1 and powers of 3, 5 and 7). Without this the data partition of a card's former life would
 * come back. Sorted; within the target.
 */
export function stalePlaces(partitions: readonly Partition[], target: { readonly size: number }): Place[] {
  const places: Place[] = [
    { at: 0, length: Math.min(edge, target.size) },
    { at: Math.max(0, Math.floor((target.size - edge) / alignment) * alignment), length: edge + alignment },
  ];
  // Only the last one grows over the rest of the card, where nothing of the image is.
  const last = [...partitions].sort((a, b) => a.offset - b.offset).at(-1);
  if (last !== undefined) {
    for (const offset of superblockCopies(target.size - last.offset))
      places.push({ at: Math.floor((last.offset + offset) / alignment) * alignment, length: alignment });
  }
  return places
    .map(({ at, length }) => ({ at, length: Math.min(length, target.size - at) }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => a.at - b.at);
}

/**
 * Clears places, the first one before all others: the old partition table.
 * @param erase.scratch memory at a page, at least as long as the first place and as all others together
 */
export async function eraseStale(
  target: Target,
  { places, scratch }: { readonly places: readonly Place[]; readonly scratch: Uint8Array },
): Promise<void> {
  const [table, ...others] = places;
  if (table !== undefined) await writeZeros(target, { at: table.at, scratch: cut(scratch, 0, table.length) });
  let used = 0;
  const work = others.map(({ at, length }) => {
    used += length;
    return { at, scratch: cut(scratch, used - length, used) };
  });
  await Promise.all(work.map((place) => writeZeros(target, place)));
}

function cut(bytes: Uint8Array, from: number, to: number): Uint8Array {
  if (to > bytes.length) throw new Error(`${to} bytes to clear, memory for ${bytes.length}`);
  return bytes.subarray(from, to);
}

/**
 * Makes a place read as zeros. It is read first, and only what is not zero is written: reading is faster on every card, and a new card
 * has nothing there. What cannot be read is written.
 * @param place.scratch memory as long as the place, at a page
 */
export async function writeZeros(
  target: Target,
  { at, scratch }: { readonly at: number; readonly scratch: Uint8Array },
): Promise<void> {
  const readable = await target.read(scratch, at).then(
    () => true,
    () => false,
  );
  const [from, to] = readable ? nonZeroSpan(scratch) : [0, scratch.length];
  if (from < to) await target.write(scratch.subarray(from, to).fill(0), at + from);
}

/** From the first to the last aligned block that is not zero; empty when all are. */
export function nonZeroSpan(bytes: Uint8Array): [from: number, to: number] {
  const blocks = Math.ceil(bytes.length / alignment);
  let from = 0;
  let to = blocks;
  const isZeroBlock = (block: number) => isZero(bytes.subarray(block * alignment, (block + 1) * alignment));
  while (from < to && isZeroBlock(from)) from++;
  while (to > from && isZeroBlock(to - 1)) to--;
  return [from * alignment, Math.min(to * alignment, bytes.length)];
}

/** Whether all bytes are zero: the first is, and each equals the one before. */
export function isZero(bytes: Uint8Array): boolean {
  return (bytes[0] ?? 0) === 0 && Buffer.compare(bytes.subarray(0, -1), bytes.subarray(1)) === 0;
}

/** Offsets in an ext2/3/4 file system of any block size. A group has as many blocks as a block has bits. */
function superblockCopies(size: number): number[] {
  const offsets = new Set<number>();
  for (let block = 1024; block <= 65_536; block *= 2) {
    const group = block * 8 * block;
    // With blocks of 1 KiB the first one is before the first group.
    const first = block === 1024 ? block : 0;
    const groups = [1, ...[3, 5, 7].flatMap((base) => [1, 2, 3, 4, 5, 6, 7, 8].map((power) => base ** power))];
    for (const number of groups) if (number * group + first + block <= size) offsets.add(number * group + first);
  }
  return [...offsets].sort((a, b) => a - b);
}
