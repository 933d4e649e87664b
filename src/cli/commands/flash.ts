import type { FlashResult } from "../../api/types.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { Drive } from "../../flash/drive.js";
import type { Settings } from "../../flash/settings.js";
import { ask, canAsk } from "../ask.js";
import type { CommandSpec, Flags, Invocation } from "../command.js";
import { bytesText, durationText, printable, table } from "../render/words.js";

export const flash: CommandSpec = {
  name: "flash",
  summary: "write an image to a card",
  description:
    "Writes an image (.img, .img.zst, .img.xz) to an SD card, a USB drive or a plain file, reads it back past the page cache and compares. Only what the image maps is written. The partition table comes last: whatever stops this early leaves a card that starts nothing. Without --device the drives are listed to choose from; never the system's.",
  arguments: [
    { name: "image", required: false, help: "image, or folder of a build (default: out)", complete: "files" },
  ],
  flags: [
    { name: "device", short: "d", value: "path", help: "the drive (/dev/sdX) or a plain file", complete: "files" },
    { name: "yes", short: "y", help: "do not ask; needs --device" },
    { name: "list", help: "list the drives that can be written, and do nothing" },
    { name: "unmount", help: "unmount what is mounted of the drive first" },
    { name: "hostname", value: "name", help: "the board's name, instead of the image's" },
    {
      name: "ssh-key",
      value: "key",
      help: "a public key, or its file, that may log in as root",
      many: true,
      complete: "files",
    },
    {
      name: "wifi",
      value: "ssid",
      help: "a Wi-Fi network; the passphrase is asked, or taken from EDGEIMG_WIFI_PASSPHRASE",
    },
    { name: "wifi-open", help: "the network has no passphrase" },
    { name: "wifi-country", value: "code", help: "where the board is, such as DE" },
    { name: "set", value: "key=value", help: "a variable for the app", many: true },
  ],
  examples: [
    ["edgeimg flash out/rpi4-ncnn", "choose a card, confirm, write"],
    ["edgeimg flash --list", "which cards and drives are there?"],
    ["edgeimg flash out/rpi4-ncnn --device /dev/sdb --yes", "for scripts"],
    [
      "edgeimg flash --hostname reader-7 --ssh-key ~/.ssh/id_ed25519.pub --set GREETING=hello",
      "settings for this one card",
    ],
    ["edgeimg flash image.img.zst --device card.img", "into a plain file"],
  ],
  run: async (invocation) => {
    const {
      api,
      arguments: [image],
      context,
      flags,
      output,
    } = invocation;
    const { flashImage, listDrives } = api;
    if (flags.on("list")) {
      const drives = await listDrives(context);
      await output.result({ command: "flash list", drives }, listText(drives));
      return 0;
    }
    if (flags.on("yes") && flags.text("device") === undefined) {
      throw new EdgeimgError("ERR_EDGEIMG_USAGE", "--yes needs --device: a drive is never chosen for you.", {
        hint: "`edgeimg flash --list` shows the drives.",
      });
    }
    const result = await flashImage(context, {
      image,
      device: flags.text("device"),
      yes: flags.on("yes"),
      unmount: flags.on("unmount"),
      settings: {
        hostname: flags.text("hostname"),
        sshKeys: flags.list("ssh-key"),
        wifi: await wifi(invocation, flags),
        variables: flags.list("set"),
      },
      choose: (drives) => choose(invocation, drives),
      confirm: async ({ name, path, contents, image: from }) => {
        if (!canAsk(invocation.terminal)) return false;
        const holds = contents.length === 0 ? "" : `It holds: ${contents.join("; ")}.\n`;
        const question = `Everything on ${name} will be lost.\n${holds}Image: ${from}\nType ${path} to go on: `;
        return (await ask(invocation.terminal, printable(question).replace(/\r/g, ""))) === path;
      },
    });
    await output.result({ command: "flash", ...result }, flashText(result));
    return 0;
  },
};

async function wifi({ terminal, context }: Invocation, flags: Flags): Promise<Settings["wifi"]> {
  const ssid = flags.text("wifi");
  const country = flags.text("wifi-country");
  const open = flags.on("wifi-open");
  if (ssid === undefined) {
    if (!open && country === undefined) return undefined;
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", `${open ? "--wifi-open" : "--wifi-country"} needs --wifi.`, {
      hint: "Give the network's name with --wifi.",
    });
  }
  const given = context.env.EDGEIMG_WIFI_PASSPHRASE;
  if (open) {
    if (given === undefined || given === "") return { ssid, key: "open", country };
    throw new EdgeimgError(
      "ERR_EDGEIMG_USAGE",
      "--wifi-open is for a network without a passphrase, and one is given.",
      {
        hint: "Leave --wifi-open out, or unset EDGEIMG_WIFI_PASSPHRASE.",
      },
    );
  }
  const passphrase = given ?? (canAsk(terminal) ? await ask(terminal, `Passphrase of ${printable(ssid)}: `, true) : "");
  if (passphrase !== "") return { ssid, key: { passphrase }, country };
  throw new EdgeimgError("ERR_EDGEIMG_FLASH_SETTINGS", `There is no passphrase for the Wi-Fi network ${ssid}.`, {
    hint: "Nothing was written. Set EDGEIMG_WIFI_PASSPHRASE, run it where it can be asked, or say --wifi-open for a network without one.",
  });
}

async function choose({ terminal }: Invocation, drives: readonly Drive[]): Promise<Drive | undefined> {
  if (!canAsk(terminal)) return undefined;
  const numbered = drives.map((drive, index) => [`${index + 1})`, ...row(drive)]);
  const answer = await ask(terminal, `${printable(table(numbered))}Which one? Number, or empty for none: `);
  return /^\d+$/.test(answer) ? drives[Number(answer) - 1] : undefined;
}

function row({ path, model, bus, size, serial, contents, mounts }: Drive): string[] {
  const mounted = mounts.map(({ folder }) => folder).join(", ");
  return [
    path,
    model || "no name",
    bus || "removable",
    bytesText(size),
    serial === "" ? "" : `serial ${serial}`,
    contents.join("; ") || "empty",
    mounted === "" ? "" : `mounted at ${mounted}`,
  ];
}

export function listText(drives: readonly Drive[]): string {
  return drives.length === 0
    ? "There is no removable, USB or SD drive with a medium.\n"
    : printable(table(drives.map(row)));
}

/** What was done, and what to do next. */
export function flashText(result: FlashResult): string {
  const seconds = (ms: number) => Math.max(ms, 1) / 1000;
  const speed = (ms: number) => `${durationText(ms)}, ${bytesText(Math.round(result.bytes / seconds(ms)))}/s`;
  const lines = [
    `\n${result.name}: ${bytesText(result.bytes)} written (${speed(result.writeMs)}) and verified (${speed(result.verifyMs)})\n`,
  ];
  if (result.settings)
    lines.push("The first boot takes the settings over from edgeimg.txt of the boot partition, and removes it.\n");
  if (result.device.startsWith("/dev/")) {
    lines.push(
      result.ejected
        ? "\nNext: take the card out, put it into the board and give it power.\n"
        : "\nNext: everything is on the medium; take it out, put it into the board and give it power.\n",
    );
  }
  return lines.join("");
}
