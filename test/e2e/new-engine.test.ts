import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { edgeimg, packedProgram, scratchFolder } from "./lab.js";

/** docs/engines.md: what it says of `edgeimg new engine` is done word by word, with the packed program, for each kind. */
const home = fileURLToPath(new URL("../../", import.meta.url));
const folder = await scratchFolder("new-engine");
t.teardown(() => rm(folder, { recursive: true, force: true }));

const [, walk = ""] = /\n## Adding one\n([\s\S]*?)\n\*\*The recipe\*\*/.exec(
  await readFile(join(home, "docs/engines.md"), "utf8"),
) ?? [""];
const blocks = [...walk.matchAll(/^```(sh|yaml)\n([\s\S]*?)^```$/gm)].map(([, language = "", text = ""]) => ({
  language,
  text,
}));

t.test("a new engine of each kind builds, and its model passes the check", async (t) => {
  t.same(
    blocks.map(({ language }) => language),
    ["sh", "yaml", "sh"],
    "the walk",
  );
  const program = await packedProgram(folder);
  for (const kind of ["compile", "cmake", "prebuilt", "packages"]) {
    const project = join(folder, kind);
    await mkdir(project);
    await writeFile(join(project, "main.ts"), 'import { report } from "edge:process";\nreport("ready");\n');
    const file = join(project, "edgeimg.yaml");
    await writeFile(file, "format: 1\nname: walk\nboard: qemu-a72\nengine: tiny\napp: { entry: main.ts }\n");
    for (const { language, text } of blocks) {
      if (language === "yaml") {
        await writeFile(file, `${await readFile(file, "utf8")}${text}`);
        continue;
      }
      const [name, ...words] = text.trim().split(" ");
      t.equal(name, "edgeimg");
      const more = words[0] === "new" ? ["--kind", kind] : [];
      const run = await edgeimg(program, [...words, ...more], { cwd: project });
      t.equal(run.code, 0, `${kind}: ${text.trim()}`, { stderr: run.stderr.slice(-2000) });
    }
    const again = await edgeimg(program, ["new", "engine", "tiny"], { cwd: project });
    t.equal(again.code, 1);
    t.match(again.stderr, /ERR_EDGEIMG_NEW_EXISTS/);
  }
});

t.test("what the new engine does not have is named by its converter", async (t) => {
  const project = join(folder, "compile");
  const converter = join(project, "recipes/converters/tiny/convert.py");
  await writeFile(converter, (await readFile(converter, "utf8")).replace('"Neg", ', ""));
  const run = await edgeimg(join(folder, "program/dist/bundle/main.js"), ["build", "--only", "model-check/tiny"], {
    cwd: project,
  });
  t.equal(run.code, 1);
  t.match(run.stderr, /ERR_EDGEIMG_MODEL_CONVERSION[\s\S]*tiny does not have the operator Neg/);
});
