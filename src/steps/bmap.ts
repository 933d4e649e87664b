import { createHash } from "node:crypto";
import { type FileHandle, open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BlockRange, bmapBlockSize, formatBmap, type MappedRange, mergeRanges } from "../formats/bmap.js";
import { parseMbr, sectorSize } from "../formats/mbr.js";
import * as z from "../ground/zod.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

/** At least this much of each partition is written, so that signatures of an older file system there are gone. Bytes. */
const alwaysWritten = 1 << 20;
const chunk = 1 << 20;

/**
 * Writes NAME.img.bmap for the one image in its input: the partition table, and of each partition everything up to its last block
 * that is not zero. Zero blocks in between count as content: to a file system they may be.
 */
export const bmapKind = defineKind({
  name: "bmap",
  version: 1,
  params: z.strictObject({}),
  async run(_params, { inputs, out }) {
    const folder = inputFolder(inputs, "disk");
    const [name = ""] = (await readdir(folder)).filter((one) => one.endsWith(".img"));
    const image = await open(join(folder, name), "r");
    try {
      const { size } = await image.stat();
      const ranges = await usedRanges(image, size);
      const mapped: MappedRange[] = [];
      for (const range of ranges) mapped.push({ ...range, sha256: await hashRange(image, range, size) });
      await writeFile(
        join(out, `${name}.bmap`),
        formatBmap({ imageSize: size, blockSize: bmapBlockSize, ranges: mapped }),
      );
    } finally {
      await image.close();
    }
  },
});

async function usedRanges(image: FileHandle, size: number): Promise<BlockRange[]> {
  const { buffer } = await image.read(Buffer.alloc(sectorSize), 0, sectorSize, 0);
  const table = parseMbr(buffer);
  if (table === undefined) return [{ first: 0, last: Math.ceil(size / bmapBlockSize) - 1 }];
  const ranges: BlockRange[] = [{ first: 0, last: 0 }];
  for (const { offset: start, size: length } of table.partitions) {
    const end = Math.min(start + length, size);
    const used = Math.max(await lastUsed(image, start, end), Math.min(start + alwaysWritten, end));
    if (used > start)
      ranges.push({ first: Math.floor(start / bmapBlockSize), last: Math.ceil(used / bmapBlockSize) - 1 });
  }
  return mergeRanges(ranges);
}

/** The end of the last byte that is not zero, searched from behind; `start` when all are zero. */
async function lastUsed(image: FileHandle, start: number, end: number): Promise<number> {
  const buffer = Buffer.alloc(chunk);
  const zeros = Buffer.alloc(chunk);
  for (let at = end; at > start; ) {
    const from = Math.max(start, at - chunk);
    const { bytesRead } = await image.read(buffer, 0, at - from, from);
    if (!buffer.subarray(0, bytesRead).equals(zeros.subarray(0, bytesRead))) {
      let last = bytesRead - 1;
      while (buffer[last] === 0) last--;
      return from + last + 1;
    }
    at = from;
  }
  return start;
}

async function hashRange(image: FileHandle, { first, last }: BlockRange, size: number): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(chunk);
  const end = Math.min((last + 1) * bmapBlockSize, size);
  for (let at = first * bmapBlockSize; at < end; ) {
    const { bytesRead } = await image.read(buffer, 0, Math.min(chunk, end - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest("hex");
}
