import { randomBytes } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { withLock } from "./lock.js";
import { hashFile, listTree, normaliseTree, type TreeEntry, treeDigest, walk } from "./tree.js";

/**
 * The content-addressed store.
 *
 *     trees/DIGEST/       an immutable folder        trees/DIGEST.json   its listing
 *     actions/DIGEST      the tree that an action gave
 *     blobs/SHA256        a fetched file             blobs/SHA256.part   one that is under way
 *     work/ACTION/        an action under way, kept when it was stopped
 *     titles/DIGEST       what a tree is, for people    outs/SHA256   images that an output folder's last build gave
 *     tidied              when all was looked through, and what was added since (tidied.ts)
 *     receipts/KEY.json   of builds that found nothing to do (api/build/up-to-date.ts)
 *     locks/              sockets of those who hold a lock (lock.ts)
 *
 * Everything appears by rename, so a process may be killed at any moment.
 */
export interface Store {
  readonly root: string;
}

export interface TreeInfo {
  readonly digest: string;
  readonly bytes: number;
  readonly entries: readonly TreeEntry[];
}

const version = "v1";

/** The store below a cache folder, whether there is one or not. */
export const storeAt = (cacheDir: string): Store => ({ root: join(cacheDir, "edgeimg", version) });

/** Opens the store below a cache folder. Throws ERR_EDGEIMG_STORE_UNWRITABLE. */
export async function openStore(cacheDir: string): Promise<Store> {
  const { root } = storeAt(cacheDir);
  try {
    for (const folder of ["trees", "actions", "blobs", "work", "tmp"])
      await mkdir(join(root, folder), { recursive: true });
    await access(join(root, "tmp"), 2);
  } catch (cause) {
    throw new EdgeimgError("ERR_EDGEIMG_STORE_UNWRITABLE", `The store ${root} cannot be written.`, {
      cause,
      hint: "Give yourself rights to the folder, or set XDG_CACHE_HOME to another one.",
    });
  }
  return { root };
}

export const treePath = (store: Store, digest: string): string => join(store.root, "trees", digest);
export const lockFolder = (store: Store): string => join(store.root, "locks");
export const blobPath = (store: Store, sha256: string): string => join(store.root, "blobs", sha256);
export const workPath = (store: Store, action: string): string => join(store.root, "work", action.slice(0, 32));

/** The tree that an action gave, if it is known. The tree itself may have been pruned. */
export async function readAction(store: Store, action: string): Promise<string | undefined> {
  const text = await readFile(join(store.root, "actions", action), "utf8").catch(ignoreMissing);
  const digest = text?.trim();
  return digest !== undefined && /^[0-9a-f]{64}$/.test(digest) ? digest : undefined;
}

export async function writeAction(store: Store, action: string, digest: string): Promise<void> {
  await replaceFile(store, join(store.root, "actions", action), `${digest}\n`);
}

/** Moves a finished folder into the store. The folder is gone afterwards. */
export async function commitTree(store: Store, folder: string): Promise<{ digest: string; existed: boolean }> {
  normaliseTree(folder);
  const entries = await listTree(folder);
  const digest = treeDigest(entries);
  const existed = await withTree(store, digest, async () => {
    if (await hasTree(store, digest)) {
      // Written again: its age is what `cache prune` goes by.
      const listing = `${treePath(store, digest)}.json`;
      await replaceFile(store, listing, await readFile(listing));
      return true;
    }
    await rm(treePath(store, digest), { recursive: true, force: true });
    await rename(folder, treePath(store, digest));
    const bytes = entries.reduce((sum, entry) => sum + entry.size, 0);
    await replaceFile(store, `${treePath(store, digest)}.json`, JSON.stringify({ digest, bytes, entries }));
    return false;
  });
  await rm(folder, { recursive: true, force: true });
  return { digest, existed };
}

/** Whether a tree is there, without looking into it. */
export async function hasTree(store: Store, digest: string): Promise<boolean> {
  return (
    (await access(`${treePath(store, digest)}.json`).then(
      () => true,
      () => false,
    )) &&
    (await access(treePath(store, digest)).then(
      () => true,
      () => false,
    ))
  );
}

export async function readTree(store: Store, digest: string): Promise<TreeInfo> {
  const info = JSON.parse(await readFile(`${treePath(store, digest)}.json`, "utf8")) as TreeInfo | null;
  if (!Array.isArray(info?.entries)) throw new Error(`the listing of tree ${digest} is damaged`);
  return info;
}

/**
 * Checks a tree before it is used. Files whose change time and inode are those of the commit are taken as they are; others
 * (a restored backup, a touched file) are read again. A full check reads all and also finds what does not belong there.
 * Returns the first damaged path, or undefined.
 */
export async function findDamage(
  store: Store,
  digest: string,
  options: { full: boolean },
): Promise<string | undefined> {
  const root = treePath(store, digest);
  const entries = await readTree(store, digest).then(
    (info) => info.entries,
    () => undefined,
  );
  if (entries === undefined || treeDigest(entries) !== digest) return "(listing)";
  const stamps = new Map<string, string>();
  for (const entry of entries) {
    const state = await stateOf(join(root, entry.path), entry, options.full);
    if (state === "damaged") return entry.path;
    if (state !== entry.stamp) stamps.set(entry.path, state);
  }
  // Once read, such a file is as good as an untouched one.
  if (stamps.size > 0) {
    const bytes = entries.reduce((sum, entry) => sum + entry.size, 0);
    const fresh = entries.map((entry) => ({ ...entry, stamp: stamps.get(entry.path) ?? entry.stamp }));
    await replaceFile(store, `${root}.json`, JSON.stringify({ digest, bytes, entries: fresh })).catch(() => {});
  }
  if (!options.full) return undefined;
  const known = new Set(entries.map(({ path }) => path));
  for (const path of walk(root, "")) if (!known.has(path)) return path;
  return undefined;
}

/** "damaged", or an undamaged file's stamp: taken before it is read, so that a later change shows. */
async function stateOf(path: string, entry: TreeEntry, full: boolean): Promise<string> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  const good = (is: boolean) => (is ? entry.stamp : "damaged");
  if (stat === undefined) return "damaged";
  if (entry.type === "d") return good(stat.isDirectory());
  if (entry.type === "l") return good(stat.isSymbolicLink() && readlinkSync(path) === entry.hash);
  if (!stat.isFile() || (stat.mode & 0o100 ? "x" : "f") !== entry.type) return "damaged";
  const stamp = `${stat.ctimeMs}:${stat.ino}`;
  if (!full && stamp === entry.stamp && stat.size === entry.size) return stamp;
  return (await hashFile(path, stat.size)) === entry.hash ? stamp : "damaged";
}

/** Removes a tree that is damaged, and says where; undefined when it is not, any more, or is gone: another process may have been faster. */
export async function removeDamaged(
  store: Store,
  digest: string,
  options: { full: boolean },
): Promise<string | undefined> {
  return await withTree(store, digest, async () => {
    if (!(await hasTree(store, digest))) return undefined;
    const damage = await findDamage(store, digest, options);
    if (damage !== undefined) await removeTree(store, digest);
    return damage;
  });
}

/** Runs `work` while no other process puts that tree into the store, or removes it for damage. */
async function withTree<T>(store: Store, digest: string, work: () => Promise<T>): Promise<T> {
  const { signal } = new AbortController();
  return await withLock({ folder: lockFolder(store), key: `tree/${digest}`, signal }, work);
}

export async function removeTree(store: Store, digest: string): Promise<void> {
  await rm(`${treePath(store, digest)}.json`, { force: true });
  await rm(treePath(store, digest), { recursive: true, force: true });
}

/** Writes a file so that it is either old or new, whole. */
export async function replaceFile(store: Store, path: string, text: string | Uint8Array): Promise<void> {
  // No number of a process: in another container it would be another one's.
  const draft = join(store.root, "tmp", randomBytes(12).toString("hex"));
  await writeFile(draft, text);
  await rename(draft, path);
}

export async function listNames(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort();
}

export function readJsonFile(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
