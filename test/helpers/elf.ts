export interface ElfParts {
  readonly bits: 32 | 64;
  readonly machine: number;
  readonly type?: number;
  readonly interpreter?: string;
  /** Tag and text; 1 NEEDED, 14 SONAME, 15 RPATH, 29 RUNPATH. */
  readonly dynamic?: readonly (readonly [number, string])[];
}

/** An ELF file with the parts that the reader looks at, laid out as linkers do: segments, interpreter, strings, dynamic section. */
export function makeElf({ bits, machine, type = 3, interpreter, dynamic }: ElfParts): Buffer {
  const wide = bits === 64;
  const headerSize = wide ? 64 : 52;
  const entrySize = wide ? 56 : 32;
  const address = 0x10000;
  const count = 1 + (interpreter === undefined ? 0 : 1) + (dynamic === undefined ? 0 : 1);
  const front = headerSize + entrySize * count;
  const interp = Buffer.from(interpreter === undefined ? "" : `${interpreter}\0`);
  let strings = "\0";
  const entries: [number, number][] = (dynamic ?? []).map(([tag, text]) => {
    const at = Buffer.byteLength(strings);
    strings += `${text}\0`;
    return [tag, at];
  });
  const stringsAt = front + interp.length;
  const dynamicAt = stringsAt + Buffer.byteLength(strings);
  const word = (value: number) => {
    const buffer = Buffer.alloc(wide ? 8 : 4);
    if (wide) buffer.writeBigUInt64LE(BigInt(value));
    else buffer.writeUInt32LE(value);
    return buffer;
  };
  const table = Buffer.concat(
    [...entries, [5, address + stringsAt], [0, 0]].flatMap(([tag = 0, value = 0]) => [word(tag), word(value)]),
  );
  const total = dynamicAt + table.length;
  const segment = (kind: number, at: number, size: number) => {
    const buffer = Buffer.alloc(entrySize);
    buffer.writeUInt32LE(kind, 0);
    word(at).copy(buffer, wide ? 8 : 4);
    word(address + at).copy(buffer, wide ? 16 : 8);
    word(size).copy(buffer, wide ? 32 : 16);
    return buffer;
  };
  const header = Buffer.alloc(headerSize);
  header.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  header.writeUInt16LE(type, 16);
  header.writeUInt16LE(machine, 18);
  word(headerSize).copy(header, wide ? 32 : 28);
  header.writeUInt16LE(entrySize, wide ? 54 : 42);
  header.writeUInt16LE(count, wide ? 56 : 44);
  return Buffer.concat([
    header,
    segment(1, 0, total),
    ...(interpreter === undefined ? [] : [segment(3, front, interp.length)]),
    ...(dynamic === undefined ? [] : [segment(2, dynamicAt, table.length)]),
    interp,
    Buffer.from(strings),
    table,
  ]);
}
