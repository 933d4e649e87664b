import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { access, chmod, copyFile, mkdir, mkdtemp, open, rename, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Parser, type ReadEntry } from "tar";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import {
  type ArchiveIndex,
  archiveDamaged,
  archiveIndexName,
  objectName,
  parseIndex,
  treeEntries,
} from "../../store/archive.js";
import { blobPath, commitTree, hasTree, openStore, readAction, type Store, writeAction } from "../../store/store.js";
import { cacheFolder } from "../session/cache-folder.js";
import type { CacheArchiveResult, Context, ImportOptions } from "../types.js";
import { archiveResult } from "./archive-result.js";

/** An index lists some ten thousand files; one that is larger than this is not ours. */
const largestIndex = 1 << 27;

/**
 * Takes an archive of `cacheExport` into the store. Every object is checked against its hash, and nothing is taken before all of them
 * are there.
 * @throws EdgeimgError ERR_EDGEIMG_CACHE_ARCHIVE, ERR_EDGEIMG_ARCHIVE_UNSAFE, ERR_EDGEIMG_PROJECT_FILE
 */
export async function cacheImport(context: Context, options: ImportOptions): Promise<CacheArchiveResult> {
  const store = await openStore(cacheFolder(context));
  const file = resolve(context.cwd, options.file);
  await access(file).catch((cause) => {
    throw new EdgeimgError("ERR_EDGEIMG_PROJECT_FILE", `${file} cannot be read.`, {
      cause,
      hint: "Name a file that `edgeimg cache export` wrote.",
    });
  });
  await requirePlainTar(file, options.file);
  const folder = await mkdtemp(join(store.root, "tmp", "import-"));
  try {
    const index = await readArchive({ file, shown: options.file, folder, signal: context.signal });
    context.signal.throwIfAborted();
    await takeIn(store, index, folder);
    return archiveResult(file, index);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The first header of an archive is the index's: `export` compresses nothing. The tar reader would unpack what looks compressed, and a small file
 * can hold any number of bytes that way.
 */
async function requirePlainTar(file: string, shown: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    const name = Buffer.alloc(archiveIndexName.length + 1);
    await handle.read(name, 0, name.length, 0);
    if (name.toString("latin1") === `${archiveIndexName}\0`) return;
  } catch (cause) {
    throw archiveDamaged(shown, "it cannot be read", cause);
  } finally {
    await handle.close();
  }
  throw archiveDamaged(shown, "it is not an archive of `edgeimg cache export`, which is a plain tar");
}

interface ReadJob {
  readonly file: string;
  /** As the user named it. */
  readonly shown: string;
  /** Where the objects go, each under its hash. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Reads the whole archive, checking each object. */
async function readArchive({ file, shown, folder, signal }: ReadJob): Promise<ArchiveIndex> {
  let index: ArchiveIndex | undefined;
  const seen = new Set<string>();
  const take = async (entry: ReadEntry): Promise<void> => {
    if (entry.type !== "File" && entry.type !== "OldFile") throw unexpected(shown, entry.path);
    if (index === undefined) {
      if (entry.path !== archiveIndexName || entry.size > largestIndex)
        throw archiveDamaged(shown, "it is not an archive of `edgeimg cache export`");
      index = parseIndex((await entry.concat()).toString("utf8"), shown);
      return;
    }
    const sha256 = /^objects\/([0-9a-f]{64})$/.exec(entry.path)?.[1];
    const known = sha256 === undefined ? undefined : index.objects[sha256];
    if (sha256 === undefined || known === undefined || seen.has(sha256)) throw unexpected(shown, entry.path);
    seen.add(sha256);
    if (entry.size !== known.size) throw archiveDamaged(shown, `${objectName(index, sha256)} has been changed`);
    const found = await writeObject(entry, join(folder, sha256), signal);
    if (found !== sha256) throw archiveDamaged(shown, `${objectName(index, sha256)} has been changed`);
  };
  await eachEntry(file, take, signal).catch((error: unknown) => {
    if (error instanceof EdgeimgError || signal.aborted || isLocal(error)) throw error;
    throw archiveDamaged(
      shown,
      `it is not a whole tar archive: ${error instanceof Error ? error.message : error}`,
      error,
    );
  });
  if (index === undefined) throw archiveDamaged(shown, "it is empty");
  const whole: ArchiveIndex = index;
  const missing = Object.keys(whole.objects).filter((sha256) => !seen.has(sha256));
  if (missing.length > 0) {
    const named = missing.slice(0, 5).map((sha256) => objectName(whole, sha256));
    const more = missing.length > named.length ? ` and ${missing.length - named.length} more` : "";
    throw archiveDamaged(shown, `it lacks ${named.join(", ")}${more}`);
  }
  return whole;
}

/** Hands on the entries of a tar archive, one after another. */
async function eachEntry(file: string, take: (entry: ReadEntry) => Promise<void>, signal: AbortSignal): Promise<void> {
  let last: Promise<void> = Promise.resolve();
  const stop = new AbortController();
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      last = last.then(() => take(entry));
      last.catch((error) => stop.abort(error));
    },
  });
  try {
    await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), parser, {
      signal: AbortSignal.any([signal, stop.signal]),
    });
  } catch (error) {
    throw stop.signal.aborted && !signal.aborted ? stop.signal.reason : error;
  }
  await last;
}

/** Writes one object and gives its sha256. */
async function writeObject(entry: ReadEntry, path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(entry, measure, createWriteStream(path, { flags: "wx" }), { signal });
  return hash.digest("hex");
}

/** Puts checked objects into the store: downloads, then trees, then what actions gave. */
async function takeIn(store: Store, index: ArchiveIndex, folder: string): Promise<void> {
  for (const [digest, list] of Object.entries(index.trees)) {
    if (await hasTree(store, digest)) continue;
    const tree = join(folder, "tree");
    await mkdir(tree);
    for (const { type, path, hash } of treeEntries(index, list)) {
      const place = join(tree, path);
      if (type === "d") await mkdir(place);
      else if (type === "l") await symlink(hash, place);
      else {
        await copyFile(join(folder, hash), place);
        await chmod(place, type === "x" ? 0o755 : 0o644);
      }
    }
    const made = await commitTree(store, tree);
    if (made.digest !== digest) throw new Error(`tree ${digest} of an archive became ${made.digest}`);
  }
  for (const sha256 of index.blobs) await rename(join(folder, sha256), blobPath(store, sha256));
  for (const [action, digest] of Object.entries(index.actions)) {
    // What this store found out by itself is not replaced.
    if ((await readAction(store, action)) === undefined) await writeAction(store, action, digest);
  }
}

function unexpected(archive: string, entry: string): EdgeimgError {
  return new EdgeimgError(
    "ERR_EDGEIMG_ARCHIVE_UNSAFE",
    `${archive} has the entry "${entry}", which has no place in it.`,
    {
      hint: "The archive is hostile or broken: do not use it.",
    },
  );
}

function isLocal(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO"].includes(String(error.code))
  );
}
