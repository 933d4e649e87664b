import { readFile, stat } from "node:fs/promises";
import { EdgeimgError } from "../errors/edgeimg-error.js";

export interface OpenFailure {
  readonly path: string;
  readonly kind: "drive" | "file";
  readonly cause: NodeJS.ErrnoException;
  /** Name of the user, for commands to be copied. */
  readonly user: string;
}

/** Why a target could not be opened, as an error with a remedy. */
export async function openError({ path, kind, cause, user }: OpenFailure): Promise<EdgeimgError> {
  if (cause.code === "EACCES" || cause.code === "EPERM") {
    if (kind === "file") {
      return new EdgeimgError("ERR_EDGEIMG_FLASH_RIGHTS", `You may not write ${path}.`, {
        cause,
        hint: "Name a file in a folder of yours.",
      });
    }
    const group = await groupOf(path);
    return new EdgeimgError(
      "ERR_EDGEIMG_FLASH_RIGHTS",
      `You may not write ${path}; ${group === "root" ? "only root may" : `root and the group ${group} may`}.`,
      {
        cause,
        details: [
          `this drive only, until it is pulled out:   sudo setfacl -m u:${user}:rw ${path}`,
          'this command only:                         sudo env PATH="$PATH" edgeimg flash ...',
          // Nobody should join the group `root`.
          ...(group === "root" ? [] : [`all drives, from your next login on:       sudo usermod -aG ${group} ${user}`]),
        ],
        hint: "Do one of these and run the same command again. udisks gives such rights to desktop programs only.",
      },
    );
  }
  if (cause.code === "EBUSY") {
    return new EdgeimgError("ERR_EDGEIMG_FLASH_MOUNTED", `${path} is in use: the kernel does not hand it out.`, {
      cause,
      hint: "Something has mounted or opened it. `lsblk` and `fuser -v` tell what.",
    });
  }
  if (kind === "drive") {
    return new EdgeimgError("ERR_EDGEIMG_FLASH_IO", `${path} cannot be opened: ${cause.message}`, {
      cause,
      hint: "Pull the card out, insert it again and look at `edgeimg flash --list`.",
    });
  }
  return new EdgeimgError("ERR_EDGEIMG_FLASH_IO", `${path} cannot be opened: ${cause.message}`, {
    cause,
    hint: "Name a plain file in a folder that exists, or a drive.",
  });
}

/** The name of the group that a device belongs to, or its number. */
async function groupOf(path: string): Promise<string> {
  const gid = await stat(path).then(
    (found) => found.gid,
    () => undefined,
  );
  const groups = await readFile("/etc/group", "utf8").catch(() => "");
  const line = groups.split("\n").find((one) => one.split(":")[2] === String(gid));
  return line?.split(":")[0] ?? "disk";
}
