import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pruneOlder, treeDigests } from "../../store/prune.js";
import { listNames, openStore, readTree, removeDamaged } from "../../store/store.js";
import { readTitle } from "../../store/titles.js";
import { hashFile } from "../../store/tree.js";
import { whenUnused } from "../../store/use.js";
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
      title: (await readTitle(store, digest)) ?? `${files.length} files, ${shown}`,
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

/** Removes what no build asked for in some days, and what unfinished work left, when no build is under way. Never harms: it is made or fetched again. */
export async function cachePrune(context: Context, { olderThanDays }: PruneOptions): Promise<PruneResult> {
  const { signal, emit, date } = context;
  const store = await openStore(cacheFolder(context));
  const prune = () => whenUnused(store, signal, () => pruneOlder(store, date() - olderThanDays * dayMs, signal));
  for (let tries = 0; ; tries++) {
    const pruned = await prune();
    if (pruned !== undefined) return pruned;
    if (tries === 0) emit({ type: "log", level: "info", message: "a build uses the store: waiting for its end" });
    await sleep(500, undefined, { signal });
  }
}

/** Reads every object and removes what is not what its name says. */
export async function cacheVerify(context: Context): Promise<VerifyResult> {
  const store = await openStore(cacheFolder(context));
  const damaged: string[] = [];
  let checked = 0;
  for (const digest of await treeDigests(store)) {
    context.signal.throwIfAborted();
    const path = await removeDamaged(store, digest, { full: true });
    checked++;
    if (path !== undefined) damaged.push(`tree ${digest}: ${path}`);
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
