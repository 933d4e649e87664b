import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type BlockMap, BmapError, bmapBlockSize, largestBmap, parseBmap } from "../formats/bmap.js";
import type { PartitionTable } from "../formats/partitions.js";
import { readSmallFileIfAny, SmallFileError } from "../ground/read-small-file.js";
import { compressionOf, readTable, requireMapped, requireWhole } from "./image-checks.js";
import { type Compression, openReader } from "./reader.js";

/** An image that was looked at and may be written. */
export interface ImageSource {
  readonly path: string;
  readonly compression: Compression;
  /** What to write, with the hashes that it must have. */
  readonly map: BlockMap;
  readonly table: PartitionTable;
  /** Where the hashes come from, strongest first; empty: only from the image itself. */
  readonly checkedBy: readonly string[];
  /** Paths of the root file system, as `manifest.json` beside it tells them; undefined without a manifest of this image. */
  readonly rootFiles: ReadonlySet<string> | undefined;
}

const suffixes: readonly (readonly [suffix: string, compression: Compression])[] = [
  [".img", "none"],
  [".img.zst", "zst"],
  [".img.xz", "xz"],
];

/** The image in a folder that a build wrote: the plain one goes first, as nothing must be decompressed. */
export async function findImage(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return path;
  if (!found?.isDirectory()) {
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_NO_IMAGE", `There is no image ${path}.`, {
      hint: "Name an image or a folder of `edgeimg build`, such as out/BOARD-ENGINE.",
    });
  }
  const names = (await readdir(path)).sort();
  for (const [suffix] of suffixes) {
    const images = names.filter((name) => name.endsWith(suffix));
    if (images.length > 1) throw ambiguous(path, images);
    const [only] = images;
    if (only !== undefined) return join(path, only);
  }
  // `out`: one folder for each board and engine.
  const below: string[] = [];
  for (const name of names) {
    const files = await readdir(join(path, name)).catch(() => []);
    if (files.some((file) => suffixes.some(([suffix]) => file.endsWith(suffix)))) below.push(name);
  }
  const [only, ...more] = below;
  if (only !== undefined && more.length === 0) return await findImage(join(path, only));
  if (only !== undefined) throw ambiguous(path, below);
  throw new EdgeimgError("ERR_EDGEIMG_FLASH_NO_IMAGE", `There is no image in ${path}.`, {
    hint: "Build one with `edgeimg build`, or name one (.img, .img.zst, .img.xz).",
  });
}

function ambiguous(path: string, names: readonly string[]): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FLASH_NO_IMAGE", `There are ${names.length} images in ${path}.`, {
    details: names.map((name) => join(path, name)),
    hint: "Name the one to write.",
  });
}

/** What lies beside an image is small; more is not read. Bytes. */
const largestSums = 1 << 20;
const largestManifest = 64 << 20;

/**
 * Looks at an image and at what lies beside it: SHA256SUMS, NAME.img.bmap, manifest.json. A compressed image whose hash is known is hashed
 * here, before anything is written; a plain one is checked by its map's hashes when it is read back. Without a map the image is
 * read once to make one of a single range. What has no partition table is none of a card.
 * Throws ERR_EDGEIMG_FLASH_SOURCE_HASH, ERR_EDGEIMG_FLASH_SOURCE_INVALID.
 */
export async function openSource(path: string, signal: AbortSignal): Promise<ImageSource> {
  const name = basename(path);
  const folder = dirname(path);
  const compression = await compressionOf(path);
  const table = await readTable(path, compression);
  if (compression === "none") await requireWhole(path, table);
  const sums = parseSums(Buffer.from((await readBeside(folder, "SHA256SUMS", largestSums)) ?? []).toString("utf8"));
  const imageName = name.replace(/\.(zst|xz)$/, "");
  const manifest = await readManifest(folder, imageName);
  const checkedBy: string[] = [];
  const sum = sums.get(name);
  const bmapName = `${imageName}.bmap`;
  const bmap = await readBeside(folder, bmapName, largestBmap);
  if (bmap !== undefined && sums.has(bmapName)) requireHash(join(folder, bmapName), sums.get(bmapName), sha256(bmap));
  if (sum !== undefined && (compression !== "none" || bmap === undefined)) {
    requireHash(path, sum, await hashFile(path, signal));
    checkedBy.push("SHA256SUMS");
  }
  const rootFiles = manifest?.rootFiles;
  if (bmap !== undefined) {
    checkedBy.push(bmapName);
    const map = readMap(join(folder, bmapName), bmap);
    await requireSize(path, compression, map.imageSize);
    requireMapped(join(folder, bmapName), table, map);
    return { path, compression, map, table, checkedBy, rootFiles };
  }
  const { size, hash } = await measure(path, compression, signal);
  const expected = sums.get(imageName) ?? manifest?.sha256;
  if (expected !== undefined && compression !== "none") {
    requireHash(`${imageName} in ${path}`, expected, hash);
    checkedBy.push(sums.has(imageName) ? "SHA256SUMS" : "manifest.json");
  } else if (expected !== undefined && sum === undefined) {
    requireHash(path, expected, hash);
    checkedBy.push("manifest.json");
  }
  const ranges = [{ first: 0, last: Math.ceil(size / bmapBlockSize) - 1, sha256: hash }];
  const map = { imageSize: size, blockSize: bmapBlockSize, ranges };
  return { path, compression, map, table, checkedBy, rootFiles };
}

/** Undefined when it is not there. Throws ERR_EDGEIMG_FLASH_SOURCE_INVALID when it cannot be read. */
async function readBeside(folder: string, name: string, most: number): Promise<Uint8Array | undefined> {
  return await readSmallFileIfAny(join(folder, name), most).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause instanceof SmallFileError ? cause.message : cause.code;
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_SOURCE_INVALID", `${join(folder, name)} cannot be read: ${reason}.`, {
      cause,
      hint: "It lies beside the image and would be used to check it. Build the image again, or take the file away.",
    });
  });
}

/** Throws ERR_EDGEIMG_FLASH_SOURCE_INVALID for a plain image of another size than its map has. */
async function requireSize(path: string, compression: Compression, size: number): Promise<void> {
  const { size: found } = await stat(path);
  if (compression !== "none" || found === size) return;
  throw new EdgeimgError(
    "ERR_EDGEIMG_FLASH_SOURCE_INVALID",
    `${path} has ${found} bytes, its block map is one of ${size}.`,
    { hint: "One of them is cut off or of another build: build or download both again." },
  );
}

function requireHash(what: string, expected: string | undefined, found: string): void {
  if (expected === found) return;
  throw new EdgeimgError("ERR_EDGEIMG_FLASH_SOURCE_HASH", `${what} is not what was made: its sha256 is another.`, {
    details: [`expected ${expected}`, `found    ${found}`],
    hint: "Nothing was written. Build or download the image again.",
  });
}

function readMap(path: string, bytes: Uint8Array): BlockMap {
  try {
    return parseBmap(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    if (!(cause instanceof BmapError)) throw cause;
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_SOURCE_INVALID", `${path} is no usable block map: ${cause.message}.`, {
      cause,
      hint: "Build the image again; without a map beside it the whole image is written.",
    });
  }
}

/** Lines "HASH  NAME" of sha256sum. */
function parseSums(text: string): Map<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, hash, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      return hash === undefined || name === undefined ? [] : [[name, hash] as const];
    }),
  );
}

interface ManifestFacts {
  readonly sha256: string | undefined;
  readonly rootFiles: ReadonlySet<string>;
  readonly board: string | undefined;
}

/** `manifest.json` in an image's folder; undefined when there is none, or one of another image. */
export async function readManifest(folder: string, imageName: string): Promise<ManifestFacts | undefined> {
  const bytes = await readBeside(folder, "manifest.json", largestManifest);
  if (bytes === undefined) return undefined;
  try {
    const value = JSON.parse(Buffer.from(bytes).toString("utf8")) as {
      board?: string;
      image?: { file?: string; sha256?: string };
      files?: readonly { part?: string; path?: string }[];
    };
    if (value.image?.file !== imageName) return undefined;
    const files = (value.files ?? []).flatMap(({ part, path }) =>
      part === "root" && path !== undefined ? [path] : [],
    );
    return { sha256: value.image.sha256, rootFiles: new Set(files), board: value.board };
  } catch {
    return undefined;
  }
}

async function measure(
  path: string,
  compression: Compression,
  signal: AbortSignal,
): Promise<{ size: number; hash: string }> {
  const reader = await openReader(path, compression);
  const hash = createHash("sha256");
  const buffer = new Uint8Array(1 << 20);
  let size = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      const length = await reader.read(buffer, size);
      hash.update(buffer.subarray(0, length));
      size += length;
      if (length < buffer.length) break;
    }
  } finally {
    await reader.close();
  }
  return { size, hash: hash.digest("hex") };
}

async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest("hex");
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
