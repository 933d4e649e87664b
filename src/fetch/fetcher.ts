import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, link, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { sha256Text } from "../ground/canonical.js";
import { lazy } from "../ground/lazy.js";
import { semaphore } from "../ground/semaphore.js";
import { withLock } from "../store/lock.js";
import { blobPath, lockFolder, type Store } from "../store/store.js";
import type { DownloadOptions } from "./download.js";
import { notPinned, offline } from "./fetch-errors.js";
import { sizeOf } from "./size-of.js";
import { notSupplied, takeSupplied } from "./supplied.js";
import type { Fetcher } from "./types.js";

export interface FetcherOptions extends DownloadOptions {
  readonly store: Store;
  readonly offline: boolean;
  /** A folder of the user's with files that are taken by their hash, whatever their names. */
  readonly supplied?: string | undefined;
}

/**
 * Fetches files by package URL into the store's blobs. Interrupted downloads resume (RFC 9110 range requests), failures are
 * retried with back-off, proxies come from the usual environment variables.
 */
export function createFetcher(options: FetcherOptions): Fetcher {
  const { store } = options;
  const slots = semaphore(6);
  // Most builds fetch nothing, and an HTTP client is most of what a start would have to compile.
  const downloader = lazy(async () => (await import("./download.js")).createDownloader(options));
  return {
    async fetchBlob(file, { signal, progress }) {
      const target = blobPath(store, file.sha256);
      if (await isWhole(target, file.sha256)) return progress(file.size ?? 0);
      await slots(() =>
        withLock({ folder: lockFolder(store), key: `blob/${file.sha256}`, signal }, async () => {
          if (await isWhole(target, file.sha256)) return;
          const folder = options.supplied;
          const hash = async (path: string) => (await hashPart(path)).sha256;
          if (folder !== undefined && (await takeSupplied({ folder, file, part: target, hash })))
            return progress(file.size ?? 0);
          if (file.supplied !== undefined) throw notSupplied(file, folder);
          if (options.offline) throw offline(file);
          // A damaged one is shared with the trees that link it: it is replaced, not changed.
          await rm(target, { force: true });
          const part = `${target}.part`;
          const resumes = (await sizeOf(part)) > 0;
          const download = await downloader();
          const job = { file, part, signal, progress };
          await download(job);
          let { sha256: found } = await hashPart(part);
          if (found !== file.sha256 && resumes) {
            // The part may have come from another server, or have lost bytes in a power failure.
            await rm(part, { force: true });
            await download(job);
            found = (await hashPart(part)).sha256;
          }
          if (found === file.sha256) return await rename(part, target);
          await rm(part, { force: true });
          throw notPinned(file, [`expected sha256 ${file.sha256}`, `received sha256 ${found}`]);
        }),
      );
    },
    async pin(file, { signal }) {
      if (options.offline) throw offline(file);
      const part = join(store.root, "blobs", `${sha256Text(`${file.purl} ${file.name}`).slice(0, 32)}.new.part`);
      return await withLock({ folder: lockFolder(store), key: `pin/${file.purl} ${file.name}`, signal }, async () => {
        await rm(part, { force: true });
        await (await downloader())({ file, part, signal, progress: () => {} });
        const found = await hashPart(part);
        await rename(part, blobPath(store, found.sha256));
        return found;
      });
    },
  };
}

async function hashPart(part: string): Promise<{ sha256: string; size: number }> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(part), hash);
  return { sha256: hash.digest("hex"), size: (await stat(part)).size };
}

/** Links a blob into a folder; copies where the file system has no links, or no more of them. */
export async function placeBlob(store: Store, sha256: string, path: string): Promise<void> {
  const blob = blobPath(store, sha256);
  await link(blob, path).catch(async (error: NodeJS.ErrnoException) => {
    if (!["EPERM", "EMLINK", "ENOTSUP", "ENOSYS"].includes(String(error.code))) throw error;
    await copyFile(blob, path);
  });
}

async function isWhole(path: string, sha256: string): Promise<boolean> {
  return await hashPart(path).then(
    (found) => found.sha256 === sha256,
    () => false,
  );
}
