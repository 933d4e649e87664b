import type { ArchiveIndex } from "../../store/archive.js";
import type { CacheArchiveResult } from "../types.js";

/** What an archive of a store holds, in numbers; sizes in bytes. */
export function archiveResult(file: string, index: ArchiveIndex): CacheArchiveResult {
  const objects = Object.values(index.objects);
  return {
    file,
    objects: objects.length,
    bytes: objects.reduce((sum, { size }) => sum + size, 0),
    blobs: index.blobs.length,
    trees: Object.keys(index.trees).length,
    actions: Object.keys(index.actions).length,
    lock: index.lock,
  };
}
