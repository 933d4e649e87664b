import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { Emit } from "../events.js";
import type { BlockMap } from "../formats/bmap.js";
import { alignedBuffers, alignment } from "./buffers.js";
import { type Hasher, threadHasher } from "./hasher.js";
import type { ImageReader } from "./reader.js";
import { edge, type Place, stalePlaces } from "./stale.js";
import type { Target } from "./target.js";

export interface WriteJob {
  readonly reader: ImageReader;
  readonly map: BlockMap;
  readonly target: Target;
  /** What messages call the target. */
  readonly name: string;
  /** Changes the written image on the target before it becomes valid: the settings file. */
  readonly customise:
    | ((target: Target, image: { sector: Uint8Array; scratch: Uint8Array }) => Promise<void>)
    | undefined;
  readonly emit: Emit;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export interface WriteReport {
  /** Bytes of the image's mapped blocks. */
  readonly bytes: number;
  readonly writeMs: number;
  readonly verifyMs: number;
  /** Whether it was read back past the page cache. */
  readonly direct: boolean;
}

/** Size of one write. Large, as cards are fast only then. Bytes. */
const chunk = 4 << 20;
/** Pieces on their way at once, each in a buffer: one is read, the others are hashed and written. */
const depth = 4;
/** Progress is told at most this often. Milliseconds. */
const tellEvery = 200;

/**
 * Writes an image so that the target is valid only at the very end: the first MiB, with the partition table, is cleared first and written
 * last, after all else was written, synced, read back and compared. Whatever ends this early leaves no partition table.
 * Throws ERR_EDGEIMG_FLASH_SOURCE_HASH, _IO, _VERIFY, _SOURCE_INVALID, ERR_EDGEIMG_INTERRUPTED.
 */
export async function writeImage(job: WriteJob): Promise<WriteReport> {
  const hasher = threadHasher();
  try {
    return await writeWith(job, hasher);
  } finally {
    await hasher.close();
  }
}

async function writeWith(job: WriteJob, hasher: Hasher): Promise<WriteReport> {
  const { map, target, emit, now } = job;
  const buffers = alignedBuffers(depth, chunk);
  const parts = map.ranges.map(({ first, last, sha256 }) => ({
    from: first * map.blockSize,
    to: Math.min((last + 1) * map.blockSize, map.imageSize),
    sha256,
  }));
  const total = parts.reduce((sum, { from, to }) => sum + to - from, 0);
  const head = new Uint8Array(Math.min(edge, map.imageSize));
  const step = stepper(job, total);
  emit({ type: "plan", steps: job.customise === undefined ? 4 : 5 });

  // The image's first sector tells where its partitions are; a compressed image can be read only once, so it is kept for the end.
  const pieces = readParts(job, { parts, head, buffers, hasher });
  const first = await pieces.next();
  await step("erase", "Clear old partition tables", async () => {
    for (const place of stalePlaces(head, target)) await clear(job, place, buffers);
    await io(job, "sync", () => target.sync());
  });
  const began = now();
  await step("write", "Write the image", async (progress) => {
    const flying: Promise<void>[] = [];
    try {
      for (let piece = first; !piece.done; piece = await pieces.next()) {
        job.signal.throwIfAborted();
        const { bytes, at, done, hashed } = piece.value;
        const write = bytes === undefined ? undefined : io(job, `write at byte ${at}`, () => target.write(bytes, at));
        const both = Promise.all([hashed, write]).then(() => {});
        // Awaited later: until then a failure must not count as unhandled.
        both.catch(() => {});
        flying.push(both);
        // Its buffer is filled again after `depth` pieces, so the oldest must have ended before the next is read.
        if (flying.length === depth) await flying.shift();
        progress(done);
      }
    } finally {
      await Promise.allSettled(flying);
    }
    await Promise.all(flying);
    await io(job, "sync", () => target.sync());
  });
  const wrote = now();
  await step("verify", "Read it back and compare", (progress) =>
    verify(job, { parts, head, buffers, hasher, progress }),
  );
  const verified = now();
  if (job.customise !== undefined) {
    const { customise } = job;
    const [scratch = new Uint8Array()] = buffers;
    await step("settings", "Write the settings for the first boot", async () => {
      await io(job, "write the settings", () => customise(target, { sector: head.subarray(0, 512), scratch }));
      await io(job, "sync", () => target.sync());
    });
  }
  await step("finish", "Write the partition table", () => finish(job, head, buffers));
  return { bytes: total, writeMs: wrote - began, verifyMs: verified - wrote, direct: target.direct };
}

interface Part {
  readonly from: number;
  readonly to: number;
  readonly sha256: string;
}

interface Piece {
  /** Undefined where all of it belongs to the head. */
  readonly bytes: Uint8Array | undefined;
  readonly at: number;
  /** Bytes of the mapped blocks read so far. */
  readonly done: number;
  /** When its bytes are in the hash: the buffer must not change before. */
  readonly hashed: Promise<void>;
}

interface Work {
  readonly parts: readonly Part[];
  readonly head: Uint8Array;
  readonly buffers: readonly Uint8Array[];
  readonly hasher: Hasher;
}

/**
 * Reads the mapped blocks in pieces, each in the next of the buffers, and compares each range's hash. What belongs to the head goes there
 * instead. The first piece is given only when the head's first sector is known.
 */
async function* readParts(
  { reader, map, signal }: WriteJob,
  { parts, head, buffers, hasher }: Work,
): AsyncGenerator<Piece> {
  let turn = 0;
  let done = 0;
  for (const { from, to, sha256 } of parts) {
    for (let at = from; at < to; ) {
      signal.throwIfAborted();
      // A piece ends with the head, and at multiples of its own size, so that the writes are aligned.
      const end = at < head.length ? Math.min(head.length, to) : Math.min((Math.floor(at / chunk) + 1) * chunk, to);
      const buffer = buffers[turn++ % buffers.length]?.subarray(0, end - at) ?? new Uint8Array();
      const length = await reader.read(buffer, at);
      if (length < buffer.length) throw wrongSource(`it ends at byte ${at + length} of ${map.imageSize}`);
      const hashed = hasher.update(buffer);
      hashed.catch(() => {});
      done += length;
      if (at < head.length) head.set(buffer, at);
      yield { bytes: at < head.length ? undefined : buffer, at, done, hashed };
      at = end;
    }
    if ((await hasher.digest()) !== sha256) throw wrongSource(`the bytes from ${from} to ${to} have another sha256`);
  }
}

function wrongSource(what: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FLASH_SOURCE_HASH", `The image is not what its block map says: ${what}.`, {
    hint: "Build or download the image and its .bmap again. The target has no partition table now and starts nothing.",
  });
}

async function clear(job: WriteJob, place: Place, buffers: readonly Uint8Array[]): Promise<void> {
  // The last buffer: the first one already holds the image's first piece.
  const zeros = buffers.at(-1)?.subarray(0, place.length).fill(0) ?? new Uint8Array(place.length);
  await io(job, `write at byte ${place.at}`, () => job.target.write(zeros, place.at));
}

/** Reads one piece while the one before is hashed. The head is not on the target yet: its bytes are taken from memory. */
async function verify(
  job: WriteJob,
  { parts, head, buffers, hasher, progress }: Work & { readonly progress: (done: number) => void },
): Promise<void> {
  const { target, signal } = job;
  let turn = 0;
  let done = 0;
  let hashed = Promise.resolve();
  for (const { from, to, sha256 } of parts) {
    if (from < head.length) await hasher.update(head.subarray(from, Math.min(to, head.length)));
    done += Math.max(0, Math.min(to, head.length) - from);
    for (let at = Math.max(from, head.length); at < to; ) {
      signal.throwIfAborted();
      const end = Math.min((Math.floor(at / chunk) + 1) * chunk, to);
      const buffer = buffers[turn++ % buffers.length]?.subarray(0, end - at) ?? new Uint8Array();
      await io(job, `read at byte ${at}`, () => target.read(buffer, at));
      await hashed;
      hashed = hasher.update(buffer);
      hashed.catch(() => {});
      done += buffer.length;
      progress(done);
      at = end;
    }
    if ((await hasher.digest()) !== sha256) throw mismatch(job, `the bytes from ${from} to ${to} are others`);
  }
}

function mismatch({ name }: WriteJob, what: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FLASH_VERIFY", `${name} does not hold what was written: ${what}.`, {
    hint: "The card is worn or a counterfeit, or the reader is bad: use others. It has no partition table now and starts nothing.",
  });
}

/** Makes the target valid, and looks whether it is. */
async function finish(job: WriteJob, head: Uint8Array, buffers: readonly Uint8Array[]): Promise<void> {
  const { target } = job;
  const buffer = buffers[0]?.subarray(0, head.length) ?? head;
  buffer.set(head);
  // The rest of the first MiB was cleared at the beginning.
  const used = head.findLastIndex((byte) => byte !== 0) + 1;
  const length = Math.min(head.length, Math.ceil(used / alignment) * alignment);
  await io(job, "write the partition table", () => target.write(buffer.subarray(0, length), 0));
  await io(job, "sync", () => target.sync());
  buffer.fill(0);
  await io(job, "read the partition table", () => target.read(buffer, 0));
  if (Buffer.compare(buffer, head) === 0) return;
  // Half a table may start something.
  await io(job, "clear the partition table", () => target.write(buffer.fill(0), 0));
  await io(job, "sync", () => target.sync());
  throw mismatch(job, "the first MiB is another");
}

/** What failed on the target becomes ERR_EDGEIMG_FLASH_IO. */
async function io<T>({ name }: WriteJob, what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof EdgeimgError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_IO", `${name} failed: ${what}: ${reason}`, {
      cause,
      hint: "Try again with another reader or another card. This one has no partition table now and starts nothing.",
    });
  }
}

/** Runs one step of the job between its events. */
function stepper({ emit, now, signal }: WriteJob, total: number) {
  return async (id: string, title: string, run: (progress: (done: number) => void) => Promise<void>): Promise<void> => {
    signal.throwIfAborted();
    const step = `flash/${id}`;
    const began = now();
    let told = began;
    emit({ type: "step-start", step, title });
    try {
      await run((done) => {
        const at = now();
        if (done < total && at - told < tellEvery) return;
        told = at;
        const speed = at > began ? (done / (at - began)) * 1000 : undefined;
        emit({
          type: "step-progress",
          step,
          done,
          total,
          unit: "bytes",
          ...(speed === undefined || speed === 0
            ? {}
            : { bytesPerSecond: Math.round(speed), msLeft: Math.round(((total - done) / speed) * 1000) }),
        });
      });
    } catch (error) {
      emit({ type: "step-failed", step, title, message: error instanceof Error ? error.message : String(error) });
      throw error;
    }
    emit({ type: "step-end", step, title, cached: false, ms: now() - began, digest: "" });
  };
}
