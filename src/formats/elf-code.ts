/** Code of a 64-bit little-endian ELF file (System V ABI, chapter 4): where it lies, and what it is called. Total, as readElf is. */
export interface CodeSection {
  /** Bytes of the file. */
  readonly offset: number;
  readonly size: number;
  /** The address of its first byte when the file is loaded. */
  readonly address: number;
}

const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
const SHF_EXECINSTR = 4;
const STT_FUNC = 2;
const PT_LOAD = 1;
const PF_X = 1;
const sectionHeader = 64;
const programHeader = 56;
const symbolSize = 24;

interface Section {
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

/** Sections that hold instructions; of a file without section headers the segments that are executable. */
export function codeSections(bytes: Buffer): CodeSection[] {
  const sections = readSections(bytes);
  const code = sections.filter(({ type, flags }) => type === SHT_PROGBITS && (flags & SHF_EXECINSTR) !== 0);
  return apart(sections.length > 0 ? code : executableSegments(bytes), bytes.length);
}

/** In the order of the file, within it, none over another: a damaged file is not read many times. */
function apart(sections: readonly CodeSection[], length: number): CodeSection[] {
  let read = 0;
  return [...sections]
    .sort((a, b) => a.offset - b.offset)
    .flatMap(({ offset, size, address }) => {
      const start = Math.max(offset, read);
      const end = Math.min(offset + size, length);
      if (start >= end) return [];
      read = end;
      return [{ offset: start, size: end - start, address: address + start - offset }];
    });
}

/** The function that an address lies in, as far as the file's symbols tell; undefined in a stripped part. */
export function functionAt(bytes: Buffer, address: number): string | undefined {
  const sections = readSections(bytes);
  for (const table of sections) {
    if (table.type !== SHT_SYMTAB && table.type !== SHT_DYNSYM) continue;
    const strings = sections[table.link];
    const end = Math.min(table.offset + table.size, bytes.length);
    for (let at = table.offset; strings !== undefined && at + symbolSize <= end; at += symbolSize) {
      const start = Number(bytes.readBigUInt64LE(at + 8));
      const size = Number(bytes.readBigUInt64LE(at + 16));
      if ((bytes.readUInt8(at + 4) & 15) !== STT_FUNC || address < start || address >= start + size) continue;
      return textAt(bytes, strings.offset + bytes.readUInt32LE(at));
    }
  }
  return undefined;
}

function readSections(bytes: Buffer): Section[] {
  if (bytes.length < 64) return [];
  const table = Number(bytes.readBigUInt64LE(40));
  const count = bytes.readUInt16LE(58) === sectionHeader ? bytes.readUInt16LE(60) : 0;
  if (table + count * sectionHeader > bytes.length) return [];
  return Array.from({ length: count }, (_, index) => {
    const at = table + index * sectionHeader;
    return {
      type: bytes.readUInt32LE(at + 4),
      flags: bytes.readUInt32LE(at + 8),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      offset: Number(bytes.readBigUInt64LE(at + 24)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
      link: bytes.readUInt32LE(at + 40),
    };
  });
}

function executableSegments(bytes: Buffer): CodeSection[] {
  if (bytes.length < 64) return [];
  const table = Number(bytes.readBigUInt64LE(32));
  const count = bytes.readUInt16LE(54) === programHeader ? bytes.readUInt16LE(56) : 0;
  if (table + count * programHeader > bytes.length) return [];
  return Array.from({ length: count }, (_, index) => table + index * programHeader)
    .filter((at) => bytes.readUInt32LE(at) === PT_LOAD && (bytes.readUInt32LE(at + 4) & PF_X) !== 0)
    .map((at) => ({
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    }));
}

function textAt(bytes: Buffer, start: number): string | undefined {
  if (start >= bytes.length) return undefined;
  const end = bytes.indexOf(0, start);
  return bytes.toString("utf8", start, Math.min(end === -1 ? bytes.length : end, start + 4096)) || undefined;
}
