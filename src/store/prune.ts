import { lstat, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { removeDeadLocks } from "./lock.js";
import { listNames, lockFolder, readAction, readTree, removeTree, type Store } from "./store.js";

/**
 * Removes what was not used since a time (milliseconds since the epoch), and what unfinished work left before it.
 * A step's result counts as used whenever a build came across its action, even when nothing looked into the tree.
 */
export async function pruneOlder(
  store: Store,
  limit: number,
  signal: AbortSignal,
): Promise<{ removed: number; bytes: number }> {
  const used = await usedTrees(store, limit);
  let removed = 0;
  let bytes = 0;
  for (const digest of await treeDigests(store)) {
    signal.throwIfAborted();
    const index = join(store.root, "trees", `${digest}.json`);
    if (used.has(digest) || (await stat(index)).mtimeMs > limit) continue;
    bytes += (await readTree(store, digest).catch(() => ({ bytes: 0 }))).bytes;
    await removeTree(store, digest);
    removed++;
  }
  const listed = new Set(await treeDigests(store));
  for (const folder of ["trees", "blobs", "actions", "work", "tmp", "outs", "titles", "receipts"]) {
    for (const name of await readdir(join(store.root, folder)).catch(() => [])) {
      signal.throwIfAborted();
      if (folder === "titles" && listed.has(name)) continue;
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

/** The digests of all trees that are whole, sorted. */
export async function treeDigests(store: Store): Promise<string[]> {
  return (await listNames(join(store.root, "trees"))).flatMap((name) =>
    name.endsWith(".json") ? [name.slice(0, -5)] : [],
  );
}
