import { readFile } from "node:fs/promises";
import { type Lock, parseLock } from "../../lock/lock-file.js";

/** The lock of a project; undefined when there is none yet. Throws ERR_EDGEIMG_LOCK_INVALID. */
export async function readLock(file: string): Promise<Lock | undefined> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseLock(text, file);
}
