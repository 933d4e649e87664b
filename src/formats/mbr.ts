/** A partition of a master boot record. Sectors are 512 bytes. */
export interface MbrPartition {
  /** 1 to 4. */
  readonly number: number;
  readonly type: number;
  readonly active: boolean;
  readonly firstSector: number;
  readonly sectors: number;
}

export interface Mbr {
  /** The disk signature at byte 440, by which PARTUUIDs name the partitions. */
  readonly signature: number;
  readonly partitions: readonly MbrPartition[];
}

export const sectorSize = 512;

/** Reads the first sector of a disk; undefined when it holds no partition table. Empty entries are left out. */
export function readMbr(sector: Buffer): Mbr | undefined {
  if (sector.length < sectorSize || sector.readUInt16LE(510) !== 0xaa55) return undefined;
  const partitions: MbrPartition[] = [];
  for (let number = 1; number <= 4; number++) {
    const at = 446 + (number - 1) * 16;
    const type = sector.readUInt8(at + 4);
    const sectors = sector.readUInt32LE(at + 12);
    if (type === 0 || sectors === 0) continue;
    partitions.push({ number, type, active: sector.readUInt8(at) === 0x80, firstSector: sector.readUInt32LE(at + 8), sectors });
  }
  return { signature: sector.readUInt32LE(440), partitions };
}
