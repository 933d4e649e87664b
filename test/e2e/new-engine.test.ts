import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { tinyOnnx } from "../model/onnx-builder.js";
import { assertCode, edgeimg, packedProgram, scratchFolder } from "./lab.js";

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

const program = await packedProgram(folder);

t.test("a new engine of each kind builds, and its model passes the check", async (t) => {
  t.same(
    blocks.map(({ language }) => language),
    ["sh", "yaml", "sh"],
    "the walk",
  );
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
  const run = await edgeimg(program, ["build", "--only", "model-check/tiny"], {
    cwd: project,
  });
  t.equal(run.code, 1);
  t.match(run.stderr, /ERR_EDGEIMG_MODEL_CONVERSION[\s\S]*tiny does not have the operator Neg/);
});

t.test("`ops: model` builds what the models use, their union, once for models of the same operators", async (t) => {
  const project = join(folder, "reduced");
  await mkdir(project);
  const file = join(project, "edgeimg.yaml");
  const head = "format: 1\nname: walk\nboard: qemu-a72\napp: { entry: main.ts }\n";
  await writeFile(join(project, "main.ts"), 'import { report } from "edge:process";\nreport("ready");\n');
  await writeFile(file, `${head}engine: tiny\n`);
  assertCode(t, await edgeimg(program, ["new", "engine", "tiny"], { cwd: project }), 0);
  const own = join(project, "recipes/engines/tiny");
  const change = async (name: string, from: string, to: string) => {
    const text = await readFile(join(own, name), "utf8");
    if (!text.includes(from)) throw new Error(`${name} no longer has ${from}`);
    // A function: text that ends a pattern with $ and a quote would be one of its own signs.
    await writeFile(
      join(own, name),
      text.replace(from, () => to),
    );
  };
  // Each operator can be left out, and it is as if the engine made an Abs by itself for a Neg.
  const table = '{[ENGINE_ABS] = "Abs", [ENGINE_NEG] = "Neg", [ENGINE_RELU] = "Relu"};';
  await change("engine.c", table, "{[ENGINE_ABS] = HAS_Abs, [ENGINE_NEG] = HAS_Neg, [ENGINE_RELU] = HAS_Relu};");
  const defaults = ["Abs", "Neg", "Relu"].map((one) => `#ifndef HAS_${one}\n#define HAS_${one} "${one}"\n#endif\n`);
  await change("engine.c", '#include "engine.h"\n', `#include "engine.h"\n${defaults.join("")}#define LEFT_OUT ""\n`);
  const operators = `operators:
  list: { role: model, line: '^(?<operator>[A-Z]\\w*)$' }
  known: { path: engine.c, line: '^#ifndef HAS_(?<operator>\\w+)' }
  needs: { Neg: [Abs] }
  without: HAS_{operator}=LEFT_OUT
`;
  await change("recipe.yaml", "\nnotes:", `\n${operators}notes:`);
  const chain = async (name: string, ...ops: readonly string[]) => {
    const ports = ["x", ...ops.slice(1).map((_, index) => `t${index}`), "y"];
    const nodes = ops.map((op, index) => ({ op, inputs: [ports[index] ?? ""], outputs: [ports[index + 1] ?? ""] }));
    const shape = [1, 4];
    const text = tinyOnnx({ nodes, inputs: [{ name: "x", shape }], outputs: [{ name: "y", shape }] });
    await writeFile(join(project, `${name}.onnx`), text);
  };
  await chain("first", "Relu");
  await chain("second", "Relu", "Relu");
  await chain("third", "Neg");
  /** What of the engine's operators is in its library, and where the library is. */
  const built = async (ops: string, ...models: readonly string[]) => {
    const given = models.map((name) => `${name}: { onnx: ${name}.onnx }`).join(", ");
    await writeFile(file, `${head}engine: { name: tiny, ops: ${ops} }\nmodels: { ${given} }\n`);
    const run = await edgeimg(program, ["build", "--only", "compile/tiny", "--json"], { cwd: project });
    t.equal(run.code, 0, ops, { said: `${run.stderr}${run.stdout}`.slice(-2000) });
    const { path } = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "");
    const bytes = await readFile(join(path, "usr/lib/libtiny_engine.so.1"), "latin1");
    for (const name of models) {
      const check = await edgeimg(program, ["build", "--only", `model-check/${name}`], { cwd: project });
      t.equal(check.code, 0, `${name} runs in it`, { stderr: check.stderr.slice(-2000) });
    }
    return { path, has: ["Abs", "Neg", "Relu"].filter((one) => bytes.includes(`${one}\0`)) };
  };
  const one = await built("model", "first");
  t.same(one.has, ["Relu"]);
  t.equal((await built("model", "first", "second")).path, one.path, "the same operators, the same library");
  t.same((await built("model", "first", "third")).has, ["Abs", "Neg", "Relu"], "and what Neg needs");
  t.same((await built("all", "first")).has, ["Abs", "Neg", "Relu"]);

  // A recipe that overlooks an operator: the check refuses the model, and says what to try.
  await change("recipe.yaml", "[A-Z]\\w*)$", "Relu)$");
  await chain("fourth", "Relu", "Neg");
  await writeFile(file, `${head}engine: { name: tiny, ops: model }\nmodels: { fourth: { onnx: fourth.onnx } }\n`);
  const refused = await edgeimg(program, ["build", "--only", "model-check/fourth"], { cwd: project });
  t.equal(refused.code, 1);
  t.match(refused.stderr, /ERR_EDGEIMG_MODEL_OPERATOR.*"Neg" is unknown/s);
  t.match(refused.stderr, /say `ops: all` under `engine`/);
});
