/** A function of a static program. */
export interface FunctionSymbol {
  readonly name: string;
  readonly address: number;
  readonly size: number;
}

/** Functions (STT_FUNC with a size) of a 64-bit little-endian ELF file, by address. Throws RangeError on a broken file. */
export function readFunctions(file: Buffer): FunctionSymbol[] {
  const sectionTable = Number(file.readBigUInt64LE(40));
  const sectionSize = file.readUInt16LE(58);
  const sections = file.readUInt16LE(60);
  const section = (index: number) => {
    const at = sectionTable + index * sectionSize;
    return {
      type: file.readUInt32LE(at + 4),
      offset: Number(file.readBigUInt64LE(at + 24)),
      size: Number(file.readBigUInt64LE(at + 32)),
      link: file.readUInt32LE(at + 40),
    };
  };
  const found: FunctionSymbol[] = [];
  for (let index = 0; index < sections; index++) {
    const table = section(index);
    if (table.type !== 2) continue;
    const names = section(table.link);
    for (let at = table.offset; at < table.offset + table.size; at += 24) {
      const size = Number(file.readBigUInt64LE(at + 16));
      if ((file.readUInt8(at + 4) & 15) !== 2 || size === 0) continue;
      const start = names.offset + file.readUInt32LE(at);
      const name = file.toString("latin1", start, file.indexOf(0, start));
      found.push({ name, address: Number(file.readBigUInt64LE(at + 8)), size });
    }
  }
  return found.sort((a, b) => a.address - b.address);
}
