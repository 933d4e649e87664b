import { envName, envValue, hostname } from "../config/project-schema.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { FatError, isFatBootSector } from "../formats/fat.js";
import { type FatPatch, planFatFile } from "../formats/fat-add.js";
import { findPartition, type PartitionTable, sectorSize } from "../formats/partitions.js";
import { parseSshPublicKey, SshKeyError } from "../formats/ssh-public-key.js";
import { alignment } from "./buffers.js";
import { edge } from "./stale.js";
import type { Target } from "./target.js";

/** What a card may carry to its first boot. */
export interface Settings {
  readonly hostname: string | undefined;
  /** Public keys, as in id_ed25519.pub. */
  readonly sshKeys: readonly string[];
  readonly wifi:
    | {
        readonly ssid: string;
        /** An open network is one only by the word: a passphrase that was forgotten must not make one. */
        readonly key: "open" | { readonly passphrase: string };
        readonly country: string | undefined;
      }
    | undefined;
  /** KEY=VALUE of the app's environment. */
  readonly variables: readonly string[];
}

/** Name of the file in the boot partition, as FAT keeps it; `recipes/init/rootfs/usr/lib/edgeimg/settings` reads it. */
export const settingsName = "EDGEIMG.TXT";
/** What that script reads at most. Bytes. */
const maxSize = 32_768;
/** Variables that would change the system's scripts or how the app is started; that script refuses them as well. */
const reserved = /^(PATH|HOME|TMPDIR|IFS|ENV|PS[0-9]|OPTIND|PPID|PWD|SHELL|USER|LD_.*|EDGEIMG_.*)$/;

/** The file's text: KEY=VALUE lines. Throws ERR_EDGEIMG_FLASH_SETTINGS for what the board would refuse. */
export function formatSettings(settings: Settings): string {
  const lines = ["# Read and removed by the first boot. Made by `edgeimg flash`.", "format=1"];
  const check = (
    flag: string,
    schema: { safeParse: (value: string) => { success: boolean } },
    value: string,
    what: string,
  ) => {
    if (!schema.safeParse(value).success) throw illFormed(flag, what);
    return value;
  };
  if (settings.hostname !== undefined) {
    const what = "lower-case letters, digits and inner dashes, at most 63";
    lines.push(`hostname=${check("--hostname", hostname, settings.hostname, what)}`);
  }
  for (const key of settings.sshKeys) lines.push(`ssh-key=${sshKeyLine(key)}`);
  if (settings.wifi !== undefined) lines.push(...wifiLines(settings.wifi));
  const names = new Set<string>();
  for (const pair of settings.variables) {
    const at = pair.indexOf("=");
    const name = pair.slice(0, Math.max(at, 0));
    check("--set", envName, name, "KEY=VALUE, the key of letters, digits and _");
    check("--set", envValue, pair.slice(at + 1), "KEY=VALUE, the value one line of text");
    if (reserved.test(name)) throw illFormed("--set", `a variable other than ${name}: that one is the system's`);
    if (names.has(name)) throw illFormed("--set", `each variable once; ${name} is there twice`);
    names.add(name);
    lines.push(`set.${pair}`);
  }
  const text = `${lines.join("\n")}\n`;
  if (Buffer.byteLength(text) > maxSize) throw illFormed("These settings", `at most ${maxSize} bytes`);
  return text;
}

function sshKeyLine(key: string): string {
  try {
    return parseSshPublicKey(key).line;
  } catch (cause) {
    if (!(cause instanceof SshKeyError)) throw cause;
    throw sshKeyRefused("--ssh-key", cause);
  }
}

/** @param where the flag, or the file that it names */
export function sshKeyRefused(where: string, cause: SshKeyError): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FLASH_SETTINGS", `${where} is no usable public key: ${cause.message}.`, {
    cause,
    hint: "Nothing was written. Give a public key, or a file with one, such as ~/.ssh/id_ed25519.pub.",
  });
}

/**
 * The passphrase itself is written, as WPA3 needs it: the key that can be made of it is one of WPA2 alone. 64 hexadecimal digits are such a key,
 * as `wpa_passphrase` prints it.
 */
function wifiLines({ ssid, key, country }: NonNullable<Settings["wifi"]>): string[] {
  const length = Buffer.byteLength(ssid);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is refused
  if (length < 1 || length > 32 || /[\u0000-\u001f\u007f]/.test(ssid))
    throw illFormed("--wifi", "a network's name, 1 to 32 bytes");
  if (country !== undefined && !/^[A-Z]{2}$/.test(country))
    throw illFormed("--wifi-country", "two capital letters, such as DE");
  return [
    `wifi-ssid=${ssid}`,
    ...(key === "open" ? [] : [keyLine(key.passphrase)]),
    ...(country === undefined ? [] : [`wifi-country=${country}`]),
  ];
}

function keyLine(passphrase: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(passphrase)) return `wifi-psk=${passphrase.toLowerCase()}`;
  if (!/^[ -~]{8,63}$/.test(passphrase)) {
    const what = "8 to 63 letters, digits and signs of ASCII, or the network's key as 64 hexadecimal digits";
    throw illFormed(
      "The Wi-Fi passphrase",
      passphrase === "" ? `${what}; --wifi-open is for a network without one` : what,
    );
  }
  return `wifi-passphrase=${passphrase}`;
}

function illFormed(flag: string, what: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FLASH_SETTINGS", `${flag} must be ${what}.`, {
    hint: "Nothing was written. docs/flash.md tells what each setting may hold.",
  });
}

/**
 * Puts the file into the FAT partition of an image that lies on the target, and reads it back. The partition table is not there yet: it is
 * the image's.
 * @param scratch an aligned buffer
 */
export async function writeSettings(
  target: Target,
  { text, table, scratch }: { text: string; table: PartitionTable; scratch: Uint8Array },
): Promise<void> {
  const partition = await findPartition(table, async ({ offset }) =>
    isFatBootSector(await readBytes(target, scratch, { at: offset, length: sectorSize })),
  );
  if (partition === undefined || partition.offset < edge) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_FLASH_SETTINGS",
      "The image has no boot partition that settings could be written to.",
      {
        hint: "Settings need an image that `edgeimg build` made. The target has no partition table now: write it again without them.",
      },
    );
  }
  const { offset, size } = partition;
  try {
    const read = async (at: number, length: number): Promise<Uint8Array> => {
      if (at + length > size) throw new FatError("it is cut off");
      return await readBytes(target, scratch, { at: offset + at, length });
    };
    for (const { at, bytes } of await planFatFile(read, { name: settingsName, content: Buffer.from(text) }))
      await patch(target, scratch, { at: offset + at, bytes });
  } catch (cause) {
    if (!(cause instanceof FatError)) throw cause;
    const message = `The boot partition cannot take the settings: ${cause.message}.`;
    throw new EdgeimgError("ERR_EDGEIMG_FLASH_SETTINGS", message, {
      cause,
      hint: "Raise `image.bootSize`, or write the image without settings.",
    });
  }
}

async function readBytes(
  target: Target,
  scratch: Uint8Array,
  place: { at: number; length: number },
): Promise<Uint8Array> {
  const result = new Uint8Array(place.length);
  for (let done = 0; done < place.length; ) {
    const from = Math.floor((place.at + done) / alignment) * alignment;
    const skip = place.at + done - from;
    const length = Math.min(scratch.length, Math.ceil((skip + place.length - done) / alignment) * alignment);
    const block = scratch.subarray(0, length);
    await target.read(block, from);
    const part = block.subarray(skip, skip + place.length - done);
    result.set(part, done);
    done += part.length;
  }
  return result;
}

/** Writes whole blocks, with what lies around the bytes, and reads them back. No patch is as long as the scratch buffer. */
async function patch(target: Target, scratch: Uint8Array, { at, bytes }: FatPatch): Promise<void> {
  const from = Math.floor(at / alignment) * alignment;
  const block = scratch.subarray(0, Math.ceil((at + bytes.length - from) / alignment) * alignment);
  await target.read(block, from);
  block.set(bytes, at - from);
  const expected = Uint8Array.from(block);
  await target.write(block, from);
  await target.read(block.fill(0), from);
  if (Buffer.compare(block, expected) === 0) return;
  throw new EdgeimgError("ERR_EDGEIMG_FLASH_VERIFY", "The settings could not be read back as they were written.", {
    hint: "The card is worn or the reader is bad: use others.",
  });
}
