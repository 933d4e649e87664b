import { access, cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { planImage } from "../../src/builders/debian/plan-image.js";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { conversionPath, toolOf } from "../../src/parts/conversion.js";
import { inventedLock, requestFor } from "../helpers/image-request.js";

const home = fileURLToPath(new URL("../../", import.meta.url));

t.test("every recipe follows the schema and has the files it names", async (t) => {
  const { engines, converters, tools } = await loadCatalog(home, undefined);
  for (const name of ["dlib", "mnn", "ncnn", "onnxruntime", "tflite"]) t.ok(engines.has(name), name);
  for (const [name, { recipe, folder, adapter }] of engines) {
    t.equal(recipe.name, name, "is named like its folder");
    t.ok(folder.endsWith(`/${name}`));
    for (const file of [...recipe.adapter.sources, ...recipe.adapter.headers])
      await t.resolves(access(join(adapter.folder, file)), `${name} ${file}`);
    const isSupplied = Object.values(recipe.sources).some(({ sha256 }) => sha256 === undefined);
    t.equal(recipe.notVerified !== undefined, isSupplied, `${name}: what nobody could fetch, nobody has tried`);
    // Nothing to compare: the text is in an archive whose hash the user gives, and the models are of its own format.
    if (isSupplied) continue;
    // Some read their own models only, which nothing makes of ONNX.
    const { accepts } = recipe.model;
    const isMade = accepts.some(
      (one) => one === "onnx" || [...converters.values()].some((of) => of.converter.to === one),
    );
    const path = isMade ? conversionPath(converters, { model: "any", from: "onnx", engine: name, accepts }) : [];
    for (const one of path) toolOf({ tools }, one);
    // An adapter alone is edgeimg's own, as the runtime is: no text of anybody else's goes with it.
    const hasText = Object.keys(recipe.license.files).length > 0 || recipe.license.package !== undefined;
    t.equal(hasText, recipe.build.kind !== "adapter", `${name}: a licence text`);
  }
});

t.test("every converter and tool is named like its folder, and finds what it names", async (t) => {
  const { converters, tools } = await loadCatalog(home, undefined);
  t.ok(converters.size > 0 && tools.size > 0);
  for (const [name, { converter, folder }] of converters) {
    t.ok(folder.endsWith(`/${name}`), name);
    toolOf({ tools }, { converter, folder });
    if (converter.unconverted !== undefined)
      t.ok(converter.outputs[converter.unconverted.role], `${name}: the file with the layers is a result`);
    if (converter.script !== undefined) await t.resolves(access(join(folder, converter.script)));
  }
});

t.test("a further engine is one folder in the project", async (t) => {
  const project = t.testdir({ recipes: { engines: {} } });
  await cp(join(home, "test/fixtures/engines/toy"), join(project, "recipes/engines/toy"), { recursive: true });
  const { engines } = await loadCatalog(home, project);
  t.match(engines.get("toy"), { folder: join(project, "recipes/engines/toy"), recipe: { build: { kind: "compile" } } });
  t.ok(engines.has("ncnn"), "the built-in ones stay");
});

t.test(
  "an engine of Debian packages: its libraries are roots of need, its adapter finds them in the sysroot",
  async (t) => {
    const folder = t.testdir({ recipes: { engines: {} } });
    await cp(join(home, "test/fixtures/engines/packaged"), join(folder, "recipes/engines/packaged"), {
      recursive: true,
    });
    const request = await requestFor(folder, {
      board: "rpi4",
      engine: "packaged",
      text: "format: 1\nname: x\napp: { entry: main.ts }\n",
    });
    const plan = planImage(request, inventedLock(request));
    const rootfs = plan.steps.find(({ id }) => id === "rootfs");
    if (rootfs === undefined) return t.fail("no root file system");
    const { entries, closure } = rootfs.params as {
      entries: { from?: { input?: string } }[];
      closure: { wanted: unknown };
    };
    t.same(closure.wanted, [{ name: "libbz2.so.1.0", neededBy: "the engine packaged" }]);
    t.notOk("engine" in rootfs.inputs);
    for (const { from } of entries)
      if (from?.input !== undefined && from.input !== "edgeimg")
        t.ok(from.input in rootfs.inputs, `the step has its input ${from.input}`);
    const adapter = plan.steps.find(({ id }) => id === "compile/packaged-adapter");
    t.match(JSON.stringify(adapter?.params), '"-lz"');
    t.ok("sysroot" in (adapter?.inputs ?? {}));
    const set = (name: string) => plan.steps.some(({ id }) => id === `root/${name}/packaged-arm64`);
    t.ok(set("sysroot") && set("rootfs"));
  },
);

t.test("a wrong recipe is told with its place", async (t) => {
  const project = t.testdir({
    recipes: { engines: { bad: { "recipe.yaml": "format: 1\nname: bad\nbuild:\n  kind: cmak\n" } } },
  });
  await t.rejects(loadCatalog(home, project), { code: "ERR_EDGEIMG_CATALOG_INVALID" });
});
