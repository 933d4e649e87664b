import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { defaultSites } from "../../../src/api/session/registries.js";
import { walk } from "../../../src/store/tree.js";
import { home, treeOf, treeRequest } from "../../helpers/tree-request.js";

/**
 * The tree of two boards with all engines, as files to read. COPIES.txt lists the folders whose files are copied from recipes, app and models.
 * After a change of templates or recipes: EDGEIMG_UPDATE_GOLDEN=1 npx tap run test/builders/buildroot/golden.test.ts, and review the
 * difference.
 */
const folder = join(home, "test/fixtures/buildroot/tree");
const request = await treeRequest(t.testdir(), {
  boards: ["rpi4", "rock-pi-4"],
  engines: ["mnn", "ncnn", "onnxruntime", "tflite"],
});
const files = treeOf(request);
const refresh = "EDGEIMG_UPDATE_GOLDEN=1 writes it anew";
const near = (file: string) => file.replace(`${home}/`, "");
const texts = new Map(files.flatMap((file) => (file.from === "text" ? [[file.path, file.text]] : [])));
texts.set(
  "COPIES.txt",
  [
    ...new Set(
      files.flatMap((file) => (file.from === "file" ? [`${dirname(file.path)} <- ${dirname(near(file.file))}\n`] : [])),
    ),
  ].join(""),
);

if (process.env.EDGEIMG_UPDATE_GOLDEN !== undefined) {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, text] of texts) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

const golden = [...walk(folder, "")].filter((path) => /\.[^/]*$|_defconfig$|\/(applets|modules|etc|src)/.test(path));

t.test("the tree of two boards is as it was reviewed", async (t) => {
  for (const [path, text] of texts) t.equal(text, readFileSync(join(folder, path), "utf8"), `${path} (${refresh})`);
  for (const path of golden) {
    const isFolder = [...texts.keys()].some((one) => one.startsWith(`${path}/`));
    t.ok(isFolder || texts.has(path), `${path} is still part of the tree`);
  }
});

t.test("no registry's address is in what is kept here", async (t) => {
  const { pypi, npm, cargo } = defaultSites({ deb: [] });
  for (const [path, text] of texts)
    for (const site of [pypi, npm, cargo])
      t.notOk(text.includes(new URL(site).host), `${path} names no ${new URL(site).host}`);
});

t.test("a tree is a function of its request", async (t) => {
  t.same(treeOf(request), files);
  t.same(
    files.map(({ path }) => path),
    [...files.map(({ path }) => path)].sort(),
  );
});
