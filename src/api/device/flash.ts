import { realpath, stat } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { dirname, resolve } from "node:path";
import { loadInit, loadWifi } from "../../catalog/catalog.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { checkDrive, checkIdentity, driveName, findDrive, sizeText, writableDrives } from "../../flash/check-drive.js";
import type { Drive } from "../../flash/drive.js";
import { type Drives, systemDrives } from "../../flash/drives.js";
import { openReader } from "../../flash/reader.js";
import { openError } from "../../flash/rights.js";
import type { Settings } from "../../flash/settings.js";
import { findImage, type ImageSource, openSource } from "../../flash/source.js";
import { openTarget, type Target, type TargetOptions } from "../../flash/target.js";
import { writeImage } from "../../flash/write-image.js";
import type { WriteJob } from "../../flash/write-job.js";
import { packageHome } from "../../ground/home.js";
import { readSmallFile, SmallFileError } from "../../ground/read-small-file.js";
import type { Context, FlashOptions, FlashResult } from "../types.js";

/** What flashing touches of the machine; tests put simulated layers in its place. */
export interface FlashLayers {
  readonly drives: Drives;
  readonly openTarget: (path: string, options: TargetOptions) => Promise<Target>;
}

/** Mounts are known by real paths. */
async function realLayers({ env }: Context, folders: readonly string[]): Promise<FlashLayers> {
  const real = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  return { drives: systemDrives({ folders: [...new Set(real)], env }), openTarget };
}

/** The drives that an image can be written to. */
export async function listDrives(context: Context): Promise<readonly Drive[]> {
  const { drives } = await realLayers(context, ownFolders(context));
  return writableDrives(await drives.list());
}

/**
 * Writes an image to a drive or a plain file, verifies it and makes it valid at the very end.
 * Throws ERR_EDGEIMG_FLASH_*; whatever it throws after the first write, the target has no partition table then.
 */
export async function flashImage(context: Context, options: FlashOptions, given?: FlashLayers): Promise<FlashResult> {
  const { cwd, emit, now, signal } = context;
  const image = await findImage(resolve(cwd, options.image ?? "out"));
  const layers = given ?? (await realLayers(context, [...ownFolders(context), dirname(image)]));
  const settings = await readSettings(cwd, options.settings);
  const customise = hasSettings(settings) ? await settingsWriter(settings) : undefined;
  const device = options.device === undefined ? undefined : resolve(cwd, options.device);
  const kind = device === undefined || (await isDrive(device)) ? "drive" : "file";
  // Chosen before the image is hashed: a mistake in the name is told at once.
  const drive = kind === "file" ? undefined : await chooseDrive(layers.drives, device, options);
  const source = await openSource(image, signal);
  await warn(context, { source, settings });
  // An image may end before its last, empty partition does.
  const ends = source.table.partitions.map(({ offset, size }) => offset + size);
  const needed = Math.max(source.map.imageSize, ...ends);
  if (drive !== undefined) checkDrive(drive, { unmount: options.unmount, needed });
  const path = drive?.path ?? device ?? "";
  await confirm(options, { drive, path, image });
  if (drive !== undefined && drive.mounts.length > 0) await layers.drives.unmount(drive);
  const target = await openOrExplain(layers, path, { kind, size: drive?.size ?? needed });
  const name = drive === undefined ? path : driveName(drive);
  try {
    const report = await writeImage({
      openReader: () => openReader(image, source.compression),
      map: source.map,
      table: source.table,
      target,
      name,
      customise,
      // The drive is claimed by now; what is in its place from here on is what will be written.
      check: async () => {
        if (drive !== undefined) checkIdentity(drive, await layers.drives.list());
      },
      emit,
      now,
      signal,
    });
    if (!report.direct) {
      const message = `${path} was read back through the page cache: its file system has no direct reads`;
      emit({ type: "log", level: "warn", message });
    }
    await target.close();
    const ejected = drive?.removable === true && (await layers.drives.eject(drive));
    return {
      image,
      device: path,
      name,
      checkedBy: source.checkedBy,
      settings: customise !== undefined,
      ejected,
      ...report,
    };
  } catch (error) {
    await target.close().catch(() => {});
    throw signal.aborted ? stoppedWriting(name, error) : error;
  }
}

/** Opens the target. Throws ERR_EDGEIMG_FLASH_* with what the user can do when that fails. */
async function openOrExplain(
  layers: FlashLayers,
  path: string,
  as: Parameters<FlashLayers["openTarget"]>[1],
): ReturnType<FlashLayers["openTarget"]> {
  return await layers.openTarget(path, as).catch(async (cause: NodeJS.ErrnoException) => {
    if (cause instanceof EdgeimgError) throw cause;
    throw await openError({ path, kind: as.kind, cause, user: userInfo().username });
  });
}

function stoppedWriting(name: string, cause: unknown): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_INTERRUPTED", `Stopped while ${name} was written.`, {
    cause,
    hint: "It has no partition table now and starts nothing. Run the same command again.",
  });
}

/** Folders whose drive is never written: the user's, the project's. */
function ownFolders({ cwd, env }: Context): string[] {
  return [env.HOME ?? homedir(), cwd];
}

async function isDrive(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile()) return path.startsWith("/dev/") && found === undefined;
  if (found.isBlockDevice()) return true;
  throw new EdgeimgError("ERR_EDGEIMG_FLASH_NO_DEVICE", `${path} is neither a drive nor a plain file.`, {
    hint: "`edgeimg flash --list` shows the drives that can be written.",
  });
}

async function chooseDrive(drives: Drives, device: string | undefined, options: FlashOptions): Promise<Drive> {
  const all = await drives.list();
  // A name such as /dev/disk/by-id/... is a link to the drive.
  if (device !== undefined) return findDrive(all, await realpath(device).catch(() => device));
  const choices = writableDrives(all);
  if (choices.length === 0) {
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_NO_DEVICE", "There is no removable, USB or SD drive with a medium.", {
      hint: "Insert a card, or write to a plain file with --device FILE.",
    });
  }
  const chosen = await options.choose(choices);
  if (chosen !== undefined) return chosen;
  throw new EdgeimgError("ERR_EDGEIMG_FLASH_NO_DEVICE", "No drive was chosen.", {
    details: choices.map(driveName),
    hint: `Name one with --device, for example ${choices[0]?.path}.`,
  });
}

async function confirm(
  options: FlashOptions,
  what: { drive: Drive | undefined; path: string; image: string },
): Promise<void> {
  const { drive, path, image } = what;
  if (options.yes) return;
  const file = drive === undefined ? await stat(path).catch(() => undefined) : undefined;
  // A new file destroys nothing.
  if (drive === undefined && file === undefined) return;
  const name = drive === undefined ? `${path} (a file, ${sizeText(file?.size ?? 0)})` : driveName(drive);
  if (await options.confirm({ name, path, contents: drive?.contents ?? [], image })) return;
  throw new EdgeimgError("ERR_EDGEIMG_FLASH_NOT_CONFIRMED", `Writing to ${name} was not confirmed.`, {
    hint: `Nothing was written. Answer with ${path}, or give --device ${path} --yes.`,
  });
}

async function warn(
  { emit }: Context,
  { source, settings }: { source: ImageSource; settings: Settings },
): Promise<void> {
  const say = (message: string) => emit({ type: "log", level: "warn", message });
  if (source.checkedBy.length === 0)
    say(`nothing beside ${source.path} says what its hash should be: only the write itself is verified`);
  if (settings.sshKeys.length > 0 && !(await mayServeSsh(source))) {
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_SETTINGS", "--ssh-key does nothing: the image has no ssh server.", {
      hint: "Build it with `system: { ssh: { server: true } }`.",
    });
  }
  if (settings.wifi !== undefined && !(await mayHaveWifi(source))) {
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_SETTINGS", "--wifi does nothing: the image has no Wi-Fi.", {
      hint: "Nothing was written. Build it with `system: { wifi: {} }`, for a board whose file has a radio (docs/wifi.md).",
    });
  }
}

/** Whether an image has the programs of the ssh server, or nothing says what it has. */
async function mayServeSsh({ rootFiles }: ImageSource): Promise<boolean> {
  if (rootFiles === undefined) return true;
  const { ssh } = await loadInit(packageHome);
  return ssh.programs.every((path) => rootFiles.has(path));
}

/** Whether an image has the Wi-Fi supplicant, or nothing says what it has. */
async function mayHaveWifi({ rootFiles }: ImageSource): Promise<boolean> {
  return rootFiles === undefined || rootFiles.has((await loadWifi(packageHome)).recipe.program.install);
}

function hasSettings({ hostname, sshKeys, wifi, variables }: Settings): boolean {
  return hostname !== undefined || sshKeys.length > 0 || wifi !== undefined || variables.length > 0;
}

/** Throws ERR_EDGEIMG_FLASH_SETTINGS for what the board would refuse. Most flashes have none and need not read how they are checked. */
async function settingsWriter(settings: Settings): Promise<NonNullable<WriteJob["customise"]>> {
  const { formatSettings, writeSettings } = await import("../../flash/settings.js");
  const text = formatSettings(settings);
  return (target, image) => writeSettings(target, { text, ...image });
}

/** A key file has a few lines. Bytes. */
const largestKeyFile = 256 << 10;

/** A key may be given by the name of its file. */
async function readSettings(cwd: string, settings: Settings): Promise<Settings> {
  const sshKeys: string[] = [];
  for (const key of settings.sshKeys) {
    if (/^(ssh|ecdsa|sk)-[a-z0-9@.-]+\s/.test(key) || key.includes(" AAAA") || key.startsWith("---")) sshKeys.push(key);
    else sshKeys.push(...(await keysOfFile(resolve(cwd, key), key)));
  }
  return { ...settings, sshKeys };
}

async function keysOfFile(path: string, name: string): Promise<string[]> {
  const bytes = await readSmallFile(path, largestKeyFile).catch((cause: NodeJS.ErrnoException) => {
    const why = cause instanceof SmallFileError ? cause.message : cause.code;
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_SETTINGS", `The key file ${name} cannot be read: ${why}.`, {
      cause,
      hint: "Give a public key, or a file with one, such as ~/.ssh/id_ed25519.pub.",
    });
  });
  const { parseSshPublicKeys, SshKeyError } = await import("../../formats/ssh-public-key.js");
  try {
    return parseSshPublicKeys(bytes).map(({ line }) => line);
  } catch (cause) {
    if (!(cause instanceof SshKeyError)) throw cause;
    throw (await import("../../flash/settings.js")).sshKeyRefused(name, cause);
  }
}
