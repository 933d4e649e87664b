import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { execute } from "../../src/execute/execute.js";
import { type BlockRange, formatBmap, mergeRanges, parseBmap } from "../../src/formats/bmap.js";
import { readPartitions } from "../../src/formats/partitions.js";
import { treePath } from "../../src/store/store.js";
import { diskNames, fixtureDisk } from "../helpers/disks.js";
import { randomFrom } from "../helpers/random.js";
import { testPlan, testServices } from "../helpers/services.js";

const sha256 = (data: Buffer | string) => createHash("sha256").update(data).digest("hex");

/** A reader of its own: checks a block map against an image as a flasher does, and gives what would be written. */
function flash(text: string, image: Buffer): Buffer {
  const field = (name: string) => new RegExp(`<${name}> *([^<]*?) *</${name}>`).exec(text)?.[1] ?? "";
  const own = field("BmapFileChecksum");
  if (own !== sha256(text.replace(own, "0".repeat(64)))) throw new Error("the map's own checksum is wrong");
  const blockSize = Number(field("BlockSize"));
  if (Number(field("ImageSize")) !== image.length) throw new Error("another image's size");
  if (Number(field("BlocksCount")) !== Math.ceil(image.length / blockSize)) throw new Error("number of blocks");
  if (field("ChecksumType") !== "sha256") throw new Error("checksum type");
  const card = Buffer.alloc(image.length);
  let mapped = 0;
  let before = -1;
  for (const [, sum, first = "", last = first] of text.matchAll(
    /<Range chksum="([0-9a-f]{64})"> (\d+)(?:-(\d+))? <\/Range>/g,
  )) {
    if (Number(first) <= before || Number(last) < Number(first)) throw new Error("ranges out of order");
    const part = image.subarray(Number(first) * blockSize, (Number(last) + 1) * blockSize);
    if (sha256(part) !== sum) throw new Error(`range ${first}-${last}`);
    part.copy(card, Number(first) * blockSize);
    mapped += Number(last) - Number(first) + 1;
    before = Number(last);
  }
  if (mapped !== Number(field("MappedBlocksCount"))) throw new Error("number of mapped blocks");
  return card;
}

async function mapOf(t: Test, image: Buffer): Promise<string> {
  const folder = t.testdir({ cache: {}, disk: {} });
  writeFileSync(join(folder, "disk/card.img"), image);
  const services = await testServices(join(folder, "cache"));
  const plan = testPlan([
    { id: "disk", kind: "local", params: { path: join(folder, "disk") } },
    { id: "bmap", kind: "bmap", inputs: { disk: "disk" }, params: {} },
  ]);
  const tree = treePath(services.store, (await execute(plan, ["bmap"], services)).get("bmap")?.digest ?? "");
  t.same(readdirSync(tree), ["card.img.bmap"]);
  return readFileSync(join(tree, "card.img.bmap"), "utf8");
}

/** An image with an MBR; sizes and offsets in bytes. */
function disk(size: number, partitions: readonly { readonly offset: number; readonly size: number }[]): Buffer {
  const image = Buffer.alloc(size);
  for (const [index, { offset, size: length }] of partitions.entries()) {
    const at = 446 + 16 * index;
    image[at + 4] = 0x83;
    image.writeUInt32LE(offset / 512, at + 8);
    image.writeUInt32LE(length / 512, at + 12);
  }
  image.set([0x55, 0xaa], 510);
  return image;
}

const mib = 2 ** 20;

t.test("ranges are sorted and merged", async (t) => {
  const table: readonly [readonly (readonly [number, number])[], readonly (readonly [number, number])[]][] = [
    [[], []],
    [[[0, 0]], [[0, 0]]],
    [
      [
        [5, 9],
        [0, 3],
      ],
      [
        [0, 3],
        [5, 9],
      ],
    ],
    [
      [
        [0, 3],
        [4, 9],
      ],
      [[0, 9]],
    ],
    [
      [
        [0, 9],
        [2, 3],
      ],
      [[0, 9]],
    ],
    [
      [
        [2, 3],
        [0, 9],
        [9, 12],
        [14, 14],
      ],
      [
        [0, 12],
        [14, 14],
      ],
    ],
  ];
  const asRanges = (pairs: readonly (readonly [number, number])[]): BlockRange[] =>
    pairs.map(([first, last]) => ({ first, last }));
  for (const [input, output] of table) t.same(mergeRanges(asRanges(input)), asRanges(output), JSON.stringify(input));
});

t.test("the text of a map", async (t) => {
  const text = formatBmap({
    imageSize: 9000,
    blockSize: 4096,
    ranges: [
      { first: 0, last: 0, sha256: "a".repeat(64) },
      { first: 2, last: 2, sha256: "b".repeat(64) },
    ],
  });
  t.match(
    text,
    '<?xml version="1.0" ?>\n<bmap version="2.0">\n  <ImageSize> 9000 </ImageSize>\n  <BlockSize> 4096 </BlockSize>\n  <BlocksCount> 3 </BlocksCount>\n  <MappedBlocksCount> 2 </MappedBlocksCount>',
  );
  t.match(text, `<Range chksum="${"a".repeat(64)}"> 0 </Range>\n    <Range chksum="${"b".repeat(64)}"> 2 </Range>`);
});

t.test("a card flashed by the map holds every partition's content", async (t) => {
  const image = disk(9 * mib, [
    { offset: mib, size: 2 * mib },
    { offset: 3 * mib, size: 4 * mib },
    { offset: 7 * mib, size: 2 * mib },
  ]);
  image.fill(7, mib + 100, mib + 200);
  image.fill(9, 3 * mib, 3 * mib + 2 * mib + 5);
  image[3 * mib + 5000] = 0;
  const text = await mapOf(t, image);
  t.same(flash(text, image), image);
  t.strictSame(
    rangesOf(text),
    ["0", "256-2047"],
    "content that is not understood: all of it; the start of what is empty",
  );
});

/** What a card holds of an image whose blocks outside of the map are full of an older use. */
function onUsedCard(text: string, image: Buffer): Buffer {
  const card = Buffer.alloc(image.length, 0xa5);
  for (const range of rangesOf(text)) {
    const [first = 0, last = first] = range.split("-").map(Number);
    image.copy(card, first * 4096, first * 4096, (last + 1) * 4096);
  }
  return card;
}

function rangesOf(text: string): string[] {
  return [...text.matchAll(/> ([\d-]+) <\/Range>/g)].map(([, range = ""]) => range);
}

t.test("raw bootloaders before the first partition are mapped, with the zeros at their end", async (t) => {
  for (const name of diskNames.filter((one) => one.startsWith("genimage"))) {
    const image = fixtureDisk(name);
    const card = onUsedCard(await mapOf(t, image), image);
    for (const [from, length] of [
      [32 << 10, 50_000],
      [mib, 400_000],
      // The file system uses less than its partition, but a card's older content must not show in it.
      [8 * mib, 2_000_000],
    ] as const)
      t.ok(
        card.subarray(from, from + length).equals(image.subarray(from, from + length)),
        `${name}: ${length} bytes at ${from}`,
      );
  }
});

t.test("a card flashed by the map of a real disk has the same partition table, with its copy", async (t) => {
  for (const name of diskNames) {
    const image = fixtureDisk(name);
    const card = onUsedCard(await mapOf(t, image), image);
    const read = (disk: Buffer) =>
      readPartitions(async (at, length) => disk.subarray(at, at + length), { size: disk.length, copy: "check" });
    t.strictSame(await read(card), await read(image), name);
  }
});

t.test("what is used of a FAT is mapped up to a file's last zeros", async (t) => {
  const image = fixtureDisk("genimage-raw-mbr");
  const before = rangesOf(await mapOf(t, image)).join();
  // A file of zeros: the clusters 2000 to 2015 are taken (FAT12, so one and a half bytes each).
  for (const fat of [1, 1 + image.readUInt16LE(4 * mib + 22)]) {
    const at = 4 * mib + fat * 512;
    for (let cluster = 2000; cluster < 2016; cluster += 2) image.set([0xff, 0xff, 0xff], at + (cluster * 3) / 2);
  }
  const after = rangesOf(await mapOf(t, image)).join();
  t.not(before, after);
  const end = 4 * mib + dataAt(image.subarray(4 * mib)) + 2014 * image.readUInt8(4 * mib + 13) * 512;
  t.ok(covers(await mapOf(t, image), end - 1), `byte ${end - 1}`);
});

function dataAt(fat: Buffer): number {
  return (fat.readUInt16LE(14) + fat.readUInt8(16) * fat.readUInt16LE(22)) * 512 + fat.readUInt16LE(17) * 32;
}

function covers(text: string, at: number): boolean {
  return rangesOf(text).some((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return at >= first * 4096 && at < (last + 1) * 4096;
  });
}

t.test("a damaged GPT is mapped whole", async (t) => {
  const image = fixtureDisk("sgdisk-gpt");
  image[1024] = 0;
  t.strictSame(rangesOf(await mapOf(t, image)), [`0-${image.length / 4096 - 1}`]);
});

t.test("the start of an empty partition is written too: an old file system there must go", async (t) => {
  const image = disk(4 * mib, [{ offset: mib, size: 3 * mib }]);
  const text = await mapOf(t, image);
  t.same(
    [...text.matchAll(/> ([\d-]+) <\/Range>/g)].map(([, range]) => range),
    ["0", "256-511"],
  );
  t.same(flash(text, image), image);
});

t.test("random images: what the map leaves out is zero", async (t) => {
  const random = randomFrom(11);
  for (let round = 0; round < 6; round++) {
    const size = 5 * mib + Math.floor(random() * 8) * 512;
    const image = disk(size, [
      { offset: 512 * Math.floor(8 + random() * 4000), size: 512 * Math.floor(1 + random() * 2000) },
      { offset: 3 * mib + 512 * Math.floor(random() * 100), size: 2 * mib },
    ]);
    for (let spot = 0; spot < random() * 5; spot++) {
      const at = 3 * mib + 100 * 512 + Math.floor(random() * (mib - 51_200));
      image[at] = 1 + Math.floor(random() * 254);
    }
    t.same(flash(await mapOf(t, image), image), image, `round ${round}`);
  }
});

t.test("an image without a partition table is mapped whole", async (t) => {
  const image = Buffer.alloc(10_000, 1);
  const text = await mapOf(t, image);
  t.same(
    [...text.matchAll(/> ([\d-]+) <\/Range>/g)].map(([, range]) => range),
    ["0-2"],
  );
  t.same(flash(text, image), image);
});

t.test("another byte in the image is noticed by a flasher", async (t) => {
  const image = disk(3 * mib, [{ offset: mib, size: 2 * mib }]);
  const text = await mapOf(t, image);
  image[mib + 77] = 1;
  t.throws(() => flash(text, image), /range/);
});

t.test("a map that was written is read back; a damaged one is refused", async (t) => {
  const ranges = [
    { first: 0, last: 0, sha256: sha256("a") },
    { first: 3, last: 9, sha256: sha256("b") },
  ];
  const map = { imageSize: 40_000, blockSize: 4096, ranges };
  const text = formatBmap(map);
  t.strictSame(parseBmap(text), map);
  t.throws(() => parseBmap(formatBmap({ ...map, ranges: [] })), { message: "it maps no block at all" });
  t.throws(() => parseBmap(formatBmap({ ...map, ranges: ranges.slice(1) })), { message: /leaves out the first block/ });
  const own = /<BmapFileChecksum> (\w+)/.exec(text)?.[1] ?? "";
  /** With its own hash made right again: what is left to find is the contents. */
  const rehashed = (changed: string) => {
    const zeroed = changed.replace(own, "0".repeat(64));
    return zeroed.replace("0".repeat(64), sha256(zeroed));
  };
  t.strictSame(parseBmap(rehashed(text)), map, "the helper does what it says");
  for (const [from, to] of [
    ['version="2.0"', 'version="1.3"'],
    ["> sha256 <", "> sha1 <"],
    ["> 3-9 <", "> 0-6 <"],
    ["> 3-9 <", "> 9-3 <"],
    ["> 3-9 <", "> 4-10 <"],
    ["> 3-9 <", "> 3-8 <"],
    ["> 40000 <", "> 50000 <"],
    ["<BlockSize>", "<BlockSize> 1 </BlockSize><BlockSize>"],
    [`chksum="${sha256("b")}"`, ""],
  ] as const) {
    t.ok(text.includes(from), from);
    t.throws(() => parseBmap(rehashed(text.replace(from, to))), { name: "BmapError" }, `${from} -> ${to}`);
  }
  t.throws(() => parseBmap(text.replace("3-9", "4-9")), { message: "its own hash is another" });
  t.throws(() => parseBmap(""), { name: "BmapError" });
});
