import { readFile } from "node:fs/promises";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { captureProcess, definedVariables } from "../process/capture-process.js";
import type { Drive } from "./drive.js";
import { lsblkColumns, parseDrives } from "./parse-drives.js";

/** The drives of a machine. Tests put simulated ones in its place. */
export interface Drives {
  /** All whole drives, looked at now. */
  readonly list: () => Promise<readonly Drive[]>;
  /** Unmounts everything of a drive that is mounted. Throws ERR_EDGEIMG_FLASH_MOUNTED when something stays. */
  readonly unmount: (drive: Drive) => Promise<void>;
  /** Makes a removable drive safe to pull out; false when no program for that was found or it failed. */
  readonly eject: (drive: Drive) => Promise<boolean>;
}

export interface SystemDrivesOptions {
  /** Folders whose drive must never be written: the home folder, the project, the image. */
  readonly folders: readonly string[];
  /** Environment of the programs that are asked. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function systemDrives({ folders, env }: SystemDrivesOptions): Drives {
  const run = starter(env);
  return {
    list: async () =>
      parseDrives({
        lsblk: await lsblk(run),
        mountinfo: await readFile("/proc/self/mountinfo", "utf8"),
        swaps: await readFile("/proc/swaps", "utf8").catch(() => ""),
        folders,
        sysfs: async (path) => (await readFile(`/sys/block/${path}`, "utf8").catch(() => "")).trim(),
      }),
    unmount: async (drive) => {
      // The newest mount first: one may lie within another.
      for (const { device, folder } of [...drive.mounts].reverse()) {
        const plain = await run("umount", [folder]);
        if (!plain.failed) continue;
        const byUser = await run("udisksctl", ["unmount", "--no-user-interaction", "-b", device]);
        if (!byUser.failed) continue;
        throw new EdgeimgError("ERR_EDGEIMG_FLASH_MOUNTED", `${folder} could not be unmounted.`, {
          details: [plain.said, byUser.said].filter((text) => text !== ""),
          hint: "Close what has files open there (`fuser -vm` names it), then try again.",
        });
      }
    },
    eject: async (drive) => {
      if (drive.bus === "loop") return false;
      if (!(await run("eject", [drive.path])).failed) return true;
      return !(await run("udisksctl", ["power-off", "--no-user-interaction", "-b", drive.path])).failed;
    },
  };
}

async function lsblk(run: Run): Promise<string> {
  const { failed, stdout, said } = await run("lsblk", [
    "--json",
    "--bytes",
    "--output",
    lsblkColumns.join(",").toUpperCase(),
  ]);
  if (!failed) return stdout;
  throw new EdgeimgError("ERR_EDGEIMG_FLASH_NO_DEVICE", "The drives of this machine cannot be listed: lsblk failed.", {
    details: [said],
    hint: "lsblk is part of util-linux: install it, or write to a plain file with --device FILE.",
  });
}

/** Never rejects; `said` is what tells why it failed. */
type Run = (
  program: string,
  args: readonly string[],
) => Promise<{ readonly failed: boolean; readonly stdout: string; readonly said: string }>;

function starter(env: SystemDrivesOptions["env"]): Run {
  return async (program, args) => {
    const { failed, stdout, stderr, reason } = await captureProcess({
      program,
      args,
      env: { ...definedVariables(env), LC_ALL: "C" },
      timeoutMs: 60_000,
    });
    return { failed, stdout, said: stderr.trim() || reason };
  };
}
