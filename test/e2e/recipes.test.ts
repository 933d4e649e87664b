import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import * as tar from "tar";
import { writeNpy } from "../../src/formats/npy.js";
import { tinyOnnx } from "../model/onnx-builder.js";
import { assertCode, edgeimg, packedProgram, scratchFolder } from "./lab.js";

/**
 * Recipes of a user's own, a folder each: an engine of two archives, one of them patched, both supplied by the user; a converter in Python. The
 * model is checked in the engine that was built of them, so that the patch, both sources and the converter are proven by its result.
 */
const home = fileURLToPath(new URL("../../", import.meta.url));
const folder = await scratchFolder("recipes");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const project = join(folder, "project");
const toy = join(home, "test/fixtures/engines/toy");

/** An archive below `sources/`, under a name that says nothing, and what a recipe pins of it. */
async function supply(name: string, files: Readonly<Record<string, string>>): Promise<{ sha256: string }> {
  const made = join(folder, name);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(made, name, path, ".."), { recursive: true });
    await writeFile(join(made, name, path), text);
  }
  await mkdir(join(project, "sources"), { recursive: true });
  const file = join(project, "sources", `${name}.download`);
  await tar.c({ file, cwd: made, gzip: true, portable: true }, [name]);
  return {
    sha256: createHash("sha256")
      .update(await readFile(file))
      .digest("hex"),
  };
}

const sum = "for (size_t i = 0; i < count; i++) sum += values[i];";
const source = await readFile(join(toy, "toy.c"), "utf8");
if (!source.includes(sum)) throw new Error("the toy engine no longer sums as this test expects");
const main = await supply("toy-1.0", {
  "toy.c": source.replace(sum, "for (size_t i = 1; i < count; i++) sum += values[i];").replace(/sum;\n/, "sum;\n"),
  "toy.h": `#include "further/limits.h"\n${await readFile(join(toy, "toy.h"), "utf8")}`,
});
const further = await supply("limits", { "limits.h": "#define TOY_LARGEST 16777216\n" });
const engine = join(project, "recipes/engines/toy-parts");
await mkdir(join(engine, "patches"), { recursive: true });
await cp(toy, engine, { recursive: true });
await rm(join(engine, "toy.c"));
await rm(join(engine, "toy.h"));
const adapter = await readFile(join(engine, "adapter.c"), "utf8");
await writeFile(join(engine, "adapter.c"), adapter.replaceAll('"toy"', '"toy-parts"'));
await writeFile(
  join(engine, "patches/first.patch"),
  `--- a/toy.c\n+++ b/toy.c\n@@ -17,3 +17,3 @@\n   double sum = 0;\n-  ${sum.replace("i = 0", "i = 1")}\n+  ${sum}\n   return (float)sum;\n`,
);
const recipe = await readFile(join(toy, "recipe.yaml"), "utf8");
const supplied = (name: string, sha256: string) =>
  `purl: pkg:generic/${name}@1.0, sha256: ${sha256}, supplied: "Ask the maker."`;
await writeFile(
  join(engine, "recipe.yaml"),
  `${recipe
    .replace("name: toy\n", "name: toy-parts\n")
    .replace("accepts: [onnx]", "accepts: [toy]")
    .replace("headers: { toy.h: toy.h }", "headers: { toy.h: toy.h, further/limits.h: further/limits.h }")}sources:
  main: { ${supplied("toy", main.sha256)}, patches: [patches/first.patch] }
  limits: { ${supplied("limits", further.sha256)}, into: further }
`,
);
await mkdir(join(project, "recipes/converters"), { recursive: true });
await cp(join(home, "test/fixtures/converters/toy"), join(project, "recipes/converters/toy"), { recursive: true });
await writeFile(
  join(project, "sum.onnx"),
  tinyOnnx({
    nodes: [{ op: "ReduceSum", inputs: ["x"], outputs: ["y"] }],
    inputs: [{ name: "x", shape: [2, 3] }],
    outputs: [{ name: "y", shape: [1, 1] }],
  }),
);
await writeFile(join(project, "main.ts"), 'import { report } from "edge:process";\nreport("ready");\n');
await writeFile(
  join(project, "edgeimg.yaml"),
  "format: 1\nname: parts\nboard: qemu-a72\nengine: toy-parts\napp: { entry: main.ts }\nmodels: { sum: { onnx: sum.onnx } }\n",
);
const program = await packedProgram(folder);

t.test("an engine of two patched sources and a converter in Python are a folder each", async (t) => {
  const run = await edgeimg(program, ["build"], { cwd: project });
  assertCode(t, run, 0);
  const manifest = JSON.parse(await readFile(join(project, "out/qemu-a72-toy-parts/manifest.json"), "utf8"));
  const paths: string[] = manifest.files.map((file: { path: string }) => file.path);
  t.ok(paths.includes("models/sum/sum.toy"), "the converted model is in the image");
});

t.test("a converter in C is compiled for this machine, and converts the same", async (t) => {
  const converters = join(project, "recipes/converters");
  const convert = async (name: string) => {
    const run = await edgeimg(program, ["build", "--only", `convert/${name}/sum`, "--json"], { cwd: project });
    assertCode(t, run, 0);
    const { path } = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "");
    return await readFile(join(path, "sum.toy"), "latin1");
  };
  const python = await convert("toy");
  await rm(join(converters, "toy"), { recursive: true });
  await cp(join(home, "test/fixtures/converters/toy-c"), join(converters, "toy-c"), { recursive: true });
  t.equal(await convert("toy-c"), python);
  t.match(python, /^toy 1 --shapes=x=2,3\n/);
  const source = join(converters, "toy-c/convert.c");
  await writeFile(source, (await readFile(source, "utf8")).replace("return 2;", "return 2"));
  const broken = await edgeimg(program, ["build", "--only", "compile/tool-toy-c"], { cwd: project });
  t.not(broken.code, 0);
  t.match(broken.stderr, /convert\.c:\d+:\d+: error: expected/);
  await rm(join(converters, "toy-c"), { recursive: true });
  await cp(join(home, "test/fixtures/converters/toy"), join(converters, "toy"), { recursive: true });
});

t.test("without its patch the engine's wrong answer stops the build", async (t) => {
  const text = await readFile(join(engine, "recipe.yaml"), "utf8");
  await writeFile(join(engine, "recipe.yaml"), text.replace(", patches: [patches/first.patch]", ""));
  const run = await edgeimg(program, ["build"], { cwd: project });
  t.equal(run.code, 3);
  t.match(run.stderr, /ERR_EDGEIMG_MODEL_TOLERANCE/);
  await writeFile(join(engine, "recipe.yaml"), text);
});

t.test("a patch that does not fit, and an archive that is not there, are said", async (t) => {
  const patch = join(engine, "patches/first.patch");
  const text = await readFile(patch, "utf8");
  await writeFile(patch, text.replace("double sum = 0", "float sum = 0"));
  const unfit = await edgeimg(program, ["build"], { cwd: project });
  t.equal(unfit.code, 1);
  t.match(unfit.stderr, /ERR_EDGEIMG_SOURCE_PATCH.*first\.patch/s);
  await writeFile(patch, text);
  const recipeText = await readFile(join(engine, "recipe.yaml"), "utf8");
  await writeFile(join(engine, "recipe.yaml"), recipeText.replace(main.sha256, "a".repeat(64)));
  const unlocked = await edgeimg(program, ["build"], { cwd: project });
  t.equal(unlocked.code, 1);
  t.match(unlocked.stderr, /ERR_EDGEIMG_LOCK_DISAGREES/, "a hash that the lock does not have is found first");
  // As that message says.
  const updated = await edgeimg(program, ["lock", "--update"], { cwd: project });
  assertCode(t, updated, 0);
  const missing = await edgeimg(program, ["build"], { cwd: project });
  t.equal(missing.code, 1);
  t.match(missing.stderr, /ERR_EDGEIMG_SOURCE_SUPPLY/);
  t.match(missing.stderr, /Ask the maker\./);
  await writeFile(join(engine, "recipe.yaml"), recipeText);
  assertCode(t, await edgeimg(program, ["lock", "--update"], { cwd: project }), 0);
});

t.test(
  "golden outputs alone judge a model: right ones pass, wrong ones do not, and no other run is needed for that",
  async (t) => {
    const yaml = await readFile(join(project, "edgeimg.yaml"), "utf8");
    const npy = (shape: number[], values: number[]) =>
      writeNpy({ kind: "f", size: 4, shape, data: new Uint8Array(Float32Array.from(values).buffer) });
    await writeFile(join(project, "x.npy"), npy([2, 3], [1, 2, 3, 4, 5, 6]));
    const model = "onnx: sum.onnx, check: { against: golden }, outputs: { y: { golden: y.npy } }";
    const check = async (golden: Uint8Array, more: string) => {
      await writeFile(join(project, "y.npy"), golden);
      await writeFile(join(project, "edgeimg.yaml"), yaml.replace("onnx: sum.onnx", `${model}, ${more}`));
      return edgeimg(program, ["build", "--only", "model-check/sum"], { cwd: project });
    };
    const inputs = "inputs: { x: { test: { file: x.npy } } }";
    const right = await check(npy([1, 1], [21]), inputs);
    assertCode(t, right, 0);
    t.notMatch(right.stdout + right.stderr, /run onnxruntime on them/, "onnxruntime runs nothing");
    const wrong = await check(npy([1, 1], [21.2]), inputs);
    t.equal(wrong.code, 3);
    t.match(
      wrong.stderr,
      /MODEL_TOLERANCE.*toy-parts on cortex-a72 gives other results than its golden outputs.*21 instead of 21\.2/s,
    );
    t.notMatch(wrong.stdout, /Run model sum/, "another golden file runs no inference");
    const raised = await check(npy([1, 1], [21.2]), `${inputs}, tolerance: 0.01`);
    assertCode(t, raised, 0);
    t.notMatch(raised.stdout, /Run model sum|Convert/, "nor does another tolerance");
    const shape = await check(npy([1, 2], [21, 0]), inputs);
    t.equal(shape.code, 1);
    t.match(shape.stderr, /MODEL_SHAPES.*y\.npy has the shape 1x2/s);
    const without = await check(npy([1, 1], [21]), "inputs: {}");
    t.match(without.stderr, /MODEL_GOLDEN.*no values for x/s);
    await writeFile(join(project, "edgeimg.yaml"), yaml);
  },
);

t.test("a converter's own refusal reaches the user", async (t) => {
  await writeFile(
    join(project, "sum.onnx"),
    tinyOnnx({
      nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
      inputs: [{ name: "x", shape: [2, 3] }],
      outputs: [{ name: "y", shape: [2, 3] }],
    }),
  );
  const run = await edgeimg(program, ["build"], { cwd: project });
  t.equal(run.code, 1);
  t.match(run.stderr, /ERR_EDGEIMG_MODEL_CONVERSION/);
  t.match(run.stderr, /toy knows ReduceSum only/);
});
