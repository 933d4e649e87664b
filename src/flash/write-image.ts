import { EdgeimgError } from "../errors/edgeimg-error.js";
import { alignedBuffers } from "./buffers.js";
import { chunk, depth, readParts, type Work } from "./pieces.js";
import { edge, eraseStale, nonZeroSpan, stalePlaces } from "./stale.js";
import { io, type WriteJob } from "./write-job.js";
import { writePieces } from "./write-pieces.js";

export interface WriteReport {
  /** Bytes of the image's mapped blocks. */
  readonly bytes: number;
  readonly writeMs: number;
  readonly verifyMs: number;
  /** Whether it was read back past the page cache. */
  readonly direct: boolean;
}

/** Progress is told at most this often. Milliseconds. */
const tellEvery = 200;

/**
 * Writes an image so that the target is valid only at the very end: the first MiB, with the partition table, is cleared first and written
 * last, after all else was written, synced, read back and compared. Whatever ends this early leaves no partition table.
 * Throws ERR_EDGEIMG_FLASH_SOURCE_HASH, _IO, _VERIFY, _SOURCE_INVALID, ERR_EDGEIMG_INTERRUPTED.
 */
export async function writeImage(job: WriteJob): Promise<WriteReport> {
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
  const pieces = readParts(job, { parts, head, buffers });
  const [first] = await Promise.all([pieces.next(), job.check()]);
  await step("erase", "Clear old partition tables", async () => {
    // The last buffer: the first one already holds the image's first piece.
    const [scratch = new Uint8Array()] = buffers.slice(-1);
    await io(job, "clear old tables", () => eraseStale(target, { places: stalePlaces(head, target), scratch }));
    await io(job, "sync", () => target.sync());
  });
  const began = now();
  await step("write", "Write the image", (progress) => writePieces(job, { first, pieces, progress }));
  const wrote = now();
  await step("verify", "Read it back and compare", (progress) => verify(job, { parts, head, buffers, progress }));
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

/** Reads one piece while the one before is hashed. The head is not on the target yet: its bytes are taken from memory. */
async function verify(
  job: WriteJob,
  { parts, head, buffers, progress }: Work & { readonly progress: (done: number) => void },
): Promise<void> {
  const { target, hasher, signal } = job;
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
  const [, length] = nonZeroSpan(head);
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
