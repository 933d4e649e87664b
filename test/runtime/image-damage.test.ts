import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCanvas } from "@napi-rs/canvas";
import t from "tap";
import { appFolder } from "../helpers/edge-app.js";
import { noise, shown } from "../helpers/image-app.js";
import { dice, overwritten, resized, segments, without, withSegment } from "../helpers/mutations.js";
import { rawPng } from "../helpers/png.js";

const app = await appFolder();
t.teardown(app.remove);

const eoi = Buffer.from([0xff, 0xd9]);
const roll = dice(13);

/** A photograph's mixture of smooth and rough, 160 x 120. */
function photograph(type: "image/jpeg" | "image/webp"): Buffer {
  const canvas = createCanvas(160, 120);
  const context = canvas.getContext("2d");
  const data = context.createImageData(160, 120);
  for (let i = 0; i < data.data.length; i++)
    data.data[i] = i % 4 === 3 ? 255 : 128 + 90 * Math.sin(i / 97) * Math.cos(i / 5003) + roll(20);
  context.putImageData(data, 0, 0);
  return type === "image/jpeg" ? canvas.toBuffer(type, 85) : canvas.toBuffer(type, 85);
}

const jpeg = photograph("image/jpeg");
const webp = photograph("image/webp");
const scan = segments(jpeg).at(-1)?.end ?? 0;
const png = rawPng({ width: 40, height: 30, colorType: 2, bytes: Buffer.from(noise(40, 30).data) });
const each = (make: (index: number) => Buffer): Buffer[] => Array.from({ length: 24 }, (_, i) => make(i));
const somewhere = (length: number): number => scan + roll(jpeg.length - 2 - length - scan);
const sizes = [1, 8, 40, 80, 96, 112, 144, 176, 200, 320, 1000, 4000];

/** How many are refused at least. JPEG has no checksum: about one scan in a hundred is by chance as long as it should be after all. */
const kinds: Record<string, { files: readonly Buffer[]; refused: number }> = {
  "JPEG, 200 bytes of the scan overwritten": {
    files: each(() => overwritten(jpeg, somewhere(200), 200, roll)),
    refused: 22,
  },
  "JPEG, cut": { files: each(() => jpeg.subarray(0, somewhere(0))), refused: 24 },
  "JPEG, cut and closed again": {
    files: each(() => Buffer.concat([jpeg.subarray(0, somewhere(0)), eoi])),
    refused: 24,
  },
  "JPEG, another height": { files: sizes.map((size) => resized(jpeg, 160, size)), refused: sizes.length },
  "JPEG, another width": { files: sizes.map((size) => resized(jpeg, size, 120)), refused: sizes.length },
  "JPEG, huge": { files: each((i) => resized(jpeg, 65500 - i, 65500)), refused: 24 },
  "JPEG, without a quantization table or the frame": {
    files: segments(jpeg)
      .filter(({ marker }) => marker === 0xdb || marker === 0xc0)
      .map((segment) => without(jpeg, segment)),
    refused: segments(jpeg).filter(({ marker }) => marker === 0xdb || marker === 0xc0).length,
  },
  "WebP, cut": { files: each(() => webp.subarray(0, 1 + roll(webp.length - 1))), refused: 24 },
  "PNG, 20 bytes overwritten": {
    files: each(() => overwritten(png, 8 + roll(png.length - 44), 20, roll)),
    refused: 24,
  },
  "PNG, one bit": { files: each((i) => flipped(png, 8 + i * 7)), refused: 24 },
  "PNG, cut": { files: each((i) => png.subarray(0, png.length - 1 - i * i)), refused: 24 },
};

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 4;
  return copy;
}

t.test("damaged pictures are refused", async (t) => {
  for (const [name, { files, refused }] of Object.entries(kinds)) {
    for (const [i, bytes] of files.entries()) await writeFile(join(app.path, `${i}.bin`), bytes);
    const results = await shown(
      app.path,
      `for (let i = 0; i < ${files.length}; i++) show((await file(i + ".bin")).code ?? "decoded");`,
    );
    const count = results.filter((result) => result === "IMAGE").length;
    t.ok(count >= refused, `${name}: ${count} of ${files.length}`);
  }
});

/** What cameras and editors write, and what no pixel depends on. */
t.test("oddities that harm no pixel are decoded", async (t) => {
  const beforeEnd = (bytes: number[]): Buffer =>
    Buffer.concat([jpeg.subarray(0, jpeg.length - 2), Buffer.from(bytes), eoi]);
  const frame = segments(jpeg).find(({ marker }) => marker === 0xc0)?.start ?? 0;
  const files: Record<string, Buffer> = {
    "as it is": jpeg,
    "a picture behind it": Buffer.concat([jpeg, jpeg]),
    "text behind it": Buffer.concat([jpeg, Buffer.from("trailing")]),
    "two stray bytes before its end": beforeEnd([0x12, 0x34]),
    "a padding of zeros before its end": beforeEnd([0, 0, 0, 0, 0, 0, 0, 0]),
    "fill bytes before its end": beforeEnd([0xff, 0xff, 0xff]),
    "stray bytes in its header": Buffer.concat([jpeg.subarray(0, frame), Buffer.alloc(26, 7), jpeg.subarray(frame)]),
    "an unknown JFIF version": withSegment(jpeg, 0xe0, Buffer.from("JFIF\0\x07\x09\0\0\x01\0\x01\0\0", "latin1")),
    "a broken profile": withSegment(jpeg, 0xe2, Buffer.from("ICC_PROFILE\0\x05\x02", "latin1")),
    "broken EXIF": withSegment(jpeg, 0xe1, Buffer.from("Exif\0\0II*\0\xff\xff\xff\xff", "latin1")),
  };
  const names = Object.keys(files);
  for (const [i, bytes] of Object.values(files).entries()) await writeFile(join(app.path, `${i}.bin`), bytes);
  const results = await shown(
    app.path,
    `for (let i = 0; i < ${names.length}; i++) {
      const { data = [], ...rest } = await file(i + ".bin");
      show({ ...rest, hash: data.reduce((hash, value) => Math.imul(hash ^ value, 16777619) >>> 0, 2166136261) });
    }`,
  );
  t.match(results[0], { width: 160, height: 120 });
  for (const [i, name] of names.entries()) t.same(results[i], results[0], name);
});
