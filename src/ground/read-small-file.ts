import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { readAt } from "./read-at.js";

/** Thrown for what is no plain file, or a larger one than is read. */
export class SmallFileError extends Error {
  override readonly name = "SmallFileError";
}

/**
 * Reads a file that somebody else wrote, whole, into memory that is bounded. A pipe or a device would keep us waiting, so it is refused.
 * Throws SmallFileError, and what the system says: ENOENT, EACCES ...
 * @param most bytes
 */
export async function readSmallFile(path: string, most: number): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new SmallFileError("it is no plain file");
    const bytes = await readAt(file, 0, Math.min(found.size, most) + 1);
    if (bytes.length > most) throw new SmallFileError(`it is larger than ${most} bytes`);
    return bytes;
  } finally {
    await file.close();
  }
}

/** The same; undefined for a file that is not there. */
export async function readSmallFileIfAny(path: string, most: number): Promise<Uint8Array | undefined> {
  return await readSmallFile(path, most).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
}
