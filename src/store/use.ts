import { anyAlive, show, withLock } from "./lock.js";
import { lockFolder, type Store } from "./store.js";

const pruneKey = "prune";
const usePrefix = "use.";

/** How many of this process's works use a store, and how to stop saying so. */
const users = new Map<string, { count: number; end: Promise<{ release(): Promise<void> }> }>();

/**
 * Runs work that reads results of the store, which are not pruned as long as it lasts. Waits for a prune that is under way: either this work
 * sees the prune, or the prune sees this work.
 */
export async function useStore<T>(store: Store, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const folder = lockFolder(store);
  const known = users.get(store.root);
  const user = known ?? { count: 0, end: show(folder, usePrefix) };
  user.count++;
  users.set(store.root, user);
  try {
    await user.end;
    if (known === undefined) await withLock({ folder, key: pruneKey, signal }, async () => {});
    return await work();
  } finally {
    if (--user.count === 0) {
      users.delete(store.root);
      await user.end.then(
        (shown) => shown.release(),
        () => {},
      );
    }
  }
}

/** Runs `work` when nobody uses the store, and keeps everybody waiting meanwhile; gives undefined, at once, when somebody does. */
export async function whenUnused<T>(store: Store, signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
  const folder = lockFolder(store);
  return await withLock({ folder, key: pruneKey, signal }, async () =>
    users.has(store.root) || (await anyAlive(folder, usePrefix)) ? undefined : await work(),
  );
}
