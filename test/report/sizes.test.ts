import t from "tap";
import type { ManifestFile } from "../../src/report/manifest-file.js";
import { sizeTable, sizeTreemap } from "../../src/report/sizes.js";
import { squarify } from "../../src/report/treemap.js";
import { randomFrom } from "../helpers/random.js";

const file = (path: string, size: number, more: Partial<ManifestFile> = {}): ManifestFile => ({
  part: "root",
  path,
  type: "file",
  mode: "0644",
  size,
  package: "libc6",
  ...more,
});

const files: readonly ManifestFile[] = [
  file("usr/lib/libc.so.6", 1_650_000),
  file("usr/lib/ld.so", 200_000),
  file("kernel8.img", 13_700_000, { part: "boot", package: "linux-image" }),
  file("app/main.qjb", 100, { package: undefined }),
  file("app", 0, { type: "directory" }),
  file('usr/lib/<odd> & "name"', 50, { package: "a&b" }),
  file("init", 3_000, { part: "initramfs" }),
];

t.test("the table: largest first, with a total", async (t) => {
  t.equal(
    sizeTable(files),
    `   bytes  part       package
13700000  boot       linux-image              1 files
 1850000  root       libc6                    2 files
    3000  initramfs  libc6                    1 files
     100  root       (none)                   1 files
      50  root       a&b                      1 files
15553150             all, before compression
`,
  );
  t.equal(sizeTable([...files].reverse()), sizeTable(files), "the order of the files does not matter");
  t.match(sizeTable([]), /^bytes .*\n +0 +all, before compression\n$/);
});

t.test("the page: a cell a file, its area its bytes, nothing from outside", async (t) => {
  const page = sizeTreemap("x<y", files);
  t.equal(sizeTreemap("x<y", [...files].reverse()), page);
  const cells = [
    ...page.matchAll(
      /<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"><title>([^<]*)<\/title>/g,
    ),
  ];
  t.equal(cells.length, 6);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  for (const [, part, , , width, height, title = ""] of cells) {
    const found = files.find(({ path }) =>
      title.startsWith(`/${path.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)}: `),
    );
    t.equal(part, found?.part);
    const expected = ((found?.size ?? 0) / total) * 1200 * 720;
    const shown = Number(width) * Number(height);
    t.ok(
      Math.abs(shown - expected) < 0.06 * (Number(width) + Number(height)) + 1,
      `${title} has ${shown}, should have ${expected}`,
    );
  }
  t.match(page, "<title>Sizes of x&#60;y</title>");
  t.notMatch(page, /<odd>|https?:|src=|<script/);
  t.match(page, "15.6 MB before compression");
});

t.test("squarify: areas in proportion, inside, without overlap", async (t) => {
  const random = randomFrom(5);
  for (let round = 0; round < 50; round++) {
    const values = Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.ceil(random() ** 4 * 1e6)).sort(
      (a, b) => b - a,
    );
    const area = { x: 10, y: 20, width: 1 + random() * 1000, height: 1 + random() * 1000 };
    const cells = squarify(values, area);
    const total = values.reduce((sum, value) => sum + value, 0);
    const unit = (area.width * area.height) / total;
    const wrong = cells.filter(({ x, y, width, height }, index) => {
      const exact = Math.abs(width * height - (values[index] ?? 0) * unit) < 1e-6 * area.width * area.height;
      const inside =
        x >= 10 - 1e-6 &&
        y >= 20 - 1e-6 &&
        x + width <= 10 + area.width + 1e-6 &&
        y + height <= 20 + area.height + 1e-6;
      return !exact || !inside;
    });
    t.same(wrong, [], `round ${round}`);
    let overlaps = 0;
    for (const [index, a] of cells.entries()) {
      for (const b of cells.slice(index + 1)) {
        const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
        const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
        if (across > 1e-6 && down > 1e-6) overlaps++;
      }
    }
    t.equal(overlaps, 0);
  }
});

t.test("squarify: equal values give squares, and extremes do no harm", async (t) => {
  for (const { width, height } of squarify([1, 1, 1, 1], { x: 0, y: 0, width: 10, height: 10 })) {
    t.ok(Math.abs(width - 5) < 1e-9 && Math.abs(height - 5) < 1e-9);
  }
  t.same(squarify([], { x: 0, y: 0, width: 1, height: 1 }), []);
  t.same(
    squarify([0, 0], { x: 0, y: 0, width: 1, height: 1 }).map(({ width, height }) => width * height),
    [0, 0],
  );
  const [large, small] = squarify([1e15, 1], { x: 0, y: 0, width: 100, height: 1 });
  t.ok((large?.width ?? 0) > 99 && Number.isFinite(small?.width ?? Number.NaN));
});
