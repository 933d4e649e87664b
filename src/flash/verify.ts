import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type Hasher, threadHasher } from "./hasher.js";
import { chunk, later, type Part, type Work, wrongSource } from "./pieces.js";
import { io, type WriteJob } from "./write-job.js";

/**
 * Reads the mapped blocks back and compares each range's hash with the map's: what is on the target is then what was made, so the image
 * itself need not be hashed on its way there. Only when a hash is another is the image read again, to tell who is to blame.
 * The head is not on the target yet: its bytes are taken from memory.
 * Throws ERR_EDGEIMG_FLASH_SOURCE_HASH, _VERIFY, _IO.
 */
export async function verify(
  job: WriteJob,
  { parts, head, buffers, progress }: Work & { readonly progress: (done: number) => void },
): Promise<void> {
  const { target, signal } = job;
  const hasher = threadHasher();
  let turn = 0;
  let done = 0;
  let hashed = Promise.resolve();
  try {
    for (const part of parts) {
      const { from, to } = part;
      if (from < head.length) await hasher.update(head.subarray(from, Math.min(to, head.length)));
      done += Math.max(0, Math.min(to, head.length) - from);
      for (let at = Math.max(from, head.length); at < to; ) {
        signal.throwIfAborted();
        const end = Math.min((Math.floor(at / chunk) + 1) * chunk, to);
        const buffer = buffers[turn++ % buffers.length]?.subarray(0, end - at) ?? new Uint8Array();
        // One piece is read while the one before is hashed.
        await io(job, `read at byte ${at}`, () => target.read(buffer, at));
        await hashed;
        hashed = later(hasher.update(buffer));
        done += buffer.length;
        progress(done);
        at = end;
      }
      if ((await hasher.digest()) === part.sha256) continue;
      const [buffer = new Uint8Array()] = buffers;
      await checkSource(job, { part, hasher, buffer });
      throw mismatch(job, `the bytes from ${from} to ${to} are others`);
    }
  } finally {
    await hasher.close();
  }
}

/** Throws ERR_EDGEIMG_FLASH_SOURCE_HASH when it is the image that has another hash than its map says. */
async function checkSource(
  { openReader, signal }: WriteJob,
  { part, hasher, buffer }: { readonly part: Part; readonly hasher: Hasher; readonly buffer: Uint8Array },
): Promise<void> {
  const { from, to, sha256 } = part;
  const reader = await openReader();
  try {
    for (let at = from; at < to; at += buffer.length) {
      signal.throwIfAborted();
      const piece = buffer.subarray(0, Math.min(buffer.length, to - at));
      await hasher.update(piece.subarray(0, await reader.read(piece, at)));
    }
  } finally {
    await reader.close();
  }
  if ((await hasher.digest()) !== sha256) throw wrongSource(`the bytes from ${from} to ${to} have another sha256`);
}

export function mismatch({ name }: WriteJob, what: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FLASH_VERIFY", `${name} does not hold what was written: ${what}.`, {
    hint: "The card is worn or a counterfeit, or the reader is bad: use others. It has no partition table now and starts nothing.",
  });
}
