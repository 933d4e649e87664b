import { dirname } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { canonicalJson, compareText, type Json } from "../ground/canonical.js";
import * as z from "../ground/zod.js";
import { type TreeEntry, treeDigest } from "./tree.js";

/** First entry of a cache archive. The others are `objects/SHA256`, sorted. */
export const archiveIndexName = "edgeimg-cache.json";

/** One object may stand in many trees, each time with room of its own: what all of them may take together. */
const largestContent = 2 ** 36;

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** A file or folder of a tree: type, path, sha256 or link target. Sizes stand with the objects. */
const entry = z.tuple([z.enum(["f", "x", "l", "d"]), z.string().min(1).max(4096), z.string().max(4096)]);

/**
 * What a cache archive holds: files by their hash, which of them are downloads, the trees that finished steps gave, and which action
 * gave which tree. A tree that is not listed is one that can be made again from the downloads.
 */
export const archiveIndexSchema = z.strictObject({
  format: z.literal(1),
  /** sha256 of the lock that it was made for. */
  lock: digest,
  /** `name` is for people. */
  objects: z.record(digest, z.strictObject({ size: z.int().min(0), name: z.string().max(4096) })),
  blobs: z.array(digest),
  trees: z.record(digest, z.array(entry)),
  actions: z.record(digest, digest),
});

export type ArchiveIndex = z.infer<typeof archiveIndexSchema>;

/** The index's text: the same for the same content. */
export function formatIndex(index: ArchiveIndex): string {
  return `${canonicalJson(JSON.parse(JSON.stringify(index)) as Json)}\n`;
}

/**
 * Reads an index, trusting nothing: each tree must be what its digest says, no entry may leave its tree or lie behind a link, and
 * every file must be among the objects.
 * @throws EdgeimgError ERR_EDGEIMG_CACHE_ARCHIVE, ERR_EDGEIMG_ARCHIVE_UNSAFE
 */
export function parseIndex(text: string, archive: string): ArchiveIndex {
  const index = readIndex(text, archive);
  for (const sha256 of index.blobs) requireObject(index, sha256, archive);
  let bytes = 0;
  for (const [name, list] of Object.entries(index.trees)) {
    const entries = treeEntries(index, list);
    const unsafe = unsafePath(entries);
    if (unsafe !== undefined) {
      throw new EdgeimgError(
        "ERR_EDGEIMG_ARCHIVE_UNSAFE",
        `${archive} has the entry "${unsafe}" in tree ${name}, which would leave its folder.`,
        { hint: "The archive is hostile or broken: do not use it." },
      );
    }
    for (const { type, hash, size } of entries) {
      if (type !== "f" && type !== "x") continue;
      requireObject(index, hash, archive);
      bytes += size;
    }
    if (bytes > largestContent) throw archiveDamaged(archive, `its trees would take more than ${largestContent} bytes`);
    if (treeDigest(entries) !== name) throw archiveDamaged(archive, `the listing of tree ${name} has been changed`);
  }
  return index;
}

function readIndex(text: string, archive: string): ArchiveIndex {
  try {
    return archiveIndexSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw archiveDamaged(archive, `its ${archiveIndexName} is not one that this edgeimg reads`, cause);
  }
}

/** A tree's entries as the store lists them. */
export function treeEntries(index: ArchiveIndex, list: ArchiveIndex["trees"][string]): TreeEntry[] {
  return list.map(([type, path, hash]) => ({ type, path, hash, size: index.objects[hash]?.size ?? 0, stamp: "" }));
}

/** An entry that is not where a tree may have one: sorted, below its own folders, links within the tree. */
function unsafePath(entries: readonly TreeEntry[]): string | undefined {
  const folders = new Set(["."]);
  let last = "";
  for (const { type, path, hash } of entries) {
    const isPlain = !path.startsWith("/") && path.split("/").every((part) => !["", ".", ".."].includes(part));
    if (!isPlain || path.includes("\0") || !folders.has(dirname(path)) || path === last) return path;
    if (type === "d") folders.add(path);
    if (type === "l" && (hash === "" || hash.includes("\0") || leaves(path, hash))) return `${path} -> ${hash}`;
    last = path;
  }
  return undefined;
}

/**
 * Whether a link may lead out of its tree. `..` counts only at the front of a target: behind another name it is a step up from wherever that
 * name leads, which by way of a second link may be anywhere. As each link starts in a real folder of the tree and goes up no further
 * than its root, no chain of such links leaves it.
 */
function leaves(path: string, target: string): boolean {
  if (target.startsWith("/")) return true;
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const up = parts.findIndex((part) => part !== "..");
  const rises = up < 0 ? parts.length : up;
  return rises > path.split("/").length - 1 || parts.slice(rises).includes("..");
}

function requireObject(index: ArchiveIndex, sha256: string, archive: string): void {
  if (!Object.hasOwn(index.objects, sha256)) throw archiveDamaged(archive, `object ${sha256} is not listed`);
}

/** ERR_EDGEIMG_CACHE_ARCHIVE: an archive that cannot be used, and why. */
export function archiveDamaged(archive: string, what: string, cause?: unknown): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_CACHE_ARCHIVE", `${archive} cannot be used: ${what}.`, {
    cause,
    hint: "Nothing of it was taken. Copy the file again, or make it anew with `edgeimg cache export`.",
  });
}

/** An object as messages name it. */
export function objectName(index: ArchiveIndex, sha256: string): string {
  return `${index.objects[sha256]?.name ?? "?"} (object ${sha256})`;
}

export const sortedRecord = <T>(entries: Iterable<readonly [string, T]>): Record<string, T> =>
  Object.fromEntries([...entries].sort(([a], [b]) => compareText(a, b)));
