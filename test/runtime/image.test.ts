import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createCanvas } from "@napi-rs/canvas";
import t from "tap";
import { appFolder, runSource } from "../helpers/edge-app.js";
import { crc32, rawPng } from "../helpers/png.js";

const app = await appFolder();
t.teardown(app.remove);

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: readonly number[];
}

const prelude = `import { decode, resize, crop, rotate, cropQuad, toTensor } from "edge:image";
  import { readFile } from "edge:fs";
  const show = (value) => console.log(JSON.stringify(value, (key, item) => ArrayBuffer.isView(item) ? Array.from(item) : item));
  const image = (width, height, data) => ({ width, height, data: new Uint8Array(data) });
  const code = (work) => { try { work(); return "none"; } catch (error) { return error.code ?? error.name; } };
  const file = async (name, options) => { try { return await decode(await readFile(name), options); } catch (error) { return { code: error.code ?? error.name, message: error.message }; } };\n`;

async function shown(code: string): Promise<unknown[]> {
  const { code: exit, stdout, stderr } = await runSource(app.path, prelude + code);
  if (exit !== 0) throw new Error(stdout + stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

/** A picture without order, the same on each run. */
function noise(width: number, height: number, seed = 1): Picture {
  let state = seed;
  const data = Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  return { width, height, data };
}

const literal = ({ width, height, data }: Picture): string => `image(${width}, ${height}, [${data.join(",")}])`;

/** The value of one channel at any place, edges replicated, bilinear: in plain doubles. */
function sample({ width, height, data }: Picture, x: number, y: number, channel: number): number {
  const cx = Math.min(Math.max(x, 0), width - 1);
  const cy = Math.min(Math.max(y, 0), height - 1);
  const left = Math.floor(cx);
  const top = Math.floor(cy);
  const at = (column: number, row: number): number =>
    data[(Math.min(row, height - 1) * width + Math.min(column, width - 1)) * 3 + channel] ?? Number.NaN;
  const upper = at(left, top) * (left + 1 - cx) + at(left + 1, top) * (cx - left);
  const lower = at(left, top + 1) * (left + 1 - cx) + at(left + 1, top + 1) * (cx - left);
  return upper * (top + 1 - cy) + lower * (cy - top);
}

/** Makes a picture from the source place of each pixel centre. */
function warp(
  picture: Picture,
  width: number,
  height: number,
  place: (x: number, y: number) => [number, number],
): Picture {
  const data: number[] = [];
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const [x, y] = place(column + 0.5, row + 0.5);
      for (let channel = 0; channel < 3; channel++) data.push(sample(picture, x - 0.5, y - 0.5, channel));
    }
  return { width, height, data };
}

function isPicture(value: unknown): value is Picture {
  return typeof value === "object" && value !== null && "data" in value && Array.isArray(value.data);
}

/** The largest difference of two pictures of one size. */
function distance(actual: unknown, expected: Picture): number {
  if (!isPicture(actual)) throw new Error(`no picture: ${JSON.stringify(actual)}`);
  if (
    actual.width !== expected.width ||
    actual.height !== expected.height ||
    actual.data.length !== expected.data.length
  )
    return Number.POSITIVE_INFINITY;
  return Math.max(...actual.data.map((value, i) => Math.abs(value - (expected.data[i] ?? Number.NaN))));
}

t.test("resize is bilinear with aligned pixel centres", async (t) => {
  const picture = noise(13, 9);
  const sizes = [
    [13, 9],
    [1, 1],
    [26, 18],
    [5, 31],
    [40, 3],
    [12, 8],
  ] as const;
  const results = await shown(
    `const p = ${literal(picture)};\n${sizes.map(([w, h]) => `show(resize(p, ${w}, ${h}));`).join("\n")}`,
  );
  for (const [i, [width, height]] of sizes.entries()) {
    const expected = warp(picture, width, height, (x, y) => [
      (x * picture.width) / width,
      (y * picture.height) / height,
    ]);
    t.ok(distance(results[i], expected) <= 0.6, `${width} x ${height}: ${distance(results[i], expected)}`);
  }
  t.equal(distance(results[0], picture), 0, "the same size is the same picture");
});

t.test("crop and rotate move pixels", async (t) => {
  const picture = noise(5, 3);
  const pixel = (x: number, y: number): number[] => picture.data.slice((y * 5 + x) * 3, (y * 5 + x) * 3 + 3);
  const build = (width: number, height: number, from: (x: number, y: number) => number[]): Picture => ({
    width,
    height,
    data: Array.from({ length: width * height }, (_, i) => from(i % width, Math.floor(i / width))).flat(),
  });
  t.same(
    await shown(`const p = ${literal(picture)};
      show(crop(p, { x: 1, y: 1, width: 3, height: 2 }));
      for (const degrees of [0, 90, 180, 270]) show(rotate(p, degrees));`),
    [
      build(3, 2, (x, y) => pixel(x + 1, y + 1)),
      picture,
      build(3, 5, (x, y) => pixel(y, 2 - x)),
      build(5, 3, (x, y) => pixel(4 - x, 2 - y)),
      build(3, 5, (x, y) => pixel(4 - y, x)),
    ],
  );
});

t.test("cropQuad follows the perspective", async (t) => {
  const picture = noise(24, 20, 7);
  // A projection chosen first: its corners make the quadrilateral, it itself the expected places.
  const place = (u: number, v: number): [number, number] => {
    const w = 0.3 * u - 0.2 * v + 1;
    return [(14 * u + 3 * v + 4) / w, (1 * u + 11 * v + 3) / w];
  };
  const quad = [place(0, 0), place(1, 0), place(1, 1), place(0, 1)].map(([x, y]) => ({ x, y }));
  const [warped, whole, turned, outside] = await shown(`const p = ${literal(picture)};
    const corners = (...list) => list.map(([x, y]) => ({ x, y }));
    show(cropQuad(p, ${JSON.stringify(quad)}, 17, 11));
    show(cropQuad(p, corners([0, 0], [24, 0], [24, 20], [0, 20]), 24, 20));
    show(cropQuad(p, corners([24, 0], [24, 20], [0, 20], [0, 0]), 20, 24));
    show(cropQuad(p, corners([-10, -10], [-5, -10], [-5, -5], [-10, -5]), 2, 2));`);
  const expected = warp(picture, 17, 11, (x, y) => place(x / 17, y / 11));
  t.ok(distance(warped, expected) <= 0.6, `${distance(warped, expected)}`);
  t.equal(distance(whole, picture), 0);
  t.equal(
    distance(
      turned,
      warp(picture, 20, 24, (x, y) => [24 - y, x]),
    ),
    0,
    "by 90 degrees",
  );
  const corner = picture.data.slice(0, 3);
  t.equal(distance(outside, { width: 2, height: 2, data: [...corner, ...corner, ...corner, ...corner] }), 0);
});

t.test("toTensor normalises, orders and pads", async (t) => {
  const picture = noise(3, 2);
  const mean = [0.485, 0.456, 0.406] as const;
  const std = [0.229, 0.224, 0.225] as const;
  const plane = (channel: number, index: 0 | 1 | 2, width: number, height: number, fill: number): number[] =>
    Array.from({ length: width * height }, (_, i) => {
      const [x, y] = [i % width, Math.floor(i / width)];
      if (x >= 3 || y >= 2) return Math.fround(fill);
      const value = picture.data[(y * 3 + x) * 3 + channel] ?? Number.NaN;
      return Math.fround((value / 255 - mean[index]) / std[index]);
    });
  const options = `mean: [${mean}], std: [${std}]`;
  t.same(
    await shown(`const p = ${literal(picture)};
      show(toTensor(p, { ${options} }));
      show(toTensor(p, { ${options}, order: "bgr", width: 5, height: 4, fill: 0.1 }));
      show(toTensor(p, { ${options} }).data instanceof Float32Array);`),
    [
      { shape: [1, 3, 2, 3], data: [...plane(0, 0, 3, 2, 0), ...plane(1, 1, 3, 2, 0), ...plane(2, 2, 3, 2, 0)] },
      { shape: [1, 3, 4, 5], data: [...plane(2, 0, 5, 4, 0.1), ...plane(1, 1, 5, 4, 0.1), ...plane(0, 2, 5, 4, 0.1)] },
      true,
    ],
  );
});

t.test("nonsense is refused before it touches memory", async (t) => {
  const [codes] = await shown(`const p = image(2, 2, [1,2,3,4,5,6,7,8,9,10,11,12]);
    const q = (...list) => list.map(([x, y]) => ({ x, y }));
    const o = { mean: [0, 0, 0], std: [1, 1, 1] };
    show([
      () => resize(p, 0, 1), () => resize(p, 1.5, 1), () => resize(p, NaN, 1), () => resize(p, 40000, 1), () => resize(p, 32767, 32767),
      () => resize(p, "3", 1), () => resize({ ...p, width: 3 }, 1, 1), () => resize({ ...p, data: [1] }, 1, 1), () => resize(undefined, 1, 1),
      () => resize({ ...p, data: new Uint16Array(6) }, 1, 1), () => resize({ width: 32767, height: 32767, data: p.data }, 1, 1),
      () => crop(p, { x: 1, y: 0, width: 2, height: 1 }), () => crop(p, { x: -1, y: 0, width: 1, height: 1 }), () => crop(p),
      () => rotate(p, 45), () => rotate(p, -90), () => rotate(p, 360),
      () => cropQuad(p, q([0, 0], [1, 1], [2, 2], [3, 3]), 2, 2), () => cropQuad(p, q([0, 0], [2, 2], [2, 0], [0, 2]), 2, 2),
      () => cropQuad(p, q([0, 0], [1, 0], [1, NaN], [0, 1]), 2, 2), () => cropQuad(p, q([0, 0], [1e9, 0], [1, 1], [0, 1]), 2, 2),
      () => cropQuad(p, [], 2, 2), () => cropQuad(p),
      () => toTensor(p, { ...o, std: [1, 0, 1] }), () => toTensor(p, { ...o, mean: [1] }), () => toTensor(p, { ...o, order: "grb" }),
      () => toTensor(p, { ...o, width: 1 }), () => toTensor(p, { ...o, width: 32767, height: 32767 }), () => toTensor(p), () => toTensor(p, { ...o, fill: "1" }),
    ].map(code));`);
  const [range, type] = ["RangeError", "TypeError"];
  t.same(codes, [
    ...[range, range, range, range, range, type, range, type, type, type, range],
    ...[range, range, type, range, range, range],
    ...[range, range, range, range, type, type],
    ...[range, type, range, range, range, type, type],
  ]);
});

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
  t.same(await shown('for (const name of ["rgb", "rgba", "grey"]) show(await file(name + ".png"));'), [
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
  const results = await shown(`for (let i = 1; i <= 8; i++) {
      const { width, height, data } = await file(i + ".jpg");
      const color = (x, y) => [0, 1, 2].map((c) => data[((y * height >> 2) * width + (x * width >> 2)) * 3 + c] > 127 ? 1 : 0).join("");
      show([width, height, color(1, 1), color(3, 1), color(1, 3), color(3, 3)]);
    }`);
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
  const results =
    await shown(`for (const name of ${JSON.stringify(Object.keys(files))}) show((await file(name)).code ?? "ok");
    for (const name of ["ok.png", "ok.jpg"]) {
      show((await file(name, { maxPixels: 4096 })).code ?? "ok");
      show(await file(name, { maxPixels: 4095 }));
    }
    show((await file("ok.png", { maxPixels: -1 })).code);
    show(await decode("text").catch((error) => error.name));`);
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
