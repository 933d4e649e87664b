import { constants, copyFile, link, lstat, readFile, rename, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "./lock.js";
import { lockFolder, replaceFile, type Store, type TreeInfo, treePath } from "./store.js";
import { treeTime } from "./tree.js";

export interface PlaceJob {
  readonly digest: string;
  readonly name: string;
  /** Whatever is there goes. */
  readonly target: string;
  /** What the new file's time of change shall be, milliseconds since 1970: programs that compare folders look at it. */
  readonly now: number;
}

/**
 * Puts a large file of a tree outside the store without taking its room twice: as a clone where the file system has such, else as a second
 * name of the same file, else as a copy. It appears by rename. Who writes into the second name damages the file in the store; its time of change
 * then tells the next build, which reads it, finds another hash and makes it anew (`findDamage`).
 */
export async function placeFile(store: Store, job: PlaceJob): Promise<void> {
  const { digest, name, target, now } = job;
  const source = join(treePath(store, digest), name);
  const draft = `${target}.new`;
  await rm(draft, { force: true });
  if (await works(() => copyFile(source, draft, constants.COPYFILE_FICLONE_FORCE))) return await finish(draft, job);
  await rm(draft, { force: true });
  if (await withLock(treeLock(store, digest), () => linkFile(store, { ...job, draft }))) return;
  await copyFile(source, draft);
  await finish(draft, { target, now });
}

async function finish(draft: string, { target, now }: Pick<PlaceJob, "target" | "now">): Promise<void> {
  await utimes(draft, now / 1000, now / 1000);
  await rename(draft, target);
}

/** A new name changes the file's time, by which the store knows that it is untouched: the listing gets the new one where the old one was right. */
async function linkFile(store: Store, job: PlaceJob & { readonly draft: string }): Promise<boolean> {
  const { digest, name, target, now, draft } = job;
  const source = join(treePath(store, digest), name);
  const listing = `${treePath(store, digest)}.json`;
  const info = JSON.parse(await readFile(listing, "utf8")) as TreeInfo;
  const stampNow = async () => {
    const { ctimeMs, ino, mtimeMs } = await lstat(source);
    return { stamp: `${ctimeMs}:${ino}`, mtimeMs };
  };
  const before = await stampNow();
  if (!(await works(() => link(source, draft)))) return false;
  // The time that every file of the store has says nothing. One that an earlier build gave stays: that build's folder remembers it.
  if (before.mtimeMs === treeTime * 1000) await utimes(source, now / 1000, now / 1000);
  await rename(draft, target);
  // Between two names of one file, rename does nothing.
  await rm(draft, { force: true });
  const { stamp } = await stampNow();
  const entries = info.entries.map((entry) =>
    entry.path === name && entry.stamp === before.stamp ? { ...entry, stamp } : entry,
  );
  await replaceFile(store, listing, JSON.stringify({ ...info, entries }));
  return true;
}

const treeLock = (store: Store, digest: string) => ({
  folder: lockFolder(store),
  key: `tree/${digest}`,
  signal: new AbortController().signal,
});

/** File systems say in many ways that they cannot; only a full one is an error here. */
async function works(attempt: () => Promise<void>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") throw error;
    return false;
  }
}
