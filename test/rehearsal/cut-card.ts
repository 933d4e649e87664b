import { type FileHandle, open } from "node:fs/promises";
import { readAt } from "../../src/ground/read-at.js";
import type { Cut } from "./cuts.js";
import type { LogEntry } from "./write-log.js";

/** Bytes that are copied at once. */
const chunk = 2 ** 20;

export interface CutCard {
  /** Makes the card what it is after that cut, whatever it was before. */
  readonly become: (cut: Cut) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface CutCardOptions {
  /** As it was before the recorded boot. Nobody but this writes to it. */
  readonly card: string;
  readonly log: string;
  readonly entries: readonly LogEntry[];
}

/** A card that can be cut again and again: what the boot wrote over is remembered, and put back before each cut. */
export async function openCutCard({ card, log, entries }: CutCardOptions): Promise<CutCard> {
  const target = await open(card, "r+");
  const source = await open(log, "r");
  const before: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  for (const { offset, length } of entries) {
    for (let done = 0; done < length; done += chunk) {
      before.push({
        offset: offset + done,
        bytes: await readAt(target, offset + done, Math.min(chunk, length - done)),
      });
    }
  }
  return {
    become: async ({ kept, lastBytes }) => {
      for (const { offset, bytes } of before) await writeAt(target, bytes, offset);
      for (const index of kept) {
        const entry = entries[index];
        if (entry === undefined) throw new Error(`the log has no entry ${index}`);
        await apply(entry, index === kept.at(-1) ? (lastBytes ?? entry.length) : entry.length);
      }
    },
    close: async () => {
      await target.close();
      await source.close();
    },
  };

  async function apply({ offset, dataAt }: LogEntry, length: number): Promise<void> {
    for (let done = 0; done < length; done += chunk) {
      const part = Math.min(chunk, length - done);
      const bytes = dataAt === undefined ? new Uint8Array(part) : await readAt(source, dataAt + done, part);
      if (bytes.length < part) throw new Error("the log has become shorter");
      await writeAt(target, bytes, offset + done);
    }
  }
}

async function writeAt(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
