import { createWriteStream } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { ReadEntry } from "tar";
import * as tar from "tar";
import yauzl from "yauzl";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { hostPath } from "../ground/home.js";
import { startProcess } from "../process/start-process.js";
import {
  counter,
  type Extracted,
  type ExtractOptions,
  hasControl,
  isInside,
  refusedEntry,
  stripped,
  unsafeEntry,
} from "./archive-entries.js";

const unpacked = new Set(["File", "OldFile", "ContiguousFile", "Link", "SymbolicLink"]);
/** Folders come with their files, devices are the device's own business, and the rest holds no content. */
const skipped = new Set(["Directory", "GNUDumpDir", "CharacterDevice", "BlockDevice", "FIFO"]);

/**
 * Extracts a .tar or .tar.gz stream. Of two entries with one path the later one counts, as in tar. Owners, times and the set-user-ID bits
 * are not taken. Throws ERR_EDGEIMG_ARCHIVE_UNSAFE at the first entry that would leave the folder or that is not plain, and past `limits`.
 */
export async function extractTar(source: Readable, name: string, options: ExtractOptions): Promise<Extracted> {
  const stop = new AbortController();
  const { take, extracted, links } = entryTaker(name, options);
  const unpack = tar.x({
    cwd: options.into,
    preserveOwner: false,
    noMtime: true,
    strict: true,
    filter: (_path, entry) => {
      if (stop.signal.aborted) return false;
      try {
        return take(entry as ReadEntry);
      } catch (error) {
        stop.abort(error);
        return false;
      }
    },
  });
  // Kinds that the reader itself passes over.
  unpack.on("ignoredEntry", (entry: ReadEntry) => {
    if (isSparse(entry)) stop.abort(refusedKind(name, entry));
  });
  await pipeline(source, unpack, { signal: AbortSignal.any([options.signal, stop.signal]) }).catch((error) => {
    throw stop.signal.aborted && !options.signal.aborted ? stop.signal.reason : error;
  });
  if (stop.signal.aborted) throw stop.signal.reason;
  return { files: [...extracted], links };
}

/** Decides of one entry after the other whether it is written, and under which name and mode; symbolic links are only noted. */
function entryTaker(name: string, options: ExtractOptions) {
  const extracted = new Set<string>();
  const links = new Map<string, string>();
  const count = counter(name, options.limits);
  const renamed = (path: string): string => options.rename?.(path) ?? path;
  const note = (path: string, target: string): false => {
    links.set(path, target);
    extracted.delete(path);
    return false;
  };
  const take = (entry: ReadEntry): boolean => {
    count(entry.size);
    const path = plainPath(name, entry, options);
    if (path === undefined) return false;
    const target = renamed(path);
    links.delete(target);
    extracted.add(target);
    if (entry.type === "SymbolicLink") return note(target, entry.linkpath ?? "");
    entry.path = target;
    if (entry.type === "Link") {
      const inner = stripped(entry.linkpath ?? "", options.strip);
      const linked = inner === undefined ? "" : renamed(inner);
      if (!isInside(linked)) throw unsafeEntry(name, `${entry.path} = ${entry.linkpath}`);
      const same = links.get(linked);
      // A second name of a symbolic link.
      if (same !== undefined) return note(target, same);
      entry.linkpath = linked;
    }
    entry.mode = ((entry.mode ?? 0o644) & 0o111) !== 0 ? 0o755 : 0o644;
    return true;
  };
  return { take, extracted, links };
}

/** An entry's path below the folder; undefined for what is not wanted. Throws ERR_EDGEIMG_ARCHIVE_UNSAFE for what may not be unpacked. */
function plainPath(name: string, entry: ReadEntry, { strip, wanted }: ExtractOptions): string | undefined {
  if (hasControl(entry.path) || hasControl(entry.linkpath ?? ""))
    throw refusedEntry(name, entry.path, "has a name with control characters");
  const path = stripped(entry.path, strip);
  if (path === undefined || path === "") return undefined;
  if (!isInside(path)) throw unsafeEntry(name, entry.path);
  if (skipped.has(entry.type) || !wanted(path)) return undefined;
  if (!unpacked.has(entry.type) || isSparse(entry)) {
    const what = `is of a kind that is not unpacked (${entry.type}, sparse files among them)`;
    throw refusedEntry(name, entry.path, what);
  }
  return path;
}

/** GNU tar's two ways to write a sparse file: a type of its own, and a plain file beside a folder of that name (tar manual, D.4). */
function isSparse({ type, path }: ReadEntry): boolean {
  return type === "SparseFile" || /(^|\/)GNUSparseFile\.[0-9]+\//.test(path);
}

function refusedKind(archive: string, entry: ReadEntry): EdgeimgError {
  return refusedEntry(archive, entry.path, isSparse(entry) ? "is a sparse file" : `is a ${entry.type}`);
}

/** The payload of a Debian package as a tar stream. dpkg-deb is part of every apt-based host. */
export async function extractDeb(path: string, options: ExtractOptions): Promise<Extracted> {
  const child = startProcess({
    program: "dpkg-deb",
    args: ["--fsys-tarfile", path],
    env: { ...hostPath(), LC_ALL: "C" },
    signal: options.signal,
  });
  const name = path.split("/").at(-1) ?? path;
  const said = child.stderr === undefined ? "" : text(child.stderr).catch(() => "");
  const unpacked = await extractTar(child.stdout ?? Readable.from([]), name, options).catch((error: unknown) => {
    child.end();
    return { error };
  });
  const ended = await child.ended;
  options.signal.throwIfAborted();
  const isFailed = "error" in unpacked;
  if (isFailed && unpacked.error instanceof EdgeimgError) throw unpacked.error;
  if (ended.code === "ENOENT") {
    throw new EdgeimgError("ERR_EDGEIMG_APT_FAILED", "dpkg-deb could not be started.", {
      details: [ended.reason],
      hint: "A build needs dpkg (on Debian and Ubuntu it is always there); see `edgeimg doctor`.",
    });
  }
  if (isFailed) throw unpacked.error;
  if (ended.failed) throw new Error(`dpkg-deb ended with ${ended.reason}: ${await said}`);
  return unpacked;
}

/** Extracts a zip archive (a Python wheel). yauzl refuses absolute paths and "..". */
export async function extractZip(path: string, options: ExtractOptions): Promise<Extracted> {
  const extracted = new Set<string>();
  const name = path.split("/").at(-1) ?? path;
  const count = counter(name, options.limits);
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, strictFileNames: true, autoClose: false }, (error, file) =>
      error ? reject(error) : resolve(file),
    );
  });
  try {
    for await (const entry of zipEntries(zip)) {
      count(entry.uncompressedSize);
      if (hasControl(entry.fileName)) throw refusedEntry(name, entry.fileName, "has a name with control characters");
      const inner = stripped(entry.fileName, options.strip);
      if (inner === undefined || inner.endsWith("/") || !options.wanted(inner)) continue;
      if (!isInside(inner)) throw unsafeEntry(name, entry.fileName);
      const target = options.rename?.(inner) ?? inner;
      const mode = entry.externalFileAttributes >>> 16;
      if ((mode & 0o170000) === 0o120000) continue;
      const file = join(options.into, target);
      await mkdir(dirname(file), { recursive: true });
      const stream = await new Promise<Readable>((resolve, reject) => {
        zip.openReadStream(entry, (error, readable) => (error ? reject(error) : resolve(readable)));
      });
      await pipeline(stream, createWriteStream(file), { signal: options.signal });
      await chmod(file, mode & 0o111 ? 0o755 : 0o644);
      extracted.add(target);
    }
  } finally {
    zip.close();
  }
  return { files: [...extracted], links: new Map() };
}

async function* zipEntries(zip: yauzl.ZipFile): AsyncGenerator<yauzl.Entry> {
  for (;;) {
    const entry = await new Promise<yauzl.Entry | undefined>((resolve, reject) => {
      const onEntry = (found: yauzl.Entry) => settle(() => resolve(found));
      const onEnd = () => settle(() => resolve(undefined));
      const onError = (error: Error) => settle(() => reject(error));
      const settle = (then: () => void) => {
        zip.off("entry", onEntry).off("end", onEnd).off("error", onError);
        then();
      };
      zip.on("entry", onEntry).on("end", onEnd).on("error", onError);
      zip.readEntry();
    });
    if (entry === undefined) return;
    yield entry;
  }
}

/** What to throw when an archive could not be unpacked: the archive's fault, unless this machine's. */
export function unpackFailure(archive: string, error: unknown): unknown {
  if (error instanceof EdgeimgError || !(error instanceof Error)) return error;
  if ("code" in error && ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EMFILE", "EIO"].includes(String(error.code)))
    return error;
  const [message = ""] = ("shortMessage" in error ? String(error.shortMessage) : error.message).split("\n");
  return new EdgeimgError("ERR_EDGEIMG_ARCHIVE_UNSAFE", `${archive} cannot be unpacked: ${message}.`, {
    cause: error,
    hint: "The archive is damaged or not an archive: check the source that the recipe or the project names.",
  });
}
