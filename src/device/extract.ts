import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Board } from "../catalog/board.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { FatError, type FatFile, isFatBootSector, readFat } from "../formats/fat.js";
import { FdtError, parseFdt, writeFdt } from "../formats/fdt.js";
import { editFdt } from "../formats/fdt-edit.js";
import { findPartition, PartitionError, readPartitions, sectorSize } from "../formats/partitions.js";
import { readAt } from "../ground/read-at.js";
import { bootEntries } from "./boot-config.js";

/** What a board's firmware would load, as files for QEMU. */
export interface BootParts {
  readonly kernel: string;
  readonly initrd: string;
  readonly dtb: string | undefined;
  readonly cmdline: string;
}

/** A boot partition is a few tens of MiB; more would be read into memory. */
const largestBoot = 2 ** 30;

/**
 * Takes kernel, initramfs, device tree and command line out of an image's boot partition, as its loader finds them by the file that it
 * reads there, and writes them to `folder`. The device tree gets the edits that the board file lists for QEMU.
 * Throws ERR_EDGEIMG_IMAGE_INVALID when the image is not one of ours, ERR_EDGEIMG_CATALOG_INVALID when an edit does not fit.
 */
export async function extractBoot(image: string, board: Board, folder: string): Promise<BootParts> {
  const files = await readBootPartition(image);
  const take = (name: string): Uint8Array => {
    const found = files.find((file) => file.path.toLowerCase() === name.toLowerCase());
    if (found === undefined) throw invalid(image, `its boot partition holds no ${name}`);
    return found.read();
  };
  const { dtb } = board.qemu;
  const entries = bootEntries(board, (name) => new TextDecoder().decode(take(name)));
  const entry = entries.find((one) => dtb === undefined || one.dtb === dtb);
  if (entry === undefined)
    throw invalid(image, `its loader is told to start no kernel${dtb === undefined ? "" : ` with ${dtb}`}`);
  const { kernel, initrd, cmdline } = entry;
  if (kernel === undefined || initrd === undefined)
    throw invalid(image, `its loader is told of no ${kernel === undefined ? "kernel" : "initramfs"}`);
  const parts = { kernel: join(folder, "kernel"), initrd: join(folder, "initrd"), cmdline };
  await writeFile(parts.kernel, take(kernel));
  await writeFile(parts.initrd, take(initrd));
  if (dtb === undefined) return { ...parts, dtb };
  const file = join(folder, "board.dtb");
  await writeFile(file, machineDtb(board, take(dtb)));
  return { ...parts, dtb: file };
}

/** Files of the image's first FAT partition: what a board's firmware reads. */
export async function readBootPartition(image: string): Promise<FatFile[]> {
  const handle = await open(image, "r").catch((cause: unknown) => {
    throw invalid(image, "it cannot be opened", cause);
  });
  try {
    const { size } = await handle.stat();
    const table = await readPartitions((at, length) => readAt(handle, at, length), { size, copy: "check" });
    if (table === undefined) throw invalid(image, "it has no partition table");
    const boot = await findPartition(table, async ({ offset }) =>
      isFatBootSector(await readAt(handle, offset, sectorSize)),
    );
    if (boot === undefined || boot.size > largestBoot) throw invalid(image, "it has no boot partition");
    return readFat(await readAt(handle, boot.offset, boot.size));
  } catch (error) {
    if (error instanceof FatError || error instanceof PartitionError) throw invalid(image, error.message, error);
    throw error;
  } finally {
    await handle.close();
  }
}

/** The board's device tree as QEMU's machine needs it. */
export function machineDtb(board: Board, bytes: Uint8Array): Uint8Array {
  try {
    const edited = editFdt(parseFdt(bytes), board.qemu.dtbEdits);
    if ("missing" in edited) {
      throw new EdgeimgError(
        "ERR_EDGEIMG_CATALOG_INVALID",
        `board ${board.name}: ${board.qemu.dtb} has no ${edited.missing}`,
        {
          hint: "Correct qemu.dtbEdits in the board file: it names a node or property of another kernel's device tree.",
        },
      );
    }
    return writeFdt(edited.tree);
  } catch (error) {
    if (!(error instanceof FdtError)) throw error;
    throw new EdgeimgError("ERR_EDGEIMG_IMAGE_INVALID", `${board.qemu.dtb} is no device tree: ${error.message}`, {
      cause: error,
    });
  }
}

function invalid(image: string, why: string, cause?: unknown): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_IMAGE_INVALID", `${image} is not an image that can be booted: ${why}`, {
    hint: "Build it again, or name another image.",
    cause,
  });
}
