import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import t, { type Test } from "tap";
import { flashImage } from "../../src/api/device/flash.js";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { readFat } from "../../src/formats/fat.js";
import {
  card,
  flashOptions,
  hasTable,
  layers,
  medium,
  mib,
  noSettings,
  sha256,
  simulatedContext,
  testImage,
} from "./simulated.js";

/** Must-show 1: what is refused, and what a card is like after each failure. Everything below `src/flash` is real but for the drive itself. */
const size = 64 * mib;
const made = testImage();

function project(t: Test, image = made): string {
  return t.testdir({ "disk.img": image.image, "disk.img.bmap": image.bmap });
}

t.test("a card gets the image's mapped blocks, the partition table last", async (t) => {
  const { context, events } = simulatedContext(project(t));
  const to = medium(size);
  const below = layers([[card(size)]], to);
  const result = await flashImage(context, flashOptions(), below);
  for (const { first, last } of made.ranges) {
    const part = (bytes: Buffer) => bytes.subarray(first * 4096, (last + 1) * 4096);
    t.ok(part(to.bytes).equals(part(made.image)), `blocks ${first}-${last}`);
  }
  t.equal(to.bytes[8 * mib + 8 * mib - 1], 0xa5, "what is not mapped was not written");
  t.ok(
    to.bytes.subarray(4096, mib).every((byte) => byte === 0),
    "the rest of the first MiB is zero",
  );
  t.ok(
    to.bytes.subarray(size - mib).every((byte) => byte === 0),
    "so is the last: a GPT's copy was there",
  );
  const writes = to.log.filter((line) => line.startsWith("write"));
  t.equal(writes[0], `write 0+${mib}`, "the old table goes first");
  t.equal(writes.at(-1), "write 0+4096", "the new one comes last");
  t.ok(to.log.lastIndexOf(`read ${16 * mib}+${mib}`) < to.log.lastIndexOf("write 0+4096"), "after all was read back");
  t.match(result, { bytes: 4096 * (1 + 1501 + 256 + 256), checkedBy: ["disk.img.bmap"], ejected: true, direct: true });
  t.strictSame(below.calls, ["list", "open drive /dev/sdx", "list", "eject"]);
  const progress = events.filter((event) => event.type === "step-progress");
  t.match(progress.at(-1), { step: "flash/verify", done: result.bytes, total: result.bytes, msLeft: 0 });
  t.ok(progress.every((event) => (event.bytesPerSecond ?? 1) > 0));
});

t.test("zeros are written only where the card has something else", async (t) => {
  const { context } = simulatedContext(project(t));
  const to = medium(size);
  to.bytes.fill(0);
  await flashImage(context, flashOptions(), layers([[card(size)]], to));
  const zeros = { from: 20 * mib, to: 21 * mib };
  const written = to.log.flatMap((line) => {
    const [, at, length] = /^write (\d+)\+(\d+)$/.exec(line) ?? [];
    return at === undefined ? [] : [{ from: Number(at), to: Number(at) + Number(length) }];
  });
  t.ok(written.length > 2);
  t.notOk(
    written.some(({ from, to: end }) => from < zeros.to && end > zeros.from),
    "the image's empty blocks",
  );
  t.equal(written.filter(({ from }) => from < mib).length, 1, "the first MiB: only the new table");
  t.notOk(
    written.some(({ to: end }) => end > size - mib),
    "the last MiB",
  );
});

t.test("what cannot be read is cleared all the same", async (t) => {
  const { context } = simulatedContext(project(t));
  let broken = true;
  const to = medium(size, {
    onWrite: (_, at) => {
      if (at === size - mib) broken = false;
    },
    onRead: (_, at) => {
      if (broken && at === size - mib) throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    },
  });
  await flashImage(context, flashOptions(), layers([[card(size)]], to));
  t.ok(to.bytes.subarray(size - mib).every((byte) => byte === 0));
});

t.test("a card that fails to sync is reported, and has no partition table", async (t) => {
  const { context } = simulatedContext(project(t));
  const to = medium(size);
  const target = { ...to.target, sync: () => Promise.reject(new Error("EIO: i/o error, fsync")) };
  await t.rejects(flashImage(context, flashOptions(), layers([[card(size)]], { ...to, target })), {
    code: "ERR_EDGEIMG_FLASH_IO",
    message: /sync: EIO/,
  });
  t.notOk(hasTable(to.bytes));
});

t.test("the copies of an old ext4 superblock are cleared, so that old data does not come back", async (t) => {
  const { context } = simulatedContext(project(t));
  const to = medium(size);
  await flashImage(context, flashOptions(), layers([[card(size)]], to));
  // Data begins at 16 MiB. Blocks of 1 KiB: groups of 8 MiB, the first block is number 1.
  for (const group of [1, 3, 5]) {
    const at = 16 * mib + group * 8 * mib + 1024;
    t.ok(
      to.bytes.subarray(at, at + 1024).every((byte) => byte === 0),
      `group ${group}`,
    );
  }
  t.equal(to.bytes[16 * mib + 2 * 8 * mib + 1024], 0xa5, "group 2 has none");
});

const refusals = [
  { name: "a card that is too small", drive: card(16 * mib), code: "ERR_EDGEIMG_FLASH_TOO_SMALL" },
  {
    name: "a mounted card",
    drive: card(size, { mounts: [{ device: "/dev/sdx1", folder: "/media/me/OLD" }] }),
    code: "ERR_EDGEIMG_FLASH_MOUNTED",
  },
  { name: "the system's drive", drive: card(size, { system: ["/"] }), code: "ERR_EDGEIMG_FLASH_SYSTEM_DRIVE" },
  {
    name: "a fixed drive",
    drive: card(size, { removable: false, bus: "sata", suitable: false }),
    code: "ERR_EDGEIMG_FLASH_SYSTEM_DRIVE",
  },
  {
    name: "a card with an open LUKS volume",
    drive: card(size, { holders: ["/dev/dm-3"] }),
    code: "ERR_EDGEIMG_FLASH_MOUNTED",
  },
  { name: "a reader without a card", drive: card(0), code: "ERR_EDGEIMG_FLASH_NO_DEVICE" },
  { name: "a write-protected card", drive: card(size, { readOnly: true }), code: "ERR_EDGEIMG_FLASH_IO" },
  { name: "a drive that is not there", drive: card(size, { path: "/dev/sdy" }), code: "ERR_EDGEIMG_FLASH_NO_DEVICE" },
];
for (const { name, drive, code } of refusals) {
  t.test(`${name} is refused and not opened`, async (t) => {
    const { context } = simulatedContext(project(t));
    const below = layers([[drive]], medium(size));
    // Even the strongest flags do not help.
    const unmount = code !== "ERR_EDGEIMG_FLASH_MOUNTED";
    await t.rejects(flashImage(context, flashOptions({ unmount }), below), { code, hint: /\w/ });
    t.notOk(below.calls.some((call) => call.startsWith("open")));
  });
}

t.test("a partition is refused, and its drive named", async (t) => {
  const { context } = simulatedContext(project(t));
  const below = layers([[card(size)]], medium(size));
  await t.rejects(flashImage(context, flashOptions({ device: "/dev/sdx1" }), below), {
    code: "ERR_EDGEIMG_FLASH_NO_DEVICE",
    hint: "Give --device /dev/sdx.",
  });
});

t.test("a mounted card is unmounted when that was asked for", async (t) => {
  const { context } = simulatedContext(project(t));
  const mounted = card(size, { mounts: [{ device: "/dev/sdx1", folder: "/media/me/OLD" }] });
  const below = layers([[mounted], [card(size)]], medium(size));
  await flashImage(context, flashOptions({ unmount: true }), below);
  t.strictSame(below.calls.slice(0, 3), ["list", "unmount /media/me/OLD", "open drive /dev/sdx"]);
});

t.test("without an answer nothing is written", async (t) => {
  const { context } = simulatedContext(project(t));
  const to = medium(size);
  const before = Buffer.from(to.bytes);
  const asked: string[] = [];
  const options = flashOptions({
    yes: false,
    confirm: async ({ name }) => {
      asked.push(name);
      return false;
    },
  });
  await t.rejects(flashImage(context, options, layers([[card(size)]], to)), {
    code: "ERR_EDGEIMG_FLASH_NOT_CONFIRMED",
  });
  t.strictSame(asked, ["Test Reader, 67 MB, usb, serial 0001, /dev/sdx"], "asked by name and size");
  t.ok(to.bytes.equals(before));
});

for (const [name, after] of [
  ["another card", [card(size, { serial: "0002" })]],
  ["the same kind of card, put in anew", [card(size, { sequence: "8" })]],
  ["a larger card", [card(2 * size)]],
  ["nothing", []],
] as const) {
  t.test(`swapped for ${name} between choice and write`, async (t) => {
    const { context } = simulatedContext(project(t));
    const to = medium(size);
    const before = Buffer.from(to.bytes);
    await t.rejects(flashImage(context, flashOptions(), layers([[card(size)], after], to)), {
      code: "ERR_EDGEIMG_FLASH_SWAPPED",
      hint: /Nothing was written/,
    });
    t.ok(to.bytes.equals(before), "not a byte was written");
  });
}

for (const [errno, code, words] of [
  ["EACCES", "ERR_EDGEIMG_FLASH_RIGHTS", /setfacl -m u:\S+:rw \/dev\/sdx.*sudo.*usermod -aG disk/s],
  ["EBUSY", "ERR_EDGEIMG_FLASH_MOUNTED", /^$/],
  ["ENOMEDIUM", "ERR_EDGEIMG_FLASH_IO", /^$/],
] as const) {
  t.test(`a drive that cannot be opened: ${errno}`, async (t) => {
    const { context } = simulatedContext(project(t));
    const below = {
      ...layers([[card(size)]], medium(size)),
      openTarget: () => Promise.reject(Object.assign(new Error(`${errno}: open`), { code: errno })),
    };
    await t.rejects(flashImage(context, flashOptions(), below), { code, hint: /\w/ });
    const error = await flashImage(context, flashOptions(), below).catch((thrown: unknown) => thrown);
    t.match((error instanceof EdgeimgError ? error.details : []).join("\n"), words);
  });
}

t.test("an I/O error in the middle leaves no partition table", async (t) => {
  const { context, events } = simulatedContext(project(t));
  const to = medium(size, {
    onWrite: (_, at) => {
      if (at === 8 * mib) throw Object.assign(new Error("EIO: i/o error, write"), { code: "EIO" });
    },
  });
  await t.rejects(flashImage(context, flashOptions(), layers([[card(size)]], to)), {
    code: "ERR_EDGEIMG_FLASH_IO",
    message: /Test Reader, 67 MB.*write at byte 8388608: EIO/,
  });
  t.notOk(hasTable(to.bytes));
  t.ok(events.some((event) => event.type === "step-failed" && event.step === "flash/write"));
  t.equal(to.log.at(-1), "close");
});

t.test("a card that forgets what was written is found by reading back, and has no partition table", async (t) => {
  const { context } = simulatedContext(project(t));
  const to = medium(size, {
    onRead: (buffer, at) => {
      if (at === 16 * mib) buffer[77] = (buffer[77] ?? 0) ^ 1;
    },
  });
  await t.rejects(flashImage(context, flashOptions(), layers([[card(size)]], to)), {
    code: "ERR_EDGEIMG_FLASH_VERIFY",
    message: /the bytes from 16777216 to 17825792/,
  });
  t.notOk(hasTable(to.bytes));
});

t.test("a partition table that reads back wrong is taken away", async (t) => {
  const { context } = simulatedContext(project(t));
  const to = medium(size, {
    onRead: (buffer, at) => {
      if (at === 0) buffer[446] = 0x7f;
    },
  });
  await t.rejects(flashImage(context, flashOptions(), layers([[card(size)]], to)), {
    code: "ERR_EDGEIMG_FLASH_VERIFY",
  });
  t.notOk(hasTable(to.bytes));
});

t.test("an image that its map does not fit leaves no partition table", async (t) => {
  const image = Buffer.from(made.image);
  image[5 * mib] = (image[5 * mib] ?? 0) ^ 1;
  const { context } = simulatedContext(project(t, { ...made, image }));
  const to = medium(size);
  await t.rejects(flashImage(context, flashOptions(), layers([[card(size)]], to)), {
    code: "ERR_EDGEIMG_FLASH_SOURCE_HASH",
    message: /bytes from 4194304/,
  });
  t.notOk(hasTable(to.bytes));
  t.notOk(to.bytes.subarray(0, mib).some((byte) => byte !== 0));
});

t.test("an image or a map other than SHA256SUMS says is refused before anything is written", async (t) => {
  const folder = t.testdir({ "disk.img": made.image, SHA256SUMS: `${"0".repeat(64)}  disk.img\n` });
  const { context } = simulatedContext(folder);
  const below = layers([[card(size)]], medium(size));
  await t.rejects(flashImage(context, flashOptions(), below), { code: "ERR_EDGEIMG_FLASH_SOURCE_HASH" });
  writeFileSync(join(folder, "disk.img.bmap"), made.bmap);
  writeFileSync(join(folder, "SHA256SUMS"), `${"0".repeat(64)}  disk.img.bmap\n`);
  await t.rejects(flashImage(context, flashOptions(), below), { code: "ERR_EDGEIMG_FLASH_SOURCE_HASH" });
  writeFileSync(join(folder, "disk.img.bmap"), made.bmap.replace("1024-", "1025-"));
  writeFileSync(join(folder, "SHA256SUMS"), "");
  await t.rejects(flashImage(context, flashOptions(), below), { code: "ERR_EDGEIMG_FLASH_SOURCE_INVALID" });
  t.notOk(below.calls.some((call) => call.startsWith("open")));
});

t.test("Ctrl-C in the middle leaves no partition table, and says so", async (t) => {
  const { context, controller } = simulatedContext(project(t));
  const to = medium(size, {
    onWrite: (_, at) => {
      if (at === 8 * mib) controller.abort(new Error("interrupted"));
    },
  });
  await t.rejects(flashImage(context, flashOptions(), layers([[card(size)]], to)), {
    code: "ERR_EDGEIMG_INTERRUPTED",
    hint: /no partition table/,
  });
  t.notOk(hasTable(to.bytes));
});

t.test("at no moment before the end does the card have a partition table", async (t) => {
  const { context } = simulatedContext(project(t));
  let tables = 0;
  let writes = 0;
  const to = medium(size, {
    onWrite: (_, at) => {
      // Asked before each write, so after the one before.
      if (writes++ > 0 && hasTable(to.bytes)) tables++;
      t.ok(at >= 0);
    },
  });
  await flashImage(context, flashOptions(), layers([[card(size)]], to));
  t.equal(tables, 0);
  t.ok(hasTable(to.bytes));
});

t.test("settings go into the FAT partition, as another reader sees it", async (t) => {
  const fat = brotliDecompressSync(readFileSync(new URL("../fixtures/fat/fat16.img.br", import.meta.url)));
  const withFat = testImage(fat);
  const { context } = simulatedContext(project(t, withFat));
  const to = medium(size);
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me@laptop";
  const settings = { ...noSettings, hostname: "reader-7", sshKeys: [key], variables: ["GREETING=hello there"] };
  const result = await flashImage(context, flashOptions({ settings }), layers([[card(size)]], to));
  t.ok(result.settings);
  const files = readFat(to.bytes.subarray(4 * mib, 4 * mib + fat.length));
  const file = files.find(({ path }) => path === "edgeimg.txt");
  t.equal(
    Buffer.from(file?.read() ?? []).toString(),
    `# Read and removed by the first boot. Made by \`edgeimg flash\`.\nformat=1\nhostname=reader-7\nssh-key=${key}\nset.GREETING=hello there\n`,
  );
  const before = readFat(fat);
  t.equal(files.length, before.length + 1, "the other files are still there");
  for (const old of before) {
    const now = files.find(({ path }) => path === old.path);
    t.equal(sha256(now?.read() ?? new Uint8Array()), sha256(old.read()), old.path);
  }
});

t.test("settings for an image that cannot take them leave no partition table", async (t) => {
  const { context } = simulatedContext(project(t));
  const to = medium(size);
  const settings = { ...noSettings, hostname: "reader-7" };
  await t.rejects(flashImage(context, flashOptions({ settings }), layers([[card(size)]], to)), {
    code: "ERR_EDGEIMG_FLASH_SETTINGS",
  });
  t.notOk(hasTable(to.bytes));
});

t.test("--ssh-key is refused for an image without a server", async (t) => {
  const folder = project(t);
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ image: { file: "disk.img" }, files: [] }));
  const { context } = simulatedContext(folder);
  const settings = {
    ...noSettings,
    sshKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
  };
  await t.rejects(flashImage(context, flashOptions({ settings }), layers([[card(size)]], medium(size))), {
    code: "ERR_EDGEIMG_FLASH_SETTINGS",
    hint: /server: true/,
  });
});

t.test("--wifi is refused for an image without Wi-Fi, before anything is written", async (t) => {
  const folder = project(t);
  const files = [{ part: "root", path: "usr/bin/busybox" }];
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ image: { file: "disk.img" }, files }));
  const { context } = simulatedContext(folder);
  const settings = { ...noSettings, wifi: { ssid: "Home", key: "open", country: undefined } as const };
  const to = medium(size);
  const before = Buffer.from(to.bytes);
  await t.rejects(flashImage(context, flashOptions({ settings }), layers([[card(size)]], to)), {
    code: "ERR_EDGEIMG_FLASH_SETTINGS",
    hint: /system: { wifi: {} }/,
  });
  t.ok(before.equals(to.bytes));
});
