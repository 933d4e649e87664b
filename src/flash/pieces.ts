import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { WriteJob } from "./write-job.js";

/** Size of one write. Large, as cards are fast only then. Bytes. */
export const chunk = 4 << 20;
/** Pieces on their way at once, each in a buffer: one is read, the others are hashed and written. */
export const depth = 4;

export interface Part {
  readonly from: number;
  readonly to: number;
  readonly sha256: string;
}

export interface Piece {
  /** Undefined where all of it belongs to the head. */
  readonly bytes: Uint8Array | undefined;
  readonly at: number;
  /** Bytes of the mapped blocks read so far. */
  readonly done: number;
  /** When its bytes are in the hash: the buffer must not change before. */
  readonly hashed: Promise<void>;
}

export interface Work {
  readonly parts: readonly Part[];
  readonly head: Uint8Array;
  readonly buffers: readonly Uint8Array[];
}

/**
 * Reads the mapped blocks in pieces, each in the next of the buffers, and compares each range's hash. What belongs to the head goes there
 * instead. The first piece is given only when the head's first sector is known.
 */
export async function* readParts(
  { reader, map, hasher, signal }: WriteJob,
  { parts, head, buffers }: Work,
): AsyncGenerator<Piece> {
  let turn = 0;
  let done = 0;
  /** The range before: nobody waits for its hash while the next one is read, and for the hashing thread to start. */
  let checked = Promise.resolve();
  for (const { from, to, sha256 } of parts) {
    for (let at = from; at < to; ) {
      signal.throwIfAborted();
      // A piece ends with the head, and at multiples of its own size, so that the writes are aligned.
      const end = at < head.length ? Math.min(head.length, to) : Math.min((Math.floor(at / chunk) + 1) * chunk, to);
      const buffer = buffers[turn++ % buffers.length]?.subarray(0, end - at) ?? new Uint8Array();
      const length = await reader.read(buffer, at);
      if (length < buffer.length) throw wrongSource(`it ends at byte ${at + length} of ${map.imageSize}`);
      const hashed = later(Promise.all([hasher.update(buffer), checked]).then(() => {}));
      done += length;
      if (at < head.length) head.set(buffer, at);
      yield { bytes: at < head.length ? undefined : buffer, at, done, hashed };
      at = end;
    }
    const compare = (found: string) => {
      if (found !== sha256) throw wrongSource(`the bytes from ${from} to ${to} have another sha256`);
    };
    checked = later(Promise.all([hasher.digest().then(compare), checked]).then(() => {}));
  }
  await checked;
}

/** For what is awaited later: until then a failure must not count as unhandled. */
export function later(work: Promise<void>): Promise<void> {
  work.catch(() => {});
  return work;
}

function wrongSource(what: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FLASH_SOURCE_HASH", `The image is not what its block map says: ${what}.`, {
    hint: "Build or download the image and its .bmap again. The target has no partition table now and starts nothing.",
  });
}
