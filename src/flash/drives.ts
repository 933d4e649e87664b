import { readFile } from "node:fs/promises";
import { execa } from "execa";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { type Drive, parseDrives } from "./parse-drives.js";

/** The drives of a machine. Tests put simulated ones in its place. */
export interface Drives {
  /** All whole drives, looked at now. */
  readonly list: () => Promise<readonly Drive[]>;
  /** Unmounts everything of a drive that is mounted. Throws ERR_EDGEIMG_FLASH_MOUNTED when something stays. */
  readonly unmount: (drive: Drive) => Promise<void>;
  /** Makes a removable drive safe to pull out; false when no program for that was found or it failed. */
  readonly eject: (drive: Drive) => Promise<boolean>;
}

/** What is asked of lsblk (util-linux 2.27 and later). */
const columns = [
  ...["NAME", "KNAME", "PATH", "MAJ:MIN", "TYPE", "SIZE", "RM", "HOTPLUG", "RO", "TRAN", "VENDOR", "MODEL"],
  ...["SERIAL", "WWN", "FSTYPE", "LABEL"],
];

/** @param folders folders whose drive must never be written: the home folder, the project, the image. */
export function systemDrives(folders: readonly string[]): Drives {
  return {
    list: async () =>
      parseDrives({
        lsblk: await lsblk(),
        mountinfo: await readFile("/proc/self/mountinfo", "utf8"),
        swaps: await readFile("/proc/swaps", "utf8").catch(() => ""),
        folders,
        sysfs: async (path) => (await readFile(`/sys/block/${path}`, "utf8").catch(() => "")).trim(),
      }),
    unmount: async (drive) => {
      // The newest mount first: one may lie within another.
      for (const { device, folder } of [...drive.mounts].reverse()) {
        const plain = await run("umount", [folder]);
        if (plain === undefined) continue;
        const byUser = await run("udisksctl", ["unmount", "--no-user-interaction", "-b", device]);
        if (byUser === undefined) continue;
        throw new EdgeimgError("ERR_EDGEIMG_FLASH_MOUNTED", `${folder} could not be unmounted.`, {
          details: [plain, byUser].filter((text) => text !== ""),
          hint: "Close what has files open there (`fuser -vm` names it), then try again.",
        });
      }
    },
    eject: async (drive) => {
      if (drive.bus === "loop") return false;
      if ((await run("eject", [drive.path])) === undefined) return true;
      return (await run("udisksctl", ["power-off", "--no-user-interaction", "-b", drive.path])) === undefined;
    },
  };
}

async function lsblk(): Promise<string> {
  const args = ["--json", "--bytes", "--output", columns.join(",")];
  const result = await execa("lsblk", args, { reject: false, env: { LC_ALL: "C" }, stdin: "ignore" });
  if (!result.failed) return result.stdout;
  throw new EdgeimgError("ERR_EDGEIMG_FLASH_NO_DEVICE", "The drives of this machine cannot be listed: lsblk failed.", {
    details: [result.stderr || (result.originalMessage ?? "")],
    hint: "lsblk is part of util-linux: install it, or write to a plain file with --device FILE.",
  });
}

/** Undefined when the program did its work; else what it said. */
async function run(program: string, args: readonly string[]): Promise<string | undefined> {
  const result = await execa(program, args, { reject: false, stdin: "ignore", timeout: 60_000, env: { LC_ALL: "C" } });
  return result.failed ? result.stderr.trim() : undefined;
}
