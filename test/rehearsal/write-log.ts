import type { FileHandle } from "node:fs/promises";
import { readAt } from "../../src/ground/read-at.js";

/**
 * One entry of a log of block writes: what a disk was asked, in the order in which it was asked. An entry may be a flush only, without
 * any bytes.
 */
export interface LogEntry {
  /** Where it is written. Bytes. */
  readonly offset: number;
  /** Bytes; 0 for a flush alone. */
  readonly length: number;
  /** Where its bytes stand in the log. Undefined for what was discarded: it reads as zeros. */
  readonly dataAt: number | undefined;
  /** All that came before it is on the disk. */
  readonly flush: boolean;
  /** It is on the disk itself (forced unit access), whatever came before it. */
  readonly fua: boolean;
}

/** The file is no such log, or damaged. */
export class WriteLogError extends Error {}

/** Linux, drivers/md/dm-log-writes.c: WRITE_LOG_MAGIC and the flags of an entry. */
const magic = 0x6a736677736872n;
const flags = { flush: 1n, fua: 2n, discard: 4n, mark: 8n, metadata: 16n };
const known = flags.flush | flags.fua | flags.discard | flags.metadata;
/** Of the log's first sector: magic, version, number of entries, 64 bits each, and the sector's size in 32. */
const superBytes = 28;
/** Of an entry: sector, number of sectors, flags, length of a mark's text, 64 bits each. */
const entryBytes = 32;
/** A boot writes some hundred times. */
const mostEntries = 100_000;

/**
 * Reads the entries of a log as QEMU's blklogwrites writes it (Linux, Documentation/admin-guide/device-mapper/log-writes.rst): a sector
 * that tells their number, then a sector and the data of each. `diskSize` is that of the disk in bytes: nothing is written beyond it.
 * Throws WriteLogError.
 */
export async function readWriteLog(log: FileHandle, diskSize: number): Promise<LogEntry[]> {
  const { size } = await log.stat();
  const head = view(await readAt(log, 0, superBytes), superBytes);
  if (head.getBigUint64(0, true) !== magic) throw new WriteLogError("this is no log of block writes");
  if (head.getBigUint64(8, true) !== 1n) throw new WriteLogError("the log's version is not 1");
  const count = Number(head.getBigUint64(16, true));
  if (count > mostEntries) throw new WriteLogError(`${count} entries are too many`);
  const sector = head.getUint32(24, true);
  if (![512, 1024, 2048, 4096].includes(sector)) throw new WriteLogError(`sectors of ${sector} bytes`);
  const entries: LogEntry[] = [];
  let at = sector;
  for (let index = 0; index < count; index++) {
    const raw = view(await readAt(log, at, entryBytes), entryBytes);
    const bits = raw.getBigUint64(16, true);
    if ((bits & ~known) !== 0n) throw new WriteLogError(`entry ${index} has flags ${bits}`);
    const offset = Number(raw.getBigUint64(0, true)) * sector;
    const length = Number(raw.getBigUint64(8, true)) * sector;
    if (offset + length > diskSize) throw new WriteLogError(`entry ${index} lies beyond the disk's end`);
    const discard = (bits & flags.discard) !== 0n;
    const dataAt = at + sector;
    at = dataAt + (discard ? 0 : length);
    if (at > size && length > 0) throw new WriteLogError(`the log ends within entry ${index}`);
    entries.push({
      offset,
      length,
      dataAt: discard ? undefined : dataAt,
      flush: (bits & flags.flush) !== 0n,
      fua: (bits & flags.fua) !== 0n,
    });
  }
  return entries;
}

function view(bytes: Uint8Array, wanted: number): DataView {
  if (bytes.length < wanted) throw new WriteLogError("the log ends too early");
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
