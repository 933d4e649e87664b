import { createHash } from "node:crypto";
import { type FileHandle, open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BlockRange, bmapBlockSize, formatBmap, type MappedRange, mergeRanges } from "../formats/bmap.js";
import { PartitionError, type PartitionTable, type ReadDisk, readPartitions } from "../formats/partitions.js";
import { usedExtent } from "../formats/used-extent.js";
import { readAt } from "../ground/read-at.js";
import * as z from "../ground/zod.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

/** At least this much of each partition is written, so that signatures of an older file system there are gone. Bytes. */
const alwaysWritten = 1 << 20;
const chunk = 1 << 20;

/**
 * Writes NAME.img.bmap for the one image in its input. What it leaves out may hold anything on the card afterwards, so that is only what
 * nobody reads: of a partition what its file system says that it does not use, where it is zero up to the end; of an empty partition all
 * but its start; and of the space around partitions what is zero as a whole. A raw bootloader is in that space, and its zeros count.
 */
export const bmapKind = defineKind({
  name: "bmap",
  version: 2,
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

/** Bytes of the image, `end` not included. */
interface Span {
  readonly start: number;
  readonly end: number;
}

async function usedRanges(image: FileHandle, size: number): Promise<BlockRange[]> {
  const table = await tableOf(image, size);
  if (table === undefined) return blocksOf([{ start: 0, end: size }]);
  const used: Span[] = table.places.map(({ at, length }) => ({ start: at, end: at + length }));
  // The last one may end, or even begin, behind the image.
  const partitions = table.partitions
    .filter(({ offset }) => offset < size)
    .map(({ offset, size: length }) => ({ start: offset, end: Math.min(offset + length, size) }));
  for (const { start, end } of partitions) {
    const last = await lastUsed(image, { start, end });
    const extent = await usedExtent((at, length) => readAt(image, start + at, length), end - start);
    // Content behind what the file system uses is somebody's, too.
    const content = last === start ? start : Math.max(last, extent === undefined ? end : start + extent);
    used.push({ start, end: Math.min(Math.max(content, start + alwaysWritten), end) });
  }
  for (const gap of gapsOf([...partitions, ...used.slice(0, table.places.length)], size))
    if ((await lastUsed(image, gap)) > gap.start) used.push(gap);
  return blocksOf(used);
}

/** Undefined also for a table that is not understood: all of such an image is mapped. */
async function tableOf(image: FileHandle, size: number): Promise<PartitionTable | undefined> {
  const read: ReadDisk = (at, length) => readAt(image, at, length);
  return await readPartitions(read, { size, copy: "check" }).catch((error: unknown) => {
    if (error instanceof PartitionError) return undefined;
    throw error;
  });
}

function gapsOf(taken: readonly Span[], size: number): Span[] {
  const gaps: Span[] = [];
  let next = 0;
  for (const { start, end } of [...taken].sort((a, b) => a.start - b.start)) {
    if (start > next) gaps.push({ start: next, end: start });
    next = Math.max(next, end);
  }
  return next < size ? [...gaps, { start: next, end: size }] : gaps;
}

function blocksOf(spans: readonly Span[]): BlockRange[] {
  return mergeRanges(
    spans.map(({ start, end }) => ({
      first: Math.floor(start / bmapBlockSize),
      last: Math.ceil(end / bmapBlockSize) - 1,
    })),
  );
}

/** The end of the last byte that is not zero, searched from behind; `start` when all are zero. */
async function lastUsed(image: FileHandle, { start, end }: Span): Promise<number> {
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
