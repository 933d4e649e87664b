import { createWriteStream } from "node:fs";
import { chmod, lstat, mkdir, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join, normalize, relative } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import * as tar from "tar";
import yauzl from "yauzl";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { compareText } from "../ground/canonical.js";

export interface ExtractOptions {
  readonly into: string;
  /** Folders taken off the front of each path. */
  readonly strip: number;
  /** Whether a path (after stripping) is wanted. */
  readonly wanted: (path: string) => boolean;
  /** Where a wanted path goes; identity when absent. */
  readonly rename?: (path: string) => string;
  readonly signal: AbortSignal;
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
  for (const [path, target] of sorted) {
    const real = await realpath(join(home, path)).catch(() => home);
    if (!isBelow(real, home)) throw unsafeEntry(archive, `${path} -> ${target}`);
  }
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

/** Extracts a .tar or .tar.gz stream. Throws ERR_EDGEIMG_ARCHIVE_UNSAFE at an entry that would leave the folder. */
export async function extractTar(source: Readable, name: string, options: ExtractOptions): Promise<Extracted> {
  const extracted: string[] = [];
  const links = new Map<string, string>();
  let unsafe: string | undefined;
  const unpack = tar.x({
    cwd: options.into,
    preserveOwner: false,
    noMtime: true,
    strict: true,
    filter: (_path, entry) => {
      if (!("path" in entry) || typeof entry.path !== "string") return false;
      const path = stripped(entry.path, options.strip);
      if (path === undefined || path === "") return false;
      if (!isInside(path)) {
        unsafe ??= entry.path;
        return false;
      }
      if (
        "type" in entry &&
        !["File", "OldFile", "ContiguousFile", "Link", "SymbolicLink", "Directory"].includes(String(entry.type))
      )
        return false;
      if (entry.type !== "Directory" && !options.wanted(path)) return false;
      if (entry.type === "Directory") return false;
      const target = options.rename?.(path) ?? path;
      if (entry.type === "SymbolicLink" && typeof entry.linkpath === "string") {
        links.set(target, entry.linkpath);
        return false;
      }
      entry.path = target;
      if (entry.type === "Link" && typeof entry.linkpath === "string") {
        const link = stripped(entry.linkpath, options.strip) ?? entry.linkpath;
        entry.linkpath = options.rename?.(link) ?? link;
      }
      entry.mode = ((entry.mode ?? 0o644) & 0o111) !== 0 ? 0o755 : 0o644;
      extracted.push(target);
      return true;
    },
  });
  await pipeline(source, unpack, { signal: options.signal });
  if (unsafe !== undefined) throw unsafeEntry(name, unsafe);
  return { files: extracted, links };
}

/** The payload of a Debian package as a tar stream. dpkg-deb is part of every apt-based host. */
export async function extractDeb(path: string, options: ExtractOptions): Promise<Extracted> {
  const child = execa("dpkg-deb", ["--fsys-tarfile", path], {
    buffer: false,
    stdin: "ignore",
    cancelSignal: options.signal,
    forceKillAfterDelay: 100,
  });
  const extraction = extractTar(child.stdout, path.split("/").at(-1) ?? path, options);
  const [unpacked, ended] = await Promise.allSettled([extraction, child]);
  if (unpacked.status === "rejected" && unpacked.reason instanceof EdgeimgError) throw unpacked.reason;
  if (ended.status === "rejected" && ended.reason.code === "ENOENT") {
    throw new EdgeimgError("ERR_EDGEIMG_APT_FAILED", "dpkg-deb could not be started.", {
      cause: ended.reason,
      hint: "A build needs dpkg (on Debian and Ubuntu it is always there); see `edgeimg doctor`.",
    });
  }
  if (unpacked.status === "rejected") throw unpacked.reason;
  if (ended.status === "rejected") throw ended.reason;
  return unpacked.value;
}

/** Extracts a zip archive (a Python wheel). yauzl refuses absolute paths and "..". */
export async function extractZip(path: string, options: ExtractOptions): Promise<Extracted> {
  const extracted: string[] = [];
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, strictFileNames: true, autoClose: false }, (error, file) =>
      error ? reject(error) : resolve(file),
    );
  });
  try {
    for await (const entry of zipEntries(zip)) {
      const inner = stripped(entry.fileName, options.strip);
      if (inner === undefined || inner.endsWith("/") || !options.wanted(inner)) continue;
      if (!isInside(inner)) throw unsafeEntry(path.split("/").at(-1) ?? path, entry.fileName);
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
      extracted.push(target);
    }
  } finally {
    zip.close();
  }
  return { files: extracted, links: new Map() };
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

function stripped(path: string, count: number): string | undefined {
  const parts = path.replace(/^(\.\/)+/, "").split("/");
  return parts.length <= count ? undefined : parts.slice(count).join("/");
}

function isInside(path: string): boolean {
  return !path.startsWith("/") && !path.split("/").includes("..");
}
