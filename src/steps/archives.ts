import { createWriteStream } from "node:fs";
import { chmod, lstat, mkdir, readlink, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join, normalize, relative } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { ReadEntry } from "tar";
import * as tar from "tar";
import yauzl from "yauzl";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { compareText } from "../ground/canonical.js";
import { hostPath } from "../ground/home.js";
import { startProcess } from "../process/start-process.js";

/** More than any package, source or wheel: the Linux kernel's source has 90,000 entries and 1.5 GB. Beyond it an archive is a bomb. */
const limits: Limits = { entries: 1_000_000, bytes: 2 ** 34 };

export interface ExtractOptions {
  readonly into: string;
  /** Folders taken off the front of each path. */
  readonly strip: number;
  /** Whether a path (after stripping) is wanted. */
  readonly wanted: (path: string) => boolean;
  /** Where a wanted path goes; identity when absent. */
  readonly rename?: (path: string) => string;
  readonly signal: AbortSignal;
  readonly limits?: Limits;
}

export interface Limits {
  readonly entries: number;
  /** Of all files together, uncompressed. */
  readonly bytes: number;
}

/** What was extracted. Links are not made yet: only when all files lie there can none of them be written through a link. */
export interface Extracted {
  readonly files: readonly string[];
  /** Path -> target, both within the folder. */
  readonly links: ReadonlyMap<string, string>;
}

/**
 * Makes symbolic links. Absolute targets are taken to mean the folder itself, as in a root file system.
 * Throws ERR_EDGEIMG_ARCHIVE_UNSAFE at one that would leave it, be it by way of other links.
 */
export async function makeLinks(into: string, links: ReadonlyMap<string, string>, archive: string): Promise<void> {
  const home = await realpath(into);
  const sorted = [...links].sort(([a], [b]) => compareText(a, b));
  for (const [path, target] of sorted) {
    const inside = target.startsWith("/") ? normalize(target.slice(1)) : normalize(join(dirname(path), target));
    if (inside === ".." || inside.startsWith("../")) throw unsafeEntry(archive, `${path} -> ${target}`);
    const place = join(home, path);
    if (!isBelow(await realAncestor(dirname(place)), home)) throw unsafeEntry(archive, path);
    const found = await lstat(place).catch(() => undefined);
    // A folder that another package filled takes the place of a link to it, as dpkg has it.
    if (found?.isDirectory()) continue;
    if (found !== undefined) await rm(place);
    await mkdir(dirname(place), { recursive: true });
    await symlink(target.startsWith("/") ? relative(dirname(path), inside) || "." : target, place);
  }
  for (const [path, target] of sorted) if (await leaves(home, path)) throw unsafeEntry(archive, `${path} -> ${target}`);
}

/** As many links as Linux follows in one path (path_resolution(7)); a path with more leads nowhere. */
const mostLinks = 40;

/**
 * Whether following a path leads out of a folder at any step, be it by way of other links. Unlike realpath it also judges what leads to
 * nothing: a file may come to lie there later.
 */
async function leaves(home: string, path: string): Promise<boolean> {
  const parts = path.split("/").reverse();
  let place = home;
  let followed = 0;
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (place === home) return true;
      place = dirname(place);
      continue;
    }
    place = join(place, part);
    const target = await readlink(place).catch(() => undefined);
    if (target === undefined) continue;
    if (target.startsWith("/")) return true;
    if (++followed > mostLinks) return false;
    parts.push(...target.split("/").reverse());
    place = dirname(place);
  }
  return false;
}

/** Where the deepest folder of a path that exists really lies. */
async function realAncestor(path: string): Promise<string> {
  return await realpath(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" || dirname(path) === path) throw error;
    return await realAncestor(dirname(path));
  });
}

function isBelow(path: string, home: string): boolean {
  return path === home || path.startsWith(`${home}/`);
}

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

/** Counts entries and bytes of an archive. Throws ERR_EDGEIMG_ARCHIVE_UNSAFE past the limits. */
function counter(archive: string, { entries, bytes }: Limits = limits): (size: number) => void {
  let seen = 0;
  let sum = 0;
  return (size) => {
    seen++;
    sum += size;
    if (seen <= entries && sum <= bytes) return;
    throw new EdgeimgError(
      "ERR_EDGEIMG_ARCHIVE_UNSAFE",
      `${archive} holds more than ${seen > entries ? `${entries} entries` : `${bytes} bytes`}.`,
      { hint: "The archive is hostile or broken: do not use it." },
    );
  };
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
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

function unsafeEntry(archive: string, entry: string): EdgeimgError {
  return new EdgeimgError(
    "ERR_EDGEIMG_ARCHIVE_UNSAFE",
    `${archive} has the entry "${entry}", which would leave its folder.`,
    {
      hint: "The archive is hostile or broken: do not use it.",
    },
  );
}

/** An entry that no archive of ours has. Its name is shown as JSON: it may hold anything. */
function refusedEntry(archive: string, entry: string, what: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_ARCHIVE_UNSAFE", `${archive}: the entry ${JSON.stringify(entry)} ${what}.`, {
    hint: "The archive is hostile or broken: do not use it.",
  });
}

function stripped(path: string, count: number): string | undefined {
  const parts = path.replace(/^(\.\/)+/, "").split("/");
  return parts.length <= count ? undefined : parts.slice(count).join("/");
}

function isInside(path: string): boolean {
  return !path.startsWith("/") && !path.split("/").includes("..");
}
