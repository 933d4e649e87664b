import { closeSync, openSync, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { hostPath } from "../ground/home.js";
import { startProcess } from "../process/start-process.js";

/** Reads an image's bytes from front to back. */
export interface ImageReader {
  /**
   * Fills the buffer with the bytes from offset `at` on and gives how many there were: less than asked only at the image's end. `at`
   * never goes back; what lies between is skipped.
   */
  readonly read: (buffer: Uint8Array, at: number) => Promise<number>;
  readonly close: () => Promise<void>;
}

export type Compression = "none" | "zst" | "xz";

const chunkSize = 1 << 20;

/** Opens an image, decompressing as it is read. Throws ERR_EDGEIMG_FLASH_SOURCE_INVALID from `read` for damaged data. */
export async function openReader(path: string, compression: Compression): Promise<ImageReader> {
  if (compression === "none") return plainReader(await open(path, "r"));
  return piecesReader(unpack(path, compression), path);
}

function plainReader(file: FileHandle): ImageReader {
  return {
    read: async (buffer, at) => {
      let done = 0;
      while (done < buffer.length) {
        const { bytesRead } = await file.read(buffer, done, buffer.length - done, at + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    },
    close: () => file.close(),
  };
}

function piecesReader(pieces: AsyncGenerator<Uint8Array>, path: string): ImageReader {
  let piece: Uint8Array = new Uint8Array();
  /** Offset in the image of the piece's first byte. */
  let from = 0;
  const next = async (): Promise<boolean> => {
    from += piece.length;
    const { value, done } = await pieces.next().catch((cause: unknown) => {
      throw damaged(path, cause);
    });
    piece = done ? new Uint8Array() : value;
    return done !== true;
  };
  return {
    read: async (buffer, at) => {
      let filled = 0;
      while (filled < buffer.length) {
        const want = at + filled;
        if (want >= from + piece.length) {
          if (!(await next())) break;
          continue;
        }
        const part = piece.subarray(want - from, want - from + buffer.length - filled);
        buffer.set(part, filled);
        filled += part.length;
      }
      return filled;
    },
    close: async () => {
      await pieces.return(undefined);
    },
  };
}

function damaged(path: string, cause: unknown): EdgeimgError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EdgeimgError("ERR_EDGEIMG_FLASH_SOURCE_INVALID", `${path} cannot be decompressed: ${reason}`, {
    cause,
    hint: "The file is damaged or cut off: build or download it again.",
  });
}

/**
 * The machine's own zstd or xz unpacks in a process beside this one, faster than WebAssembly can; where there is none, a decoder of ours
 * does it. Both check the sums that the formats carry.
 */
async function* unpack(path: string, compression: "zst" | "xz"): AsyncGenerator<Uint8Array> {
  const program = compression === "zst" ? "zstd" : "xz";
  const child = startProcess({ program, args: ["-d", "-c", "-q", "--", path], env: { ...hostPath(), LC_ALL: "C" } });
  if (child.pid === undefined || child.stdout === undefined) {
    yield* compression === "zst" ? zstdPieces(path) : xzPieces(path);
    return;
  }
  let said = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-2000);
  });
  try {
    for await (const chunk of child.stdout) yield chunk;
    const { failed, reason } = await child.ended;
    if (failed) throw new Error(said.trim() || `${program} failed (${reason})`);
  } finally {
    child.end();
  }
}

/** Files are read synchronously: while the decoder works nothing else could use the thread, and writes go on in others. */
function* fileChunks(path: string): Generator<Uint8Array> {
  const file = openSync(path, "r");
  try {
    for (;;) {
      const chunk = new Uint8Array(chunkSize);
      const length = readSync(file, chunk, 0, chunkSize, null);
      if (length === 0) return;
      yield chunk.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}

/** The decoder makes no progress on damaged data, and says so only by giving nothing. */
const emptyPiecesOfDamage = 1000;

async function* zstdPieces(path: string): AsyncGenerator<Uint8Array> {
  const { ZSTDDecoder } = await import("zstddec/stream");
  const decoder = new ZSTDDecoder();
  await decoder.init();
  let empty = 0;
  for (const piece of decoder.decodeStreaming(fileChunks(path))) {
    // Ctrl-C is told to us between two turns of the event loop only, and nothing else here waits for one.
    await nextTurn();
    empty = piece.length === 0 ? empty + 1 : 0;
    if (empty > emptyPiecesOfDamage) throw new Error("the data is no Zstandard frame");
    if (piece.length > 0) yield piece;
  }
}

async function* xzPieces(path: string): AsyncGenerator<Uint8Array> {
  // A CommonJS module: its exports are the default one's.
  const { XzReadableStream } = (await import("xz-decompress")).default;
  const chunks = fileChunks(path);
  const compressed = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const { value, done } = chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => void chunks.return(undefined),
  });
  const reader = new XzReadableStream(compressed).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      await nextTurn();
      if (done) return;
      // The decoder uses its output's memory again.
      yield Uint8Array.from(value);
    }
  } finally {
    await reader.cancel().catch(() => {});
    chunks.return(undefined);
  }
}
