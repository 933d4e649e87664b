import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import t from "tap";
import { openSource } from "../../src/flash/source.js";
import { formatBmap } from "../../src/formats/bmap.js";
import { fixtureDisk } from "../helpers/disks.js";
import { sha256, testImage } from "./simulated.js";

const mib = 2 ** 20;
const { signal } = new AbortController();
const html = "<!DOCTYPE html>\n<html><title>Sign in</title></html>\n";
const disk = fixtureDisk("genimage-raw-gpt");
const mbr = fixtureDisk("genimage-raw-mbr");
const fat = mbr.subarray(4 * mib, 8 * mib);
const pack = (program: "xz" | "zstd", bytes: Uint8Array | string) =>
  execFileSync(program, ["-c", "-q", ...(program === "xz" ? ["-0"] : [])], { input: bytes, maxBuffer: 2 ** 26 });
const iso = Buffer.alloc(40_000);
iso.write("CD001", 32769);

/** Name, content, and why it is refused. */
const rows: readonly (readonly [name: string, content: Uint8Array | string, why: RegExp])[] = [
  ["page.img", html, /no partition table, it is a web page/],
  ["page.img.xz", html, /name says xz-compressed, but it is a web page/],
  ["page.img.zst", html, /name says zst-compressed, but it is a web page/],
  ["packed-page.img.xz", pack("xz", html), /no partition table in it, it is a web page/],
  ["packed-page.img.zst", pack("zstd", html), /no partition table in it, it is a web page/],
  ["x.img.bmap", testImage().bmap, /it is a block map/],
  ["map-as-image.img", testImage().bmap, /it is a block map/],
  ["manifest.json", '{"image": {}}', /it is JSON/],
  ["notes.img", "just some words\n", /it is text/],
  ["utf16.img", Buffer.from("\ufeffwords", "utf16le"), /it is text/],
  ["pointer.img", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", /Git LFS pointer/],
  ["empty.img", "", /it is empty/],
  ["zeros.img", Buffer.alloc(mib), /nothing but zeros/],
  ["noise.img", brotliCompressSync(disk), /no partition table/],
  ["zlib.img", deflateSync(disk), /no partition table/],
  ["fat.img", fat, /a FAT file system without a partition table/],
  ["cd.img", iso, /CD image/],
  ["gzip.img", gzipSync(disk), /it is gzip-compressed data/],
  ["gzip.img.gz", gzipSync(disk), /it is gzip-compressed data/],
  ["xz-as-plain.img", pack("xz", disk), /name says a plain image, but it is xz-compressed/],
  ["zst-as-plain.img", pack("zstd", disk), /name says a plain image, but it is Zstandard-compressed/],
  ["zst-as-xz.img.xz", pack("zstd", disk), /name says xz-compressed, but it is Zstandard-compressed/],
  ["plain-as-xz.img.xz", disk, /name says xz-compressed, but it is something else/],
  ["twice.img.xz", pack("xz", pack("zstd", disk)), /in it, it is Zstandard-compressed/],
  ["archive.img", execFileSync("tar", ["-c", "-C", "/", "etc/hostname"]), /a tar archive/],
  ["cut-gpt.img", disk.subarray(0, disk.length - mib), /cut off: the GPT's copy/],
  ["cut-mbr.img", mbr.subarray(0, 5 * mib), /cut off: partition 2/],
  ["cut-within-boot.img", mbr.subarray(0, 4 * mib + 4096), /cut off: partition 1/],
  ["damaged-gpt.img", damaged(), /GPT has entries of another checksum/],
  ["table-of-nothing.img", emptyTable(), /no partition table/],
];

function damaged(): Buffer {
  const copy = Buffer.from(disk);
  copy[1024 + 56] = 0xff;
  return copy;
}

function emptyTable(): Buffer {
  const copy = Buffer.alloc(mib);
  copy.writeUInt16LE(0xaa55, 510);
  return copy;
}

for (const [name, content, why] of rows)
  t.test(`${name} is refused with the reason`, async (t) => {
    const folder = t.testdir({ [name]: Buffer.from(content) });
    const path = join(folder, name);
    await t.rejects(openSource(path, signal), {
      code: "ERR_EDGEIMG_FLASH_SOURCE_INVALID",
      message: why,
      hint: /Nothing was written/,
    });
  });

for (const [name, content] of [
  ["plain.img", disk],
  ["packed.img.xz", pack("xz", disk)],
  ["packed.img.zst", pack("zstd", disk)],
  // Whoever names it as he likes is believed.
  ["sdcard", disk],
  ["mbr-that-ends-before-its-last-partition.img", mbr],
] as const)
  t.test(`${name} is read`, async (t) => {
    const folder = t.testdir({ [name]: content });
    const source = await openSource(join(folder, name), signal);
    t.equal(source.table.partitions.length, 3);
    t.equal(source.map.imageSize, (name.startsWith("mbr") ? mbr : disk).length);
  });

t.test("a map that leaves out the partition table, or is of another image, is refused", async (t) => {
  const folder = t.testdir({ "disk.img": disk });
  const blocks = disk.length / 4096;
  const map = (ranges: readonly (readonly [number, number])[], imageSize = disk.length) =>
    formatBmap({
      imageSize,
      blockSize: 4096,
      ranges: ranges.map(([first, last]) => ({
        first,
        last,
        sha256: sha256(disk.subarray(first * 4096, (last + 1) * 4096)),
      })),
    });
  for (const [what, text, why] of [
    ["nothing", map([]), /maps no block at all/],
    ["without block 0", map([[1, blocks - 1]]), /leaves out the first block/],
    [
      "without the GPT's entries",
      map([
        [0, 0],
        [5, blocks - 1],
      ]),
      /leaves out the bytes from 1024/,
    ],
    ["without the GPT's copy", map([[0, blocks - 6]]), /leaves out the bytes from \d+ to \d+, where/],
    ["of a smaller image", map([[0, 99]], 100 * 4096), /its block map is one of 409600/],
    ["of no map's size", "x".repeat(17 << 20), /larger than 16777216 bytes/],
  ] as const) {
    writeFileSync(join(folder, "disk.img.bmap"), text);
    await t.rejects(
      openSource(join(folder, "disk.img"), signal),
      { code: "ERR_EDGEIMG_FLASH_SOURCE_INVALID", message: why },
      what,
    );
  }
  writeFileSync(join(folder, "disk.img.bmap"), map([[0, blocks - 1]]));
  t.match(await openSource(join(folder, "disk.img"), signal), { checkedBy: ["disk.img.bmap"] });
});

t.test("a pipe beside an image does not keep us waiting", async (t) => {
  for (const name of ["SHA256SUMS", "disk.img.bmap", "manifest.json"]) {
    const folder = t.testdir({ "disk.img": disk });
    execFileSync("mkfifo", [join(folder, name)]);
    await t.rejects(openSource(join(folder, "disk.img"), signal), {
      code: "ERR_EDGEIMG_FLASH_SOURCE_INVALID",
      message: /no plain file/,
    });
  }
});
