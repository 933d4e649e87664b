import { depth, later, type Piece } from "./pieces.js";
import { isZero, writeZeros } from "./stale.js";
import type { Target } from "./target.js";
import { io, type WriteJob } from "./write-job.js";

/**
 * After so many bytes what lies between us and the medium (a drive's cache, the file behind a loop device) is emptied, beside further
 * writes: else all of that would be waited for at the end, and progress would tell of bytes that are not on the medium.
 */
const syncEvery = 32 << 20;

/**
 * Writes pieces while the next ones are read, and returns when all are on the medium. Throws ERR_EDGEIMG_FLASH_IO and what
 * reading throws.
 * @param work.first what the generator gave already
 */
export async function writePieces(
  job: WriteJob,
  {
    first,
    pieces,
    progress,
  }: {
    readonly first: IteratorResult<Piece>;
    readonly pieces: AsyncGenerator<Piece>;
    readonly progress: (done: number) => void;
  },
): Promise<void> {
  const { target, signal } = job;
  const flying: Promise<void>[] = [];
  let synced = 0;
  let syncing = Promise.resolve();
  try {
    for (let piece = first; !piece.done; piece = await pieces.next()) {
      signal.throwIfAborted();
      const { bytes, at, done } = piece.value;
      if (bytes !== undefined) flying.push(later(io(job, `write at byte ${at}`, () => put(target, bytes, at))));
      // Its buffer is filled again after `depth` pieces, so the oldest must have ended before the next is read.
      if (flying.length === depth) await flying.shift();
      if (done - synced >= syncEvery) {
        synced = done;
        await syncing;
        syncing = later(io(job, "sync", () => target.sync()));
      }
      progress(done);
    }
  } finally {
    await Promise.allSettled([...flying, syncing]);
  }
  await Promise.all([...flying, syncing]);
  await io(job, "sync", () => target.sync());
}

/** Writes a piece. Zeros are looked for on the target first; their buffer serves for that. */
async function put(target: Target, bytes: Uint8Array, at: number): Promise<void> {
  if (!isZero(bytes)) return await target.write(bytes, at);
  await writeZeros(target, { at, scratch: bytes });
}
