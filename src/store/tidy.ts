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
  /** Milliseconds since the epoch. Nothing that was used since `since`, the begin of the command, is removed for its size. */
  readonly now: number;
  readonly since: number;
  readonly signal: AbortSignal;
}

/** Where a build's results went, and those of its trees that the next build into that folder makes worthless. */
export interface OutFolder {
  readonly folder: string;
  readonly trees: readonly string[];
}

/**
 * Looks through the whole store: removes results that are too old and, in a store that is too large, what was unused longest. Must run under
 * `whenUnused`. Gives the bytes that it freed. May be stopped at any moment; the next goes on.
 */
export async function tidyStore({ store, limits, now, since, signal }: TidyJob): Promise<number> {
  let freed = (await pruneOlder(store, now - limits.days * 86_400_000, signal)).bytes;
  const trees = await usedTrees(store, signal);
  let bytes = trees.reduce((sum, tree) => sum + tree.bytes, 0);
  if (bytes <= limits.bytes) return freed;
  for (const tree of trees.sort((a, b) => a.usedAt - b.usedAt)) {
    if (bytes <= limits.bytes * 0.9 || tree.usedAt >= since) break;
    signal.throwIfAborted();
    await removeTree(store, tree.digest);
    bytes -= tree.bytes;
    freed += tree.bytes;
  }
  return freed;
}

/**
 * Remembers what a folder's build gave, and removes what the one before gave unless another folder's still does. Must run under
 * `whenUnused`. Gives the bytes that it freed. Looks at nothing else of the store.
 */
export async function removeReplaced(store: Store, out: OutFolder): Promise<number> {
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
async function usedTrees(
  store: Store,
  signal: AbortSignal,
): Promise<{ digest: string; bytes: number; usedAt: number }[]> {
  const used = new Map<string, number>();
  for (const action of await readdir(join(store.root, "actions"))) {
    signal.throwIfAborted();
    const digest = await readAction(store, action);
    const found = await stat(join(store.root, "actions", action)).catch(() => undefined);
    if (digest !== undefined && found !== undefined) used.set(digest, Math.max(used.get(digest) ?? 0, found.mtimeMs));
  }
  const trees: { digest: string; bytes: number; usedAt: number }[] = [];
  for (const name of await readdir(join(store.root, "trees"))) {
    signal.throwIfAborted();
    if (!name.endsWith(".json")) continue;
    const digest = name.slice(0, -5);
    const { mtimeMs } = await stat(join(store.root, "trees", name));
    trees.push({ digest, bytes: await treeBytes(store, digest), usedAt: Math.max(mtimeMs, used.get(digest) ?? 0) });
  }
  return trees;
}

/** A tree's size in bytes, 0 for one that is gone; from the front of its listing, which may be megabytes long. */
export async function treeBytes(store: Store, digest: string): Promise<number> {
  const file = await open(`${treePath(store, digest)}.json`, "r").catch(() => undefined);
  if (file === undefined) return 0;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(160), 0, 160, 0);
    return Number(/"bytes":(\d+)/.exec(buffer.toString("latin1", 0, bytesRead))?.[1] ?? 0);
  } finally {
    await file.close();
  }
}
