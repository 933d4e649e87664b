import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { flashImage, listDrives } from "../../src/api/device/flash.js";
import { flashOptions, hasTable, mib, simulatedContext, testImage } from "./simulated.js";

/** Must-show 1 on plain files and, where the machine has them, on loop devices; read by a reader of its own. */
const made = testImage();

/** Reads a block map and compares each of its blocks in the image with the target; gives the number of blocks that are equal. */
function equalBlocks(t: Test, { bmap, image, target }: { bmap: string; image: Buffer; target: string }): number {
  const file = openSync(target, "r");
  let equal = 0;
  for (const [, first = "", last = first] of bmap.matchAll(/<Range [^>]*>\s*(\d+)(?:-(\d+))?\s*</g)) {
    for (let block = Number(first); block <= Number(last); block++) {
      const bytes = Buffer.alloc(4096);
      readSync(file, bytes, 0, 4096, block * 4096);
      if (bytes.equals(image.subarray(block * 4096, (block + 1) * 4096))) equal++;
      else t.fail(`block ${block} differs`);
    }
  }
  closeSync(file);
  return equal;
}

const blocks = made.ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);

/** Formats that the image may have, made with the machine's own programs where it has these. */
const packers = [
  { name: "disk.img", pack: undefined },
  { name: "disk.img.zst", pack: ["zstd", "-q", "-3"] },
  { name: "disk.img.xz", pack: ["xz", "-0"] },
];

const variants = packers.flatMap(({ name, pack }) => [
  { name, pack, path: process.env.PATH ?? "" },
  ...(pack === undefined ? [] : [{ name, pack, path: "" }]),
]);
for (const { name, pack, path } of variants) {
  const missing = pack !== undefined && spawnSync(pack[0] ?? "", ["--version"]).error !== undefined;
  const title = `${name} to a new file${path === "" ? ", on a machine that cannot unpack it" : ""}`;
  t.test(title, { skip: missing ? `there is no ${pack?.[0]} here` : false }, async (t) => {
    const folder = t.testdir({ [name]: "", "disk.img.bmap": made.bmap });
    const bytes =
      pack === undefined
        ? made.image
        : execFileSync(pack[0] ?? "", pack.slice(1), { input: made.image, maxBuffer: 1 << 28 });
    writeFileSync(join(folder, name), bytes);
    const usual = process.env.PATH;
    t.teardown(() => {
      process.env.PATH = usual;
    });
    process.env.PATH = path;
    const { context } = simulatedContext(folder);
    const result = await flashImage(context, flashOptions({ image: name, device: "card.img", yes: false }));
    const target = join(folder, "card.img");
    t.equal(equalBlocks(t, { bmap: made.bmap, image: made.image, target }), blocks);
    t.ok(readFileSync(target).length === made.image.length);
    t.comment(result.direct ? "read back with O_DIRECT" : "this file system has no O_DIRECT");
  });
}

t.test("an existing file is a card: it keeps its size, and is overwritten only when that is confirmed", async (t) => {
  const folder = t.testdir({ "disk.img": made.image, "disk.img.bmap": made.bmap, "card.img": "old" });
  const target = join(folder, "card.img");
  truncateSync(target, 40 * mib);
  const { context } = simulatedContext(folder);
  const device = "card.img";
  await t.rejects(flashImage(context, flashOptions({ device, yes: false })), {
    code: "ERR_EDGEIMG_FLASH_NOT_CONFIRMED",
  });
  t.equal(readFileSync(target, "latin1").slice(0, 3), "old");
  await flashImage(context, flashOptions({ device }));
  t.equal(readFileSync(target).length, 40 * mib);
  t.equal(equalBlocks(t, { bmap: made.bmap, image: made.image, target }), blocks);
});

t.test("without a map all of the image is written", async (t) => {
  const folder = t.testdir({ "disk.img": made.image });
  const { context, events } = simulatedContext(folder);
  const result = await flashImage(context, flashOptions({ device: "card.img" }));
  t.equal(result.bytes, made.image.length);
  t.ok(readFileSync(join(folder, "card.img")).equals(made.image));
  t.ok(events.some((event) => event.type === "log" && event.level === "warn" && /hash should be/.test(event.message)));
});

t.test("a folder of builds, one of which must be named", async (t) => {
  const folder = t.testdir({ out: { a: { "disk.img": made.image }, b: { "disk.img.zst": "x" } } });
  const { context } = simulatedContext(folder);
  await t.rejects(flashImage(context, flashOptions({ image: undefined, device: "card.img" })), {
    code: "ERR_EDGEIMG_FLASH_NO_IMAGE",
    details: [join(folder, "out/a"), join(folder, "out/b")],
  });
  await flashImage(context, flashOptions({ image: "out/a", device: "card.img" }));
  t.ok(readFileSync(join(folder, "card.img")).equals(made.image));
});

t.test("damaged archives are told as such, and never read for ever", async (t) => {
  const noise = Buffer.alloc(3 * mib, 0x5a);
  const folder = t.testdir({
    "a.img.zst": Buffer.concat([Buffer.from("28b52ffd", "hex"), noise]),
    "b.img.xz": Buffer.concat([Buffer.from("fd377a585a00", "hex"), noise]),
    "c.img.gz": Buffer.from("1f8b08", "hex"),
    "d.img": "",
  });
  const { context } = simulatedContext(folder);
  const usual = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = usual;
  });
  for (const path of [usual, ""]) {
    process.env.PATH = path;
    for (const image of ["a.img.zst", "b.img.xz", "c.img.gz", "d.img"])
      await t.rejects(
        flashImage(context, flashOptions({ image, device: "card.img" })),
        { code: "ERR_EDGEIMG_FLASH_SOURCE_INVALID" },
        `${image}, PATH=${path}`,
      );
  }
});

t.test(
  "the drive that holds / is in no list, and is refused",
  { skip: spawnSync("lsblk").error ? "no lsblk" : false },
  async (t) => {
    const folder = t.testdir({ "disk.img": made.image });
    const { context } = simulatedContext(folder);
    const drives = await listDrives(context);
    t.ok(Array.isArray(drives));
    const source = /\S+ - \S+ (\/dev\/\S+)/.exec(
      readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        .find((line) => line.split(" ")[4] === "/") ?? "",
    )?.[1];
    if (source === undefined) return t.comment("the root of this machine is on no drive");
    t.notOk(drives.some(({ path }) => source.startsWith(path)));
    await t.rejects(flashImage(context, flashOptions({ device: source, unmount: true })), {
      code: /^ERR_EDGEIMG_FLASH_(SYSTEM_DRIVE|NO_DEVICE)$/,
    });
  },
);

/** Attaches a file of this test to a loop device and gives its path. Throws what losetup said. */
function attach(t: Pick<Test, "teardown">, file: string): string {
  const device = execFileSync("losetup", ["--find", "--show", file], { encoding: "utf8", stdio: "pipe" }).trim();
  t.teardown(() => spawnSync("losetup", ["--detach", device]));
  return device;
}

/** Why loop devices cannot be tried here; false when they can. */
function noLoops(): string | false {
  const folder = t.testdir({ probe: Buffer.alloc(mib) });
  try {
    attach(t, join(folder, "probe"));
    return false;
  } catch (error) {
    return `not tried on a loop device: ${error instanceof Error ? error.message : String(error)}`;
  }
}

t.test("a block device", { skip: noLoops() }, async (t) => {
  const folder = t.testdir({
    "disk.img": made.image,
    "disk.img.bmap": made.bmap,
    medium: "",
    small: Buffer.alloc(8 * mib),
  });
  truncateSync(join(folder, "medium"), 40 * mib);
  const device = attach(t, join(folder, "medium"));
  const { context } = simulatedContext(folder);
  const result = await flashImage(context, flashOptions({ device }));
  t.equal(equalBlocks(t, { bmap: made.bmap, image: made.image, target: device }), blocks);
  t.ok(result.direct, "read back with O_DIRECT");

  // Somebody else holds it: the kernel itself says so.
  const holder = openSync(device, constants.O_RDWR | constants.O_EXCL);
  await t.rejects(flashImage(context, flashOptions({ device })), { code: "ERR_EDGEIMG_FLASH_MOUNTED" });
  closeSync(holder);

  const other = attach(t, join(folder, "small"));
  await t.rejects(flashImage(context, flashOptions({ device: other })), { code: "ERR_EDGEIMG_FLASH_TOO_SMALL" });
  t.notOk(hasTable(readFileSync(join(folder, "small"))));
});
