import { access, cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { loadCatalog } from "../../src/catalog/catalog.js";

const home = fileURLToPath(new URL("../../", import.meta.url));

t.test("every recipe follows the schema and has the files it names", async (t) => {
  const { engines } = await loadCatalog(home, undefined);
  for (const name of ["ncnn", "onnxruntime"]) t.ok(engines.has(name), name);
  for (const [name, { recipe, folder }] of engines) {
    t.equal(recipe.name, name, "is named like its folder");
    t.ok(folder.endsWith(`/${name}`));
    for (const source of recipe.adapter.sources) await t.resolves(access(join(folder, source)), `${name} ${source}`);
    const { native, converter } = recipe.model;
    t.not(native === undefined, converter === undefined, `${name}: models are either converted or taken as they are`);
    if (converter?.unconverted !== undefined)
      t.ok(converter.files[converter.unconverted.role], `${name}: the file with the layers goes to the device`);
    t.ok(
      Object.keys(recipe.license.files).length > 0 || recipe.license.package !== undefined,
      `${name}: a licence text`,
    );
  }
});

t.test("a third engine is one folder in the project", async (t) => {
  const project = t.testdir({ recipes: { engines: {} } });
  await cp(join(home, "test/fixtures/engines/toy"), join(project, "recipes/engines/toy"), { recursive: true });
  const { engines } = await loadCatalog(home, project);
  t.match(engines.get("toy"), { folder: join(project, "recipes/engines/toy"), recipe: { build: { kind: "compile" } } });
  t.ok(engines.has("ncnn"), "the built-in ones stay");
});

t.test("a wrong recipe is told with its place", async (t) => {
  const project = t.testdir({
    recipes: { engines: { bad: { "recipe.yaml": "format: 1\nname: bad\nbuild:\n  kind: cmak\n" } } },
  });
  await t.rejects(loadCatalog(home, project), { code: "ERR_EDGEIMG_CATALOG_INVALID" });
});
