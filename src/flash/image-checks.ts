import { open, stat } from "node:fs/promises";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { BlockMap } from "../formats/bmap.js";
import { PartitionError, type PartitionTable, readPartitions } from "../formats/partitions.js";
import { usedExtent } from "../formats/used-extent.js";
import { readAt } from "../ground/read-at.js";
import { contentHead, describeContent } from "./image-content.js";
import { type Compression, openReader } from "./reader.js";

/** By the file's first bytes: Zstandard (RFC 8878), xz (its file format 1.2). */
const magics: readonly (readonly [magic: string, compression: Compression])[] = [
  ["28b52ffd", "zst"],
  ["fd377a585a00", "xz"],
];

/** What names of images end with, and what such a file holds. */
const kinds: readonly (readonly [suffix: string, compression: Compression])[] = [
  [".img", "none"],
  [".zst", "zst"],
  [".xz", "xz"],
];

/**
 * How an image is compressed, by its bytes. Throws ERR_EDGEIMG_FLASH_SOURCE_INVALID when its name says otherwise: one of the two is wrong,
 * and nobody knows which.
 */
export async function compressionOf(path: string): Promise<Compression> {
  const head = await headOf(path);
  const magic = Buffer.from(head.subarray(0, 6)).toString("hex");
  const compression = magics.find(([start]) => magic.startsWith(start))?.[1] ?? "none";
  const named = kinds.find(([suffix]) => path.endsWith(suffix))?.[1];
  if (named === undefined || named === compression) return compression;
  const found = describeContent(head) ?? "something else";
  throw invalid(
    path,
    named === "none"
      ? `its name says a plain image, but it is ${found}`
      : `its name says ${named}-compressed, but it is ${found}`,
    "Give it the name that fits what it is, or download it again.",
  );
}

/**
 * The partition table of an image. Throws ERR_EDGEIMG_FLASH_SOURCE_INVALID for a file without one, with what it seems to be, and for a
 * damaged table or an image that ends before its partitions do.
 */
export async function readTable(path: string, compression: Compression): Promise<PartitionTable> {
  const size = compression === "none" ? (await stat(path)).size : Number.POSITIVE_INFINITY;
  const reader = await openReader(path, compression);
  try {
    const head = new Uint8Array(contentHead);
    const begin = head.subarray(0, await reader.read(head, 0));
    const table = await readPartitions(
      async (at, length) => {
        if (at + length <= begin.length) return begin.subarray(at, at + length);
        const bytes = new Uint8Array(length);
        const part = begin.subarray(Math.min(at, begin.length));
        bytes.set(part);
        return bytes.subarray(0, part.length + (await reader.read(bytes.subarray(part.length), at + part.length)));
      },
      { size, copy: compression === "none" ? "check" : "skip" },
    );
    if (table !== undefined) return table;
    const found = describeContent(begin);
    throw invalid(
      path,
      `there is no partition table${compression === "none" ? "" : " in it"}${found === undefined ? "" : `, it is ${found}`}`,
      hintFor(found),
    );
  } catch (error) {
    if (!(error instanceof PartitionError)) throw error;
    throw invalid(path, `${error.message}`, "Build or download the image again.", error);
  } finally {
    await reader.close();
  }
}

function hintFor(found: string | undefined): string {
  if (found?.includes("block map")) return "Name the image itself: the map beside it is found by its name.";
  if (found?.includes("compressed") || found?.includes("archive"))
    return "Unpack it first; only .zst and .xz are unpacked while they are written.";
  if (found === "empty") return "Build or download it again.";
  return "Name an image of a whole card, as `edgeimg build` makes it (.img, .img.zst, .img.xz).";
}

/**
 * Throws ERR_EDGEIMG_FLASH_SOURCE_INVALID for a plain image that ends before the file systems in it do. Compressed ones have sums of their
 * own and are read once only. The last partition is often empty, and none of the image.
 */
export async function requireWhole(path: string, { partitions }: PartitionTable): Promise<void> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const last = Math.max(...partitions.map(({ offset }) => offset));
    for (const { number, offset, size: length } of partitions) {
      const used = offset < size ? await usedExtent((at, most) => readAt(file, offset + at, most), length) : 0;
      const end = offset + (used ?? 0);
      if (end <= size || (offset === last && offset >= size)) continue;
      const what = `it is cut off: partition ${number} is used up to byte ${end}, and there are ${size}`;
      throw invalid(path, what, "Build or download the image again.");
    }
  } finally {
    await file.close();
  }
}

/** Throws ERR_EDGEIMG_FLASH_SOURCE_INVALID for a map that would leave the image's partition table out, and verify a card without it. */
export function requireMapped(path: string, table: PartitionTable, map: BlockMap): void {
  const { ranges, blockSize } = map;
  for (const { at, length } of table.places) {
    const first = Math.floor(at / blockSize);
    const last = Math.ceil((at + length) / blockSize) - 1;
    if (ranges.some((range) => range.first <= first && range.last >= last)) continue;
    throw invalid(
      path,
      `it leaves out the bytes from ${at} to ${at + length}, where the image's partition table is`,
      "Build the image again; without a map beside it the whole image is written.",
    );
  }
}

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    return await readAt(file, 0, contentHead);
  } finally {
    await file.close();
  }
}

function invalid(path: string, why: string, hint: string, cause?: unknown): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FLASH_SOURCE_INVALID", `${path} cannot be written to a card: ${why}.`, {
    hint: `Nothing was written. ${hint}`,
    cause,
  });
}
