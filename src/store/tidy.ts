import { mkdir, open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { sha256Text } from "../ground/canonical.js";
import { pruneOlder } from "./prune.js";
import { readAction, removeTree, replaceFile, type Store, treePath } from "./store.js";

/** What a store is held to. */
export interface StoreLimits {
  /** Results that no build came across for this long go. */
  readonly days: number;
  /** Above this the longest unused go, until a tenth of it is free. */
  readonly bytes: number;
}

export interface TidyJob {
  readonly store: Store;
  readonly limits: StoreLimits;
  /** Milliseconds since the epoch. Nothing that was used since `since`, the begin of the build, is removed for its size. */
  readonly now: number;
  readonly since: number;
  /** Where the build's results went, and those of its trees that the next build into that folder makes worthless. */
  readonly outs: readonly { readonly folder: string; readonly trees: readonly string[] }[];
}

/**
 * Removes images that a later build into the same folder has replaced, results that are too old, and, in a store that is too large, what was unused
 * longest. Must run under `whenUnused`. Gives the bytes that it freed.
 */
export async function tidyStore(job: TidyJob): Promise<number> {
  const { store, limits, now, since } = job;
  let freed = 0;
  for (const out of job.outs) freed += await removeReplaced(store, out);
  freed += (await pruneOlder(store, now - limits.days * 86_400_000)).bytes;
  const trees = await usedTrees(store);
  let bytes = trees.reduce((sum, tree) => sum + tree.bytes, 0);
  if (bytes <= limits.bytes) return freed;
  for (const tree of trees.sort((a, b) => a.usedAt - b.usedAt)) {
    if (bytes <= limits.bytes * 0.9 || tree.usedAt >= since) break;
    await removeTree(store, tree.digest);
    bytes -= tree.bytes;
    freed += tree.bytes;
  }
  return freed;
}

/** Remembers what a folder's build gave, and removes what the one before gave unless another folder's still does. */
async function removeReplaced(store: Store, out: TidyJob["outs"][number]): Promise<number> {
  const folder = join(store.root, "outs");
  await mkdir(folder, { recursive: true });
  const own = sha256Text(out.folder);
  const before = await readList(join(folder, own));
  await replaceFile(store, join(folder, own), out.trees.map((digest) => `${digest}\n`).join(""));
  const kept = new Set(out.trees);
  for (const name of await readdir(folder)) for (const digest of await readList(join(folder, name))) kept.add(digest);
  let freed = 0;
  for (const digest of before) {
    if (kept.has(digest)) continue;
    freed += await treeBytes(store, digest);
    await removeTree(store, digest);
  }
  return freed;
}

async function readList(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").filter((line) => /^[0-9a-f]{64}$/.test(line));
}

/** All trees with their sizes, and when a build last came across them. */
async function usedTrees(store: Store): Promise<{ digest: string; bytes: number; usedAt: number }[]> {
  const used = new Map<string, number>();
  for (const action of await readdir(join(store.root, "actions"))) {
    const digest = await readAction(store, action);
    const found = await stat(join(store.root, "actions", action)).catch(() => undefined);
    if (digest !== undefined && found !== undefined) used.set(digest, Math.max(used.get(digest) ?? 0, found.mtimeMs));
  }
  const trees: { digest: string; bytes: number; usedAt: number }[] = [];
  for (const name of await readdir(join(store.root, "trees"))) {
    if (!name.endsWith(".json")) continue;
    const digest = name.slice(0, -5);
    const { mtimeMs } = await stat(join(store.root, "trees", name));
    trees.push({ digest, bytes: await treeBytes(store, digest), usedAt: Math.max(mtimeMs, used.get(digest) ?? 0) });
  }
  return trees;
}

/** A tree's size from the front of its listing, which may be megabytes long. */
async function treeBytes(store: Store, digest: string): Promise<number> {
  const file = await open(`${treePath(store, digest)}.json`, "r").catch(() => undefined);
  if (file === undefined) return 0;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(160), 0, 160, 0);
    return Number(/"bytes":(\d+)/.exec(buffer.toString("latin1", 0, bytesRead))?.[1] ?? 0);
  } finally {
    await file.close();
  }
}
