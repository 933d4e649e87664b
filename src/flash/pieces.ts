import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { WriteJob } from "./write-job.js";

/** Size of one write. Large, as cards are fast only then; larger ones gain nothing, and memory must be fetched for them. Bytes. */
export const chunk = 2 << 20;
/** Pieces on their way at once, each in a buffer: one is read, the others are written. */
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
}

export interface Work {
  readonly parts: readonly Part[];
  readonly head: Uint8Array;
  readonly buffers: readonly Uint8Array[];
}

/**
 * Reads the mapped blocks in pieces, each in the next of the buffers. What belongs to the head goes there as well. The first piece is given
 * only when the head's first sector is known. Nothing is hashed: what the target holds in the end is (verify.ts).
 */
export async function* readParts(
  { openReader, map, signal }: Pick<WriteJob, "openReader" | "map" | "signal">,
  { parts, head, buffers }: Work,
): AsyncGenerator<Piece> {
  const reader = await openReader();
  let turn = 0;
  let done = 0;
  try {
    for (const { from, to } of parts) {
      for (let at = from; at < to; ) {
        signal.throwIfAborted();
        // A piece ends with the head, and at multiples of its own size, so that the writes are aligned.
        const end = at < head.length ? Math.min(head.length, to) : Math.min((Math.floor(at / chunk) + 1) * chunk, to);
        const buffer = buffers[turn++ % buffers.length]?.subarray(0, end - at) ?? new Uint8Array();
        const length = await reader.read(buffer, at);
        if (length < buffer.length) throw wrongSource(`it ends at byte ${at + length} of ${map.imageSize}`);
        done += length;
        if (at < head.length) head.set(buffer, at);
        yield { bytes: at < head.length ? undefined : buffer, at, done };
        at = end;
      }
    }
  } finally {
    await reader.close();
  }
}

/** For what is awaited later: until then a failure must not count as unhandled. */
export function later(work: Promise<void>): Promise<void> {
  work.catch(() => {});
  return work;
}

export function wrongSource(what: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FLASH_SOURCE_HASH", `The image is not what its block map says: ${what}.`, {
    hint: "Build or download the image and its .bmap again. The target has no partition table now and starts nothing.",
  });
}
