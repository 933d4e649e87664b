import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile, type Store } from "./store.js";
import type { StoreLimits } from "./tidy.js";

/**
 * `tidied` in the store's folder says when the whole store was last looked through and to which limits, and then, a line for each build since, how many bytes that
 * one added. Builds only append to it, so two at a time do not lose each other's line; a line that is cut or lost puts the next look off
 * by that much, a file that is damaged or missing makes it due.
 */
const stampPath = (store: Store): string => join(store.root, "tidied");

const dayMs = 86_400_000;

const firstLine = (now: number, { days, bytes }: StoreLimits): string => `${now} ${days} ${bytes}`;

/** Remembers that a build added bytes to the store; fewer than none where images that it replaced were larger. */
export async function noteAdded(store: Store, bytes: number): Promise<void> {
  if (bytes !== 0) await appendFile(stampPath(store), `${bytes}\n`);
}

/** Remembers that the store was looked through, at a time in milliseconds since the epoch. */
export async function noteTidied(store: Store, now: number, limits: StoreLimits): Promise<void> {
  await replaceFile(store, stampPath(store), `${firstLine(now, limits)}\n`);
}

/**
 * Whether to look through the whole store at `now`, milliseconds since the epoch: a day after the last time, when a tenth of what it may hold was added since,
 * or when it is held to other limits than then.
 */
export async function isTidyDue(store: Store, now: number, limits: StoreLimits): Promise<boolean> {
  const [first = "", ...added] = (await readFile(stampPath(store), "utf8").catch(() => "")).split("\n");
  const at = Number(first.split(" ")[0]);
  if (first !== firstLine(at, limits)) return true;
  // A clock that was ahead says nothing of when that was.
  if (!(at <= now && now - at < dayMs)) return true;
  const bytes = added.reduce((sum, line) => sum + (Number(line) || 0), 0);
  return bytes >= limits.bytes / 10;
}
