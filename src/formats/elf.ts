/**
 * Reader of the parts of an ELF file that say what it needs to run (System V ABI, chapters 4 and 5).
 * Total: any bytes give a value or undefined; no offset of the file is trusted.
 */
export interface ElfInfo {
  /** e_machine: the processor. */
  readonly machine: number;
  readonly bits: 32 | 64;
  /** 2 executable, 3 shared object or position-independent executable. */
  readonly type: number;
  readonly interpreter: string | undefined;
  readonly soname: string | undefined;
  readonly needed: readonly string[];
  readonly runpath: readonly string[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_SONAME = 14n;
const DT_RPATH = 15n;
const DT_RUNPATH = 29n;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly size: number;
}

/** Reads a little-endian ELF file; undefined when it is none, or is damaged where this reader looks. */
export function readElf(bytes: Buffer): ElfInfo | undefined {
  if (bytes.length < 52 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[5] !== 1) return undefined;
  const bits = bytes[4] === 2 ? 64 : 32;
  try {
    return read(bytes, bits);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function read(bytes: Buffer, bits: 32 | 64): ElfInfo {
  const segments = readSegments(bytes, bits);
  const interp = segments.find((segment) => segment.type === PT_INTERP);
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  const entries = dynamic === undefined ? [] : readDynamic(bytes, dynamic, bits);
  const strings = entries.find(([tag]) => tag === DT_STRTAB)?.[1];
  const base = strings === undefined ? undefined : fileOffset(segments, strings);
  const texts = (tag: bigint) =>
    base === undefined
      ? []
      : entries.filter(([key]) => key === tag).map(([, value]) => textAt(bytes, base + Number(value)));
  const paths = texts(DT_RUNPATH).concat(texts(DT_RPATH));
  return {
    machine: bytes.readUInt16LE(18),
    bits,
    type: bytes.readUInt16LE(16),
    interpreter: interp === undefined ? undefined : textAt(bytes, interp.offset),
    soname: texts(DT_SONAME)[0],
    needed: texts(DT_NEEDED),
    runpath: paths.flatMap((path) => path.split(":")),
  };
}

function readSegments(bytes: Buffer, bits: 32 | 64): Segment[] {
  const wide = bits === 64;
  const table = wide ? Number(bytes.readBigUInt64LE(32)) : bytes.readUInt32LE(28);
  const entrySize = bytes.readUInt16LE(wide ? 54 : 42);
  const count = bytes.readUInt16LE(wide ? 56 : 44);
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * entrySize;
    segments.push({
      type: bytes.readUInt32LE(at),
      offset: wide ? Number(bytes.readBigUInt64LE(at + 8)) : bytes.readUInt32LE(at + 4),
      address: wide ? bytes.readBigUInt64LE(at + 16) : BigInt(bytes.readUInt32LE(at + 8)),
      size: wide ? Number(bytes.readBigUInt64LE(at + 32)) : bytes.readUInt32LE(at + 16),
    });
  }
  return segments;
}

function readDynamic(bytes: Buffer, segment: Segment, bits: 32 | 64): [bigint, bigint][] {
  const step = bits === 64 ? 16 : 8;
  const entries: [bigint, bigint][] = [];
  const end = Math.min(segment.offset + segment.size, bytes.length);
  for (let at = segment.offset; at + step <= end; at += step) {
    const tag = bits === 64 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUInt32LE(at));
    if (tag === 0n) break;
    entries.push([tag, bits === 64 ? bytes.readBigUInt64LE(at + 8) : BigInt(bytes.readUInt32LE(at + 4))]);
  }
  return entries;
}

function fileOffset(segments: readonly Segment[], address: bigint): number | undefined {
  for (const segment of segments) {
    if (segment.type !== PT_LOAD) continue;
    const distance = address - segment.address;
    if (distance >= 0n && distance < BigInt(segment.size)) return segment.offset + Number(distance);
  }
  return undefined;
}

function textAt(bytes: Buffer, start: number): string {
  if (start < 0 || start >= bytes.length) throw new RangeError("text outside the file");
  const end = bytes.indexOf(0, start);
  return bytes.toString("utf8", start, end === -1 ? bytes.length : Math.min(end, start + 4096));
}
