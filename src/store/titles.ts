import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile, type Store } from "./store.js";

/** What a tree is the result of, for people: the step's title. Trees of older versions have none. */
export async function readTitle(store: Store, digest: string): Promise<string | undefined> {
  return await readFile(join(store.root, "titles", digest), "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
}

export async function writeTitle(store: Store, digest: string, title: string): Promise<void> {
  await mkdir(join(store.root, "titles"), { recursive: true });
  await replaceFile(store, join(store.root, "titles", digest), `${title}\n`);
}
