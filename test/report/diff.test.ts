import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { checkBudget } from "../../src/api/build/budget.js";
import { diffResults } from "../../src/api/build/diff.js";
import { diffMarkdown, diffText } from "../../src/cli/render/diff.js";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { diffImages } from "../../src/report/diff.js";
import { manifestOf } from "../helpers/manifests.js";

const before = manifestOf(
  [
    { part: "boot", path: "kernel8.img", size: 300, package: "linux" },
    { path: "usr/lib/libc.so.6", size: 200, package: "libc6" },
    { path: "models/det/det.bin", size: 50, package: "model/det" },
    { path: "models/rec/rec.bin", size: 60, package: "model/rec" },
    { path: "app/main.qjb", size: 10, package: "toy" },
    { path: "usr/bin/old", size: 7, package: "old" },
  ],
  {
    packages: [
      { name: "libc6", version: "2" },
      { name: "old", version: "1" },
    ],
  },
);
const after = manifestOf(
  [
    { part: "boot", path: "kernel8.img", size: 300, package: "linux" },
    { path: "usr/lib/libc.so.6", size: 260, package: "libc6" },
    { path: "models/det/det.bin", size: 50, package: "model/det" },
    { path: "models/rec/rec.bin", size: 60, package: "model/rec", sha256: "retrained" },
    { path: "app/main.qjb", size: 30, package: "toy" },
    { path: "usr/bin/new|er", size: 5, package: "new" },
  ],
  {
    engine: { name: "ncnn", version: "2" },
    image: { file: "toy.img", bytes: 1100 },
    packages: [
      { name: "libc6", version: "3" },
      { name: "new", version: "1" },
    ],
  },
);

t.test("a diff names what changed and nothing else", async (t) => {
  const diff = diffImages({ manifest: before, compressed: 400 }, { manifest: after, compressed: 420 });
  t.same(diff.old, { project: "toy", board: "some-board", engine: "ncnn 1" });
  t.same(diff.new, { project: "toy", board: "some-board", engine: "ncnn 2" });
  t.same(diff.sizes, [
    { name: "image", from: 1000, to: 1100 },
    { name: "compressed", from: 400, to: 420 },
    { name: "rootfs", from: 500, to: 500 },
    { name: "boot", from: 300, to: 300 },
    { name: "models", from: 110, to: 110 },
    { name: "app", from: 10, to: 30 },
  ]);
  t.same(diff.versions, [
    { name: "libc6", from: "2", to: "3" },
    { name: "new", from: undefined, to: "1" },
    { name: "old", from: "1", to: undefined },
  ]);
  t.same(diff.models, [{ name: "rec", from: 60, to: 60 }], "the retrained one, though of the same size");
  t.same(
    diff.packages.map(({ name }) => name),
    ["libc6", "toy", "old", "new"],
    "largest difference first",
  );
  t.same(
    diff.files.map(({ name }) => name),
    ["usr/lib/libc.so.6", "app/main.qjb", "usr/bin/old", "usr/bin/new|er", "models/rec/rec.bin"],
  );
});

t.test("text and Markdown", async (t) => {
  const diff = diffImages({ manifest: before }, { manifest: after });
  const text = diffText(diff, { all: false });
  t.match(text, /ncnn 1 -> .*ncnn 2/);
  t.match(text, /root \/usr\/lib\/libc\.so\.6 +200 B +260 B +\+60 B/);
  const markdown = diffMarkdown(diff);
  t.match(markdown, /\| root \/usr\/bin\/new\\\|er \| - \| 5 B \| new \|/, "a name cannot end its cell");
  for (const line of markdown.split("\n").filter((one) => one.startsWith("|")))
    t.match(line.replaceAll("\\|", "").split("|").length, /^[56]$/, line);
  const same = diffImages({ manifest: before }, { manifest: before });
  t.match(diffText(same, { all: false }), "No file differs.");
  t.notMatch(diffText(same, { all: false }), "Versions");
  const many = manifestOf(Array.from({ length: 50 }, (_, index) => ({ path: `f${index}`, size: index })));
  const grown = diffImages({ manifest: manifestOf([]) }, { manifest: many });
  t.match(diffText(grown, { all: false }), "30 more files differ");
  t.match(diffText(grown, { all: true }), /root \/f1 /);
});

t.test("manifests are read from files and folders; other files are refused", async (t) => {
  const folder = t.testdir({
    a: { "manifest.json": JSON.stringify(before) },
    "b.json": JSON.stringify(after),
    bad: "{}",
  });
  const found = await diffResults({ cwd: folder }, { old: "a", new: "b.json" });
  t.equal(found.files.length, 5);
  for (const wrong of ["bad", "absent", join(folder, "a/none")]) {
    await t.rejects(diffResults({ cwd: folder }, { old: "a", new: wrong }), {
      code: "ERR_EDGEIMG_MANIFEST_INVALID",
      exitCode: 1,
    });
  }
});

t.test("a budget that is exceeded names what grew", async (t) => {
  const folder = t.testdir({ new: { "manifest.json": JSON.stringify(after) }, out: {}, "toy.img.zst": "12345" });
  const job = {
    report: join(folder, "new"),
    compressed: join(folder, "toy.img.zst"),
    before: join(folder, "out"),
    place: { file: "edgeimg.yaml", line: 9, column: 9 },
  };
  await checkBudget({ ...job, budget: {} });
  await checkBudget({ ...job, budget: { image: 1100, rootfs: 500, compressed: 5, boot: 300, models: 110, app: 30 } });
  const failure = async (budget: object) =>
    await checkBudget({ ...job, budget }).then(
      () => t.fail("it is within the budget"),
      (error: unknown) => error,
    );
  const first = await failure({ app: 20, compressed: 4, boot: 300 });
  if (!(first instanceof EdgeimgError)) throw first;
  t.equal(first.code, "ERR_EDGEIMG_BUDGET_EXCEEDED");
  t.equal(first.exitCode, 3);
  t.same(first.place, job.place);
  t.same(first.details.slice(0, 4), [
    "app: 30 bytes, 10 more than the budget of 20",
    "compressed: 5 bytes, 1 more than the budget of 4",
    "largest packages:",
    "  300 bytes  linux",
  ]);
  writeFileSync(join(folder, "out/manifest.json"), JSON.stringify(before));
  const second = await failure({ app: 20 });
  if (!(second instanceof EdgeimgError)) throw second;
  t.same(second.details.slice(1, 8), [
    "largest growths since the last result:",
    "  +60 bytes  libc6",
    "  +20 bytes  toy",
    "  +5 bytes  new",
    "  +60 bytes  /usr/lib/libc.so.6",
    "  +20 bytes  /app/main.qjb",
    "  +5 bytes  /usr/bin/new|er",
  ]);
  t.same(second.details.slice(8, 10), ["largest packages:", "  300 bytes  linux"]);
  writeFileSync(join(folder, "out/manifest.json"), JSON.stringify(after));
  const third = await failure({ app: 20 });
  if (!(third instanceof EdgeimgError)) throw third;
  t.match(third.details.join("\n"), /nothing grew[\s\S]*largest packages:\n {2}300 bytes {2}linux/);
  mkdirSync(join(folder, "damaged"));
  writeFileSync(join(folder, "damaged/manifest.json"), "{");
  const fourth = await checkBudget({ ...job, before: join(folder, "damaged"), budget: { app: 20 } }).catch(
    (error: unknown) => error,
  );
  if (!(fourth instanceof EdgeimgError)) throw fourth;
  t.match(fourth.details.join("\n"), "largest packages:");
});

t.test("a budget exceeded by far names the largest packages, not growths of a few bytes", async (t) => {
  const folder = t.testdir({ new: { "manifest.json": JSON.stringify(after) }, out: {} });
  writeFileSync(join(folder, "out/manifest.json"), JSON.stringify(before));
  const large = { ...after, files: after.files.map((file) => ({ ...file, size: file.size * 1000 })) };
  const old = {
    ...large,
    files: large.files.map((file, index) => ({ ...file, size: file.size - (index === 0 ? 3 : 0) })),
  };
  writeFileSync(join(folder, "new/manifest.json"), JSON.stringify(large));
  writeFileSync(join(folder, "out/manifest.json"), JSON.stringify(old));
  const error = await checkBudget({
    budget: { app: 20 },
    report: join(folder, "new"),
    before: join(folder, "out"),
    place: { file: "edgeimg.yaml", line: 9, column: 9 },
  }).catch((caught: unknown) => caught);
  if (!(error instanceof EdgeimgError)) throw error;
  t.notMatch(error.details.join("\n"), "largest growths");
  t.match(error.details.join("\n"), /largest packages:\n {2}300000 bytes {2}linux/);
});
