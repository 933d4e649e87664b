import t from "tap";
import { appFolder, startSource } from "../helpers/edge-app.js";
import { distance, literal, noise, type Picture, shown, warp } from "../helpers/image-app.js";

const app = await appFolder();
t.teardown(app.remove);

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
    app.path,
    `const p = ${literal(picture)};\n${sizes.map(([w, h]) => `show(await resize(p, ${w}, ${h}));`).join("\n")}`,
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
    await shown(
      app.path,
      `const p = ${literal(picture)};
      show(await crop(p, { x: 1, y: 1, width: 3, height: 2 }));
      for (const degrees of [0, 90, 180, 270]) show(await rotate(p, degrees));`,
    ),
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
  const [warped, whole, turned, outside] = await shown(
    app.path,
    `const p = ${literal(picture)};
    const corners = (...list) => list.map(([x, y]) => ({ x, y }));
    show(await cropQuad(p, ${JSON.stringify(quad)}, 17, 11));
    show(await cropQuad(p, corners([0, 0], [24, 0], [24, 20], [0, 20]), 24, 20));
    show(await cropQuad(p, corners([24, 0], [24, 20], [0, 20], [0, 0]), 20, 24));
    show(await cropQuad(p, corners([-10, -10], [-5, -10], [-5, -5], [-10, -5]), 2, 2));`,
  );
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
    await shown(
      app.path,
      `const p = ${literal(picture)};
      show(await toTensor(p, { ${options} }));
      show(await toTensor(p, { ${options}, order: "bgr", width: 5, height: 4, fill: 0.1 }));
      show((await toTensor(p, { ${options} })).data instanceof Float32Array);`,
    ),
    [
      { shape: [1, 3, 2, 3], data: [...plane(0, 0, 3, 2, 0), ...plane(1, 1, 3, 2, 0), ...plane(2, 2, 3, 2, 0)] },
      { shape: [1, 3, 4, 5], data: [...plane(2, 0, 5, 4, 0.1), ...plane(1, 1, 5, 4, 0.1), ...plane(0, 2, 5, 4, 0.1)] },
      true,
    ],
  );
});

t.test("a large picture holds up neither the server nor timers", async (t) => {
  const running = await startSource(
    app.path,
    `import { resize } from "edge:image";
    import { serve } from "edge:http";
    const order = [];
    let work;
    const server = await serve({ port: 0, host: "127.0.0.1" }, async ({ path }) => {
      if (path === "/start") {
        setTimeout(() => order.push("timer"), 1);
        work = resize({ width: 2, height: 2, data: new Uint8Array(12).fill(7) }, 8192, 8192).then(({ data }) => order.push("picture " + data.length + " " + data[data.length - 1]));
      }
      if (path === "/other") order.push("request");
      if (path === "/end") { await work; server.close(); }
      return { body: order.join() };
    });`,
  );
  const { port } = await running.milestone("http");
  const get = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${String(port)}${path}`)).text();
  t.equal(await get("/start"), "");
  await get("/other");
  t.same(new Set((await get("/end")).split(",", 2)), new Set(["timer", "request"]), "both before the picture");
  t.equal((await running.finished).code, 0);
});

t.test("nonsense is refused before it touches memory", async (t) => {
  const [codes] = await shown(
    app.path,
    `const p = image(2, 2, [1,2,3,4,5,6,7,8,9,10,11,12]);
    const q = (...list) => list.map(([x, y]) => ({ x, y }));
    const o = { mean: [0, 0, 0], std: [1, 1, 1] };
    show(await Promise.all([
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
      () => toTensor(rotate(p, 90), o), () => toTensor(p, { ...o, oder: "bgr" }), () => decode(p.data, { maxPixel: 1 }), () => decode(p.data, 1),
    ].map(code)));`,
  );
  const [range, type, argument] = ["RangeError", "TypeError", "ARGUMENT"];
  t.same(codes, [
    ...[range, range, range, range, range, type, range, type, type, type, range],
    ...[range, range, type, range, range, range],
    ...[range, range, range, range, type, type],
    ...[range, type, range, range, range, type, type],
    ...[type, argument, argument, argument],
  ]);
});
