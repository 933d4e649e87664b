import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { execute } from "../../src/execute/execute.js";
import { type BlockRange, formatBmap, mergeRanges, parseBmap } from "../../src/formats/bmap.js";
import { treePath } from "../../src/store/store.js";
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
  const mapped = Number(/<MappedBlocksCount> (\d+)/.exec(text)?.[1]) * 4096;
  t.equal(mapped, 4096 + mib + (2 * mib + 4096) + mib, "table, at least the start of each partition, all that is used");
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
  t.strictSame(parseBmap(formatBmap({ ...map, ranges: [] })), { ...map, ranges: [] });
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
