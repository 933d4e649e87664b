/** One whole drive, as far as it matters for writing to it. */
export interface Drive {
  /** `/dev/sdb`. */
  readonly path: string;
  /** The kernel's number of it, `8:16`. */
  readonly number: string;
  /** Bytes; 0 for a reader without a card. */
  readonly size: number;
  /** Vendor and model. */
  readonly model: string;
  /** usb, sd, mmc, sata, nvme, loop ...; empty when unknown. */
  readonly bus: string;
  readonly serial: string;
  readonly wwn: string;
  /** The kernel's running number of the medium: another one after each change of card. Empty before Linux 5.15. */
  readonly sequence: string;
  readonly removable: boolean;
  readonly readOnly: boolean;
  /** Whether it is of a kind that cards come as: removable, USB, SD; or a loop device. */
  readonly suitable: boolean;
  /** Its partitions, or itself, by file system: "sdb1 vfat BOOT". */
  readonly contents: readonly string[];
  readonly mounts: readonly { readonly device: string; readonly folder: string }[];
  /** Devices that other drivers have made of its parts and that are not mounts: LVM, RAID, encryption. */
  readonly holders: readonly string[];
  /** What the running system has there: "/", "swap", a folder of the user. Empty: nothing. */
  readonly system: readonly string[];
}

/** Whether two looks at drives saw the same medium in the same place. */
export function isSameDrive(before: Drive, after: Drive): boolean {
  const keys = ["path", "number", "size", "model", "serial", "wwn", "sequence"] as const;
  return keys.every((key) => before[key] === after[key]);
}
