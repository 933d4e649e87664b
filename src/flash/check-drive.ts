import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type Drive, isSameDrive } from "./drive.js";

/** Drives that a user may choose from. */
export function writableDrives(drives: readonly Drive[]): Drive[] {
  return drives.filter(
    ({ suitable, system, size, readOnly, bus }) =>
      suitable && system.length === 0 && size > 0 && !readOnly && bus !== "loop",
  );
}

/** "SanDisk Ultra, 32 GB, usb, serial 4C53, /dev/sdb": what a user compares with the card in hand. */
export function driveName(drive: Drive): string {
  const parts = [
    drive.model || "no name",
    sizeText(drive.size),
    drive.bus,
    drive.serial && `serial ${drive.serial}`,
    drive.path,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** Finds the named drive. Throws ERR_EDGEIMG_FLASH_NO_DEVICE with the drives there are. */
export function findDrive(drives: readonly Drive[], path: string): Drive {
  const found = drives.find((drive) => drive.path === path);
  if (found !== undefined) return found;
  const whole = drives.find((drive) => path.startsWith(drive.path) && /^p?\d+$/.test(path.slice(drive.path.length)));
  throw new EdgeimgError(
    "ERR_EDGEIMG_FLASH_NO_DEVICE",
    whole === undefined
      ? `There is no drive ${path}.`
      : `${path} is a partition; an image is written to a whole drive.`,
    {
      details: writableDrives(drives).map(driveName),
      hint: whole === undefined ? "`edgeimg flash --list` shows what there is." : `Give --device ${whole.path}.`,
    },
  );
}

export interface DriveRules {
  /** What is mounted of it will be unmounted. */
  readonly unmount: boolean;
  /** Bytes that it must hold. */
  readonly needed: number;
}

/** Throws for every drive that must not, or cannot, be written. The order is that of the harm: the system's drive first. */
export function checkDrive(drive: Drive, { unmount, needed }: DriveRules): void {
  if (drive.system.length > 0) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_FLASH_SYSTEM_DRIVE",
      `${driveName(drive)} holds ${drive.system.join(", ")} of this system.`,
      { hint: "`edgeimg flash --list` shows the drives that can be written." },
    );
  }
  if (!drive.suitable) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_FLASH_SYSTEM_DRIVE",
      `${driveName(drive)} is neither removable nor a USB or SD drive.`,
      { hint: "`edgeimg flash --list` shows the drives that can be written." },
    );
  }
  if (drive.size === 0) {
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_NO_DEVICE", `There is no card in ${drive.path}.`, {
      hint: "Insert the card and try again.",
    });
  }
  if (drive.readOnly) {
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_IO", `${driveName(drive)} is write-protected.`, {
      hint: "SD cards have a small switch at the side: push it away from LOCK.",
    });
  }
  if (drive.size < needed) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_FLASH_TOO_SMALL",
      `${driveName(drive)} has ${drive.size} bytes, the image has ${needed}.`,
      { hint: "Use a larger card, or a smaller `image.dataSize`." },
    );
  }
  if (drive.holders.length > 0) {
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_MOUNTED", `${driveName(drive)} is used by ${drive.holders.join(", ")}.`, {
      hint: "Close it first: `cryptsetup close`, `vgchange -an` or `mdadm --stop`.",
    });
  }
  if (drive.mounts.length > 0 && !unmount) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_FLASH_MOUNTED",
      `${driveName(drive)} is mounted at ${drive.mounts.map(({ folder }) => folder).join(", ")}.`,
      { hint: "Give --unmount to have it unmounted first." },
    );
  }
}

/** Throws ERR_EDGEIMG_FLASH_SWAPPED unless the drive is still the one that was chosen. */
export function checkIdentity(chosen: Drive, drives: readonly Drive[]): void {
  const now = drives.find(({ path }) => path === chosen.path);
  if (now !== undefined && isSameDrive(chosen, now)) return;
  throw new EdgeimgError(
    "ERR_EDGEIMG_FLASH_SWAPPED",
    now === undefined ? `${chosen.path} has gone.` : `${chosen.path} is another drive now.`,
    {
      details: [`chosen: ${driveName(chosen)}`, ...(now === undefined ? [] : [`now:    ${driveName(now)}`])],
      hint: "Nothing was written. Look at `edgeimg flash --list` and start again.",
    },
  );
}

/** Decimal, as cards are sold. */
export function sizeText(bytes: number): string {
  return bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`
    : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
