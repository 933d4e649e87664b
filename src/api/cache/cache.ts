import { lstat, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { removeDeadLocks } from "../../store/lock.js";
import {
  findDamage,
  listNames,
  lockFolder,
  openStore,
  readAction,
  readTree,
  removeTree,
  type Store,
} from "../../store/store.js";
import { hashFile } from "../../store/tree.js";
import { cacheFolder } from "../session/cache-folder.js";
import type { CacheEntry, CacheInfo, Context, PruneOptions, PruneResult, VerifyResult } from "../types.js";

/** What the store holds, largest first. */
export async function cacheInfo(context: Context): Promise<CacheInfo> {
  const store = await openStore(cacheFolder(context));
  const entries: CacheEntry[] = [];
  for (const digest of await treeDigests(store)) {
    const { bytes, entries: files } = await readTree(store, digest).catch(() => ({ bytes: 0, entries: [] }));
    const shown = files.find((file) => file.type !== "d")?.path ?? "empty";
    entries.push({
      title: `${files.length} files, ${shown}`,
      digest,
      bytes,
      usedAt: (await stat(join(store.root, "trees", `${digest}.json`))).mtimeMs,
    });
  }
  for (const name of await listNames(join(store.root, "blobs"))) {
    const found = await stat(join(store.root, "blobs", name));
    // A blob that a tree links costs no room of its own.
    entries.push({
      title: "fetched file",
      digest: name,
      bytes: found.nlink > 1 ? 0 : found.size,
      usedAt: found.mtimeMs,
    });
  }
  entries.sort((a, b) => b.bytes - a.bytes || (a.digest < b.digest ? -1 : 1));
  return {
    path: store.root,
    bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
    objects: entries.length,
    entries,
  };
}

const dayMs = 86_400_000;

/**
 * Removes what no build asked for in some days, and what unfinished work left. Never harms: it is made or fetched again.
 * A step's result counts as used whenever a build came across its action, even when nothing looked into the tree.
 */
export async function cachePrune(context: Context, { olderThanDays }: PruneOptions): Promise<PruneResult> {
  const store = await openStore(cacheFolder(context));
  const limit = Date.now() - olderThanDays * dayMs;
  const used = await usedTrees(store, limit);
  let removed = 0;
  let bytes = 0;
  for (const digest of await treeDigests(store)) {
    const index = join(store.root, "trees", `${digest}.json`);
    if (used.has(digest) || (await stat(index)).mtimeMs > limit) continue;
    bytes += (await readTree(store, digest).catch(() => ({ bytes: 0 }))).bytes;
    await removeTree(store, digest);
    removed++;
  }
  const listed = new Set(await treeDigests(store));
  for (const folder of ["trees", "blobs", "actions", "work", "tmp"]) {
    for (const name of await readdir(join(store.root, folder))) {
      // A tree without a listing is what a killed commit or removal left.
      if (folder === "trees" && listed.has(name.replace(/\.json$/, ""))) continue;
      const path = join(store.root, folder, name);
      const found = await lstat(path);
      // Files in the store carry no time of their own, and one that a tree links costs nothing.
      const isLinked = folder === "blobs" && found.nlink > 1;
      if (isLinked || found.mtimeMs > limit) continue;
      if (found.isFile()) bytes += found.size;
      await rm(path, { recursive: true, force: true });
      removed++;
    }
  }
  await removeDeadLocks(lockFolder(store));
  return { removed, bytes };
}

/** Trees that actions used since a time gave. */
async function usedTrees(store: Store, since: number): Promise<Set<string>> {
  const used = new Set<string>();
  for (const action of await readdir(join(store.root, "actions"))) {
    if ((await stat(join(store.root, "actions", action))).mtimeMs <= since) continue;
    const digest = await readAction(store, action);
    if (digest !== undefined) used.add(digest);
  }
  return used;
}

/** Reads every object and removes what is not what its name says. */
export async function cacheVerify(context: Context): Promise<VerifyResult> {
  const store = await openStore(cacheFolder(context));
  const damaged: string[] = [];
  let checked = 0;
  for (const digest of await treeDigests(store)) {
    context.signal.throwIfAborted();
    const path = await findDamage(store, digest, { full: true });
    checked++;
    if (path === undefined) continue;
    damaged.push(`tree ${digest}: ${path}`);
    await removeTree(store, digest);
  }
  for (const name of await listNames(join(store.root, "blobs"))) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    context.signal.throwIfAborted();
    const path = join(store.root, "blobs", name);
    checked++;
    if ((await hashFile(path, (await stat(path)).size)) === name) continue;
    damaged.push(`fetched file ${name}`);
    await rm(path);
  }
  return { checked, damaged };
}

async function treeDigests(store: Store): Promise<string[]> {
  return (await listNames(join(store.root, "trees"))).flatMap((name) =>
    name.endsWith(".json") ? [name.slice(0, -5)] : [],
  );
}
