import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { loadCatalog } from "../../src/catalog/catalog.js";

const recipes = fileURLToPath(new URL("../../recipes", import.meta.url));
const [known = ""] = await readdir(join(recipes, "distro"));
const text = await readFile(join(recipes, "distro", known), "utf8");

/** edgeimg's own catalog with other files of distributions. */
async function catalogWith(folder: string, distributions: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(join(folder, "recipes/distro"), { recursive: true });
  for (const name of await readdir(recipes))
    if (name !== "distro") await symlink(join(recipes, name), join(folder, "recipes", name));
  for (const [name, content] of Object.entries(distributions))
    await writeFile(join(folder, "recipes/distro", `${name}.yaml`), content);
  return folder;
}

const named = (name: string, isDefault: boolean): string =>
  text.replace(/^name: .*$/m, `name: ${name}`).replace(/^default: .*$/m, `default: ${isDefault}`);

t.test("a new distribution is one file: the one that says it is the default is used", async (t) => {
  const home = await catalogWith(t.testdir({}), { old: named("old", false), "new-one": named("new-one", true) });
  t.equal((await loadCatalog(home, undefined)).distribution.name, "new-one");
});

t.test("none or two of them are the default", async (t) => {
  for (const [isFirst, message] of [
    [false, /^None of the distributions/],
    [true, /^More than one of the distributions/],
  ] as const) {
    const home = await catalogWith(t.testdir({}), { one: named("one", isFirst), two: named("two", isFirst) });
    await t.rejects(loadCatalog(home, undefined), { code: "ERR_EDGEIMG_CATALOG_INVALID", message });
  }
});
