import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCanvas } from "@napi-rs/canvas";
import t from "tap";
import { appFolder } from "../helpers/edge-app.js";
import { noise, shown } from "../helpers/image-app.js";
import { crc32, rawPng } from "../helpers/png.js";

const app = await appFolder();
t.teardown(app.remove);

t.test("PNG is decoded exactly, alpha over white", async (t) => {
  const picture = noise(7, 5, 3);
  const rgb = rawPng({ width: 7, height: 5, colorType: 2, bytes: Buffer.from(picture.data) });
  const alphas = [0, 1, 127, 254, 255];
  const rgba = rawPng({
    width: 5,
    height: 1,
    colorType: 6,
    bytes: Buffer.from(alphas.flatMap((a) => [10, 200, 255, a])),
  });
  const grey = rawPng({ width: 3, height: 1, colorType: 0, bytes: Buffer.from([0, 100, 255]) });
  for (const [name, bytes] of Object.entries({ rgb, rgba, grey }))
    await writeFile(join(app.path, `${name}.png`), bytes);
  const over = (value: number, alpha: number): number => Math.round((value * alpha + 255 * (255 - alpha)) / 255);
  t.same(await shown(app.path, 'for (const name of ["rgb", "rgba", "grey"]) show(await file(name + ".png"));'), [
    picture,
    { width: 5, height: 1, data: alphas.flatMap((a) => [over(10, a), over(200, a), 255]) },
    { width: 3, height: 1, data: [0, 0, 0, 100, 100, 100, 255, 255, 255] },
  ]);
});

t.test("JPEG is decoded and turned upright", async (t) => {
  const canvas = createCanvas(64, 32);
  const context = canvas.getContext("2d");
  const quadrants = ["#ff0000", "#00ff00", "#0000ff", "#ffffff"];
  for (const [i, color] of quadrants.entries()) {
    context.fillStyle = color;
    context.fillRect((i % 2) * 32, Math.floor(i / 2) * 16, 32, 16);
  }
  const plain = canvas.toBuffer("image/jpeg", 95);
  await writeFile(join(app.path, "1.jpg"), plain);
  for (let orientation = 2; orientation <= 8; orientation++)
    await writeFile(join(app.path, `${orientation}.jpg`), withOrientation(plain, orientation));
  const results = await shown(
    app.path,
    `for (let i = 1; i <= 8; i++) {
      const { width, height, data } = await file(i + ".jpg");
      const color = (x, y) => [0, 1, 2].map((c) => data[((y * height >> 2) * width + (x * width >> 2)) * 3 + c] > 127 ? 1 : 0).join("");
      show([width, height, color(1, 1), color(3, 1), color(1, 3), color(3, 3)]);
    }`,
  );
  const [r, g, b, w] = ["100", "010", "001", "111"];
  t.same(results, [
    [64, 32, r, g, b, w],
    [64, 32, g, r, w, b],
    [64, 32, w, b, g, r],
    [64, 32, b, w, r, g],
    [32, 64, r, b, g, w],
    [32, 64, b, r, w, g],
    [32, 64, w, g, b, r],
    [32, 64, g, w, r, b],
  ]);
});

t.test("what is no picture, or too large, or cut, is refused", async (t) => {
  const canvas = createCanvas(64, 64);
  canvas.getContext("2d").fillRect(5, 5, 20, 20);
  const jpeg = canvas.toBuffer("image/jpeg");
  const png = canvas.toBuffer("image/png");
  const huge = Buffer.from(png);
  huge.writeUInt32BE(60000, 16);
  huge.writeUInt32BE(60000, 20);
  huge.writeUInt32BE(crc32(huge.subarray(12, 29)), 29);
  const files: Record<string, Buffer> = {
    "text.bin": Buffer.from("hello"),
    "empty.bin": Buffer.alloc(0),
    "magic.jpg": Buffer.from([0xff, 0xd8, 0xff]),
    "magic.png": png.subarray(0, 8),
    "cut.jpg": jpeg.subarray(0, jpeg.length - 40),
    "cut.png": png.subarray(0, png.length - 40),
    "huge.png": huge,
    "ok.png": png,
    "ok.jpg": jpeg,
  };
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(app.path, name), bytes);
  const results = await shown(
    app.path,
    `for (const name of ${JSON.stringify(Object.keys(files))}) show((await file(name)).code ?? "ok");
    for (const name of ["ok.png", "ok.jpg"]) {
      show((await file(name, { maxPixels: 4096 })).code ?? "ok");
      show(await file(name, { maxPixels: 4095 }));
    }
    show((await file("ok.png", { maxPixels: -1 })).code);
    show(await decode("text").catch((error) => error.name));`,
  );
  t.match(results, [
    ...["IMAGE", "IMAGE", "IMAGE", "IMAGE", "IMAGE", "IMAGE", "IMAGE", "ok", "ok"],
    ...["ok", { code: "IMAGE", message: /64 x 64 pixels, 4095 are allowed/ }],
    ...["ok", { code: "IMAGE", message: /64 x 64 pixels, 4095 are allowed/ }],
    ...["RangeError", "TypeError"],
  ]);
});

/** The JPEG with an EXIF segment of one entry after its first marker. */
function withOrientation(jpeg: Buffer, orientation: number): Buffer {
  const little = orientation % 2 === 0;
  const tiff = Buffer.alloc(26);
  const short = (value: number, at: number): number =>
    little ? tiff.writeUInt16LE(value, at) : tiff.writeUInt16BE(value, at);
  const long = (value: number, at: number): number =>
    little ? tiff.writeUInt32LE(value, at) : tiff.writeUInt32BE(value, at);
  tiff.write(little ? "II" : "MM");
  short(42, 2);
  long(8, 4);
  short(1, 8);
  short(0x112, 10);
  short(3, 12);
  long(1, 14);
  short(orientation, 18);
  const exif = Buffer.concat([Buffer.from("Exif\0\0"), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, exif.length + 2]);
  return Buffer.concat([jpeg.subarray(0, 2), head, exif, jpeg.subarray(2)]);
}
