/** A primary partition. Sizes and offsets in bytes. */
export interface MbrPartition {
  /** 1 to 4, as in the kernel's PARTUUID. */
  readonly number: number;
  readonly type: number;
  readonly active: boolean;
  readonly offset: number;
  readonly size: number;
}

export interface Mbr {
  /** The disk signature, which PARTUUID is made of. */
  readonly signature: number;
  readonly partitions: readonly MbrPartition[];
}

/** Size of the sectors that an MBR counts in; SD cards and QEMU's disks have no other. */
export const sectorSize = 512;

/** Reads a disk's first sector. Undefined when it is no MBR. */
export function parseMbr(sector: Uint8Array): Mbr | undefined {
  if (sector.length < sectorSize || sector[510] !== 0x55 || sector[511] !== 0xaa) return undefined;
  const view = new DataView(sector.buffer, sector.byteOffset, sector.byteLength);
  const partitions: MbrPartition[] = [];
  for (let number = 1; number <= 4; number++) {
    const at = 446 + 16 * (number - 1);
    const type = view.getUint8(at + 4);
    if (type === 0) continue;
    partitions.push({
      number,
      type,
      active: view.getUint8(at) === 0x80,
      offset: view.getUint32(at + 8, true) * sectorSize,
      size: view.getUint32(at + 12, true) * sectorSize,
    });
  }
  return { signature: view.getUint32(440, true), partitions };
}
