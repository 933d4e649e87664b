import { createHash, type Hash } from "node:crypto";
import { chmodSync, closeSync, lstatSync, lutimesSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { compareText, sha256Text } from "../ground/canonical.js";

/**
 * One entry of a tree: "f" file, "x" executable file, "l" symbolic link, "d" folder.
 * `hash` is the file's sha256, a link's target, or "".
 */
export interface TreeEntry {
  readonly type: "f" | "x" | "l" | "d";
  readonly path: string;
  readonly hash: string;
  readonly size: number;
  /** Change time and inode, by which an untouched file is recognised without reading it. */
  readonly stamp: string;
}

/** 2000-01-01: every file in the store carries it, so that no tool can take a time from it. FAT cannot hold less than 1980. */
export const treeTime = 946_684_800;

/** The digest of a listing: sha256 over "type hash path" lines sorted by path. */
export function treeDigest(entries: readonly TreeEntry[]): string {
  return sha256Text(entries.map((entry) => `${listingLine(entry)}\n`).join(""));
}

/** No two entries have the same line: those that a space or a newline would make ambiguous are written as JSON. */
function listingLine({ type, hash, path }: TreeEntry): string {
  return /\s/.test(hash) || path.includes("\n") ? JSON.stringify([type, hash, path]) : `${type} ${hash} ${path}`;
}

/** Lists and hashes a folder, sorted by path. Sockets, devices and pipes are refused. */
export async function listTree(root: string): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  for (const path of walk(root, "")) {
    const full = join(root, path);
    const stat = lstatSync(full);
    const stamp = `${stat.ctimeMs}:${stat.ino}`;
    if (stat.isSymbolicLink()) entries.push({ type: "l", path, hash: readlinkSync(full), size: 0, stamp });
    else if (stat.isDirectory()) entries.push({ type: "d", path, hash: "", size: 0, stamp: "" });
    else if (stat.isFile()) {
      const type = stat.mode & 0o100 ? "x" : "f";
      entries.push({ type, path, hash: await hashFile(full, stat.size), size: stat.size, stamp });
    } else throw new Error(`${full} is neither a file, a folder nor a link`);
  }
  return entries;
}

/** Gives every file the store's mode and time. Folders stay writable so that a tree can be removed. */
export function normaliseTree(root: string): void {
  for (const path of walk(root, "")) {
    const full = join(root, path);
    const stat = lstatSync(full);
    if (stat.isDirectory()) chmodSync(full, 0o755);
    else if (stat.isFile()) {
      const mode = stat.mode & 0o100 ? 0o555 : 0o444;
      if ((stat.mode & 0o7777) !== mode) chmodSync(full, mode);
    }
    if (stat.mtimeMs !== treeTime * 1000) lutimesSync(full, treeTime, treeTime);
  }
}

/** Paths below a folder, parents first, sorted by bytes. */
export function* walk(root: string, prefix: string): Generator<string> {
  const names = readdirSync(join(root, prefix), { withFileTypes: true });
  names.sort((a, b) => compareText(a.name, b.name));
  for (const entry of names) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    yield path;
    if (entry.isDirectory()) yield* walk(root, path);
  }
}

/** With one buffer for the whole file: a stream takes a new one for each piece, and collecting them costs as much as hashing. */
async function hashLarge(path: string, hash: Hash): Promise<void> {
  const piece = Buffer.allocUnsafe(1 << 20);
  const file = await open(path, "r");
  try {
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length, null);
      if (bytesRead === 0) return;
      hash.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/**
 * sha256 of a file of a tree in the store, as its listing has it; of one that lies elsewhere, by reading it. The tree must have been checked
 * (`findDamage`), as the inputs and the results of steps are.
 */
export async function storedHash(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const listing = await readFile(`${folder}.json`, "utf8").catch(() => undefined);
  if (listing !== undefined) {
    const { digest, entries } = JSON.parse(listing) as { digest: string; entries: readonly TreeEntry[] };
    const found = entries.find((entry) => entry.path === name);
    const { size, ctimeMs, ino } = lstatSync(path);
    if (found !== undefined && basename(folder) === digest && treeDigest(entries) === digest)
      if (found.size === size && found.stamp === `${ctimeMs}:${ino}`) return found.hash;
  }
  return await hashFile(path, (await stat(path)).size);
}

const smallFile = 1 << 18;
const buffer = Buffer.allocUnsafe(smallFile);

/** sha256 of a file. Small files are read at once: for thousands of them that is several times faster than streams. */
export async function hashFile(path: string, size: number): Promise<string> {
  const hash = createHash("sha256");
  if (size >= smallFile) {
    await hashLarge(path, hash);
    return hash.digest("hex");
  }
  const file = openSync(path, "r");
  try {
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer))
      hash.update(buffer.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}
