import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { alignment } from "./buffers.js";

/** What an image is written to. Offsets and lengths are bytes. Tests put a simulated one in its place. */
export interface Target {
  readonly size: number;
  /** Whether writes and reads go past the page cache, so that what is read back comes from the drive. */
  readonly direct: boolean;
  readonly write: (bytes: Uint8Array, at: number) => Promise<void>;
  /** Fills the buffer. Throws at the target's end. */
  readonly read: (buffer: Uint8Array, at: number) => Promise<void>;
  /** Returns when everything written is on the medium. */
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface TargetOptions {
  /** A plain file grows to this. */
  readonly size: number;
  /** A drive is claimed, so that nobody can mount it meanwhile; opening fails with EBUSY while somebody else has it. */
  readonly kind: "drive" | "file";
}

/**
 * Opens a drive or a plain file. A second descriptor without O_DIRECT serves what is not aligned, and everything where the file
 * system does not know O_DIRECT. Throws what the system says: EACCES, EBUSY, ENOENT ...
 */
export async function openTarget(path: string, { size, kind }: TargetOptions): Promise<Target> {
  const { O_RDWR, O_EXCL, O_CREAT, O_DIRECT } = constants;
  // O_EXCL without O_CREAT: open(2), "if the block device is in use by the system".
  const plain = await open(path, kind === "drive" ? O_RDWR | O_EXCL : O_RDWR | O_CREAT, 0o644);
  try {
    const length = kind === "drive" ? size : await growFile(plain, path, size);
    const direct = await open(path, O_RDWR | O_DIRECT).catch(() => undefined);
    return makeTarget({ plain, direct, size: length });
  } catch (error) {
    await plain.close();
    throw error;
  }
}

async function growFile(file: FileHandle, path: string, size: number): Promise<number> {
  const { size: before } = await stat(path);
  if (before < size) await file.truncate(size);
  return Math.max(before, size);
}

function makeTarget(parts: { plain: FileHandle; direct: FileHandle | undefined; size: number }): Target {
  const { plain, direct, size } = parts;
  let isDirect = direct !== undefined;
  /** Some file systems take O_DIRECT when a file is opened and refuse it when it is used. */
  const through = async (length: number, at: number, use: (file: FileHandle) => Promise<void>): Promise<void> => {
    if (direct === undefined || !isDirect || at % alignment !== 0 || length % alignment !== 0) return await use(plain);
    await use(direct).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EINVAL") throw error;
      isDirect = false;
      await use(plain);
    });
  };
  return {
    size,
    get direct() {
      return isDirect;
    },
    write: (bytes, at) =>
      through(bytes.length, at, async (file) => {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
          if (bytesWritten === 0) throw Object.assign(new Error("nothing could be written"), { code: "EIO" });
          done += bytesWritten;
        }
      }),
    read: (buffer, at) =>
      through(buffer.length, at, async (file) => {
        for (let done = 0; done < buffer.length; ) {
          const { bytesRead } = await file.read(buffer, done, buffer.length - done, at + done);
          if (bytesRead === 0) throw Object.assign(new Error("the drive ends too early"), { code: "EIO" });
          done += bytesRead;
        }
      }),
    sync: () => plain.sync(),
    close: async () => {
      await direct?.close();
      await plain.close();
    },
  };
}
