import { alignedBuffers } from "./buffers.js";
import { chunk, depth, readParts } from "./pieces.js";
import { edge, eraseStale, nonZeroSpan, stalePlaces } from "./stale.js";
import { mismatch, verify } from "./verify.js";
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
  const { map, table, target, emit } = job;
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

  const pieces = readParts(job, { parts, head, buffers });
  let writeMs: number;
  try {
    const [first] = await Promise.all([pieces.next(), job.check()]);
    await step("erase", "Clear old partition tables", async () => {
      // The last buffer: the first one already holds the image's first piece.
      const [scratch = new Uint8Array()] = buffers.slice(-1);
      await io(job, "clear old tables", () =>
        eraseStale(target, { places: stalePlaces(table.partitions, target), scratch }),
      );
      await io(job, "sync", () => target.sync());
    });
    writeMs = await step("write", "Write the image", (progress) => writePieces(job, { first, pieces, progress }));
  } finally {
    await pieces.return(undefined);
  }
  const verifyMs = await step("verify", "Read it back and compare", (progress) =>
    verify(job, { parts, head, buffers, progress }),
  );
  if (job.customise !== undefined) {
    const { customise } = job;
    const [scratch = new Uint8Array()] = buffers;
    await step("settings", "Write the settings for the first boot", async () => {
      await io(job, "write the settings", () => customise(target, { table, scratch }));
      await io(job, "sync", () => target.sync());
    });
  }
  await step("finish", "Write the partition table", () => finish(job, head, buffers));
  return { bytes: total, writeMs, verifyMs, direct: target.direct };
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

/** Runs one step of the job between its events, and gives the milliseconds that it took. */
function stepper({ emit, now, signal }: WriteJob, total: number) {
  return async (
    id: string,
    title: string,
    run: (progress: (done: number) => void) => Promise<void>,
  ): Promise<number> => {
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
    const ms = now() - began;
    emit({ type: "step-end", step, title, cached: false, ms, digest: "" });
    return ms;
  };
}
