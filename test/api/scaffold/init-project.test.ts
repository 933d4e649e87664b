import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { initProject } from "../../../src/api/scaffold/init-project.js";
import { loadProject } from "../../../src/config/load.js";

t.test("writes a project that the schema accepts and that editors can check", async (t) => {
  const cwd = t.testdir({});
  const result = await initProject({ cwd }, { directory: "My Reader!" });
  t.equal(result.directory, join(cwd, "My Reader!"));
  for (const file of [
    "edgeimg.yaml",
    "tsconfig.json",
    ".gitignore",
    "types/edge.d.ts",
    ".edgeimg/project.schema.json",
  ]) {
    t.ok(result.files.includes(file), file);
  }
  const text = await readFile(join(result.directory, "edgeimg.yaml"), "utf8");
  t.match(text, /^# yaml-language-server: \$schema=\.edgeimg\/project\.schema\.json\n/);
  const { value } = loadProject(text, "edgeimg.yaml");
  t.equal(value.name, "my-reader");
  t.match(await readFile(join(result.directory, "tsconfig.json"), "utf8"), '"include": ["src", "types"]');
  t.ok(result.files.includes(value.app.entry), "the entry file is there");
  t.notOk(result.files.some((file) => /node_modules|(^|\/)dist\//.test(file)));
});

t.test("a folder called like a number, a boolean or nothing gives a project with that name", async (t) => {
  const cwd = t.testdir({});
  const names = ["123", "true", "Null", "1e3", "~", "0x1F", "0o17", "yes", "2026-11-27", "no", "1_000", ".inf", "on"];
  const long = `${"a".repeat(39)}-b`;
  for (const directory of [...names, long]) {
    const result = await initProject({ cwd }, { directory });
    const { value } = loadProject(await readFile(join(result.directory, "edgeimg.yaml"), "utf8"), directory);
    const wanted =
      directory === "~"
        ? "my-app"
        : directory
            .toLowerCase()
            .replace(/[^a-z0-9]+/g, "-")
            .replace(/^-/, "");
    t.equal(value.name, directory === long ? "a".repeat(39) : wanted, directory);
  }
});

t.test("refuses a folder that holds something, and leaves it alone", async (t) => {
  const cwd = t.testdir({ full: { "a.txt": "mine" } });
  await t.rejects(initProject({ cwd }, { directory: "full" }), {
    code: "ERR_EDGEIMG_INIT_NOT_EMPTY",
    exitCode: 1,
    message: /full is not empty: it holds a\.txt$/,
  });
  t.equal(await readFile(join(cwd, "full/a.txt"), "utf8"), "mine");
});

t.test("an empty folder is fine, a file in its place is not", async (t) => {
  const cwd = t.testdir({ empty: {} });
  t.ok((await initProject({ cwd }, { directory: "empty" })).files.length > 5);
  await writeFile(join(cwd, "file"), "");
  await t.rejects(initProject({ cwd }, { directory: "file" }), { code: "ERR_EDGEIMG_OUTPUT_UNWRITABLE" });
});
