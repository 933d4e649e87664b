import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { planImage } from "../../src/builders/debian/plan-image.js";
import { type Arch, architectures } from "../../src/catalog/architecture.js";
import type { ImageRequest } from "../../src/image/request.js";
import { requirements } from "../../src/parts/package-sets.js";
import { inventedLock, requestFor } from "../helpers/image-request.js";

const home = fileURLToPath(new URL("../../", import.meta.url));
const fixture = (path: string) => join(home, "test/fixtures", path);

/** A project whose engine reads what the converter of the fixtures writes, which is in C. */
async function requestOnHost(t: Test, host: Arch, converter: (text: string) => string = (text) => text) {
  const folder = t.testdir({ recipes: { engines: {}, converters: {}, tools: {} } });
  await cp(fixture("engines/toy"), join(folder, "recipes/engines/toy"), { recursive: true });
  const recipe = join(folder, "recipes/engines/toy/recipe.yaml");
  await writeFile(recipe, (await readFile(recipe, "utf8")).replace("accepts: [onnx]", "accepts: [toy]"));
  await cp(fixture("converters/toy-c"), join(folder, "recipes/converters/toy-c"), { recursive: true });
  const file = join(folder, "recipes/converters/toy-c/converter.yaml");
  await writeFile(file, converter(await readFile(file, "utf8")));
  await mkdir(join(folder, "recipes/tools/maker"), { recursive: true });
  await writeFile(join(folder, "recipes/tools/maker/tool.yaml"), maker);
  const text = "format: 1\nname: x\napp: { entry: main.ts }\nmodels: { m: { onnx: m.onnx } }\n";
  const request = await requestFor(folder, { board: "qemu-a72", engine: "toy", text });
  return { ...request, host: { arch: host, node: architectures[host].node } };
}

const maker = `format: 1
name: maker
title: maker
version: "2.0"
homepage: https://example.org/maker
license: MIT
environment:
  kind: source
  sources:
    main: { purl: pkg:npm/maker@2.0.0, sha256: ${"a".repeat(64)}, patches: [host.patch] }
    further: { purl: pkg:npm/further@1.0.0, sha256: ${"b".repeat(64)}, into: third/further }
    other: { purl: pkg:npm/other@1.0.0, sha256: ${"c".repeat(64)}, arch: [armhf] }
  packages: [libbz2-dev]
  build: { kind: cmake, options: { TESTS: false }, targets: [maker] }
  program: usr/bin/maker
`;
const named = (text: string) => text.replace(/tool:\n(?: .*\n)+/, "tool: maker\n");

function stepOf(request: ImageRequest, id: string) {
  const plan = planImage(request, inventedLock(request));
  const step = plan.steps.find((one) => one.id === id);
  if (step === undefined) throw new Error(`the plan has no ${id}`);
  return step;
}

t.test(
  "a converter in C is compiled for the machine that builds and started with what it was linked with",
  async (t) => {
    for (const [host, flag] of [
      ["amd64", "-march=x86-64"],
      ["arm64", "-mcpu=generic"],
    ] as const) {
      const request = await requestOnHost(t, host);
      const { triplet, loader } = architectures[host];
      const compile = stepOf(request, "compile/tool-toy-c");
      t.same(compile.inputs, {
        toolchain: `root/tools/toolchain-${host}`,
        sysroot: `root/sysroot/${host}`,
        source: "local/converters/toy-c",
      });
      const text = JSON.stringify(compile.params);
      for (const word of [`${triplet}-gcc`, flag, "-Werror", "in/source/convert.c", "out/usr/bin/toy-convert"])
        t.ok(text.includes(`${word}"`), `${host}: ${word}`);
      const convert = stepOf(request, "convert/toy-c/m");
      t.match(convert.inputs, { tool: "compile/tool-toy-c", sysroot: `root/sysroot/${host}`, ports: "model-ports/m" });
      const [command = []] = Reflect.get(convert.params, "commands") as string[][];
      t.same(command.slice(0, 5), [
        `{cwd}/in/sysroot/root/${loader}`,
        "--library-path",
        `{cwd}/in/sysroot/root/usr/lib/${triplet}`,
        "{cwd}/in/tool/usr/bin/toy-convert",
        "model/model.onnx",
      ]);
      const sets = requirements(request).sets.map(({ name }) => name);
      t.same(sets.length, new Set(sets).size, "no set twice, be the host like the board or not");
      for (const set of [`tools/toolchain-${host}`, `sysroot/${host}`, "tools/toolchain-arm64", "sysroot/arm64"])
        t.ok(sets.includes(set), `${host}: ${set}`);
    }
  },
);

t.test("a tool of recipes/tools is made of locked archives, patched, by CMake, with packages of its own", async (t) => {
  const request = await requestOnHost(t, "amd64", named);
  const compile = stepOf(request, "compile/tool-maker");
  t.match(compile.inputs, {
    toolchain: "root/tools/toolchain-amd64",
    sysroot: "root/sysroot/tool-maker-amd64",
    source: "source/tool-maker",
  });
  t.match(JSON.stringify(compile.params), /-DTESTS=OFF.*"maker"/);
  t.match(stepOf(request, "source/tool-maker").inputs, { "patch/tool-maker": "patch/tool-maker" });
  t.match(stepOf(request, "local/tools/maker/host.patch").params, { path: /recipes\/tools\/maker\/host\.patch$/ });
  t.throws(() => stepOf(request, "fetch/tool-maker-other"), "not for this host");
  t.match(stepOf(request, "convert/toy-c/m").inputs, { tool: "compile/tool-maker" });
  const lock = inventedLock(request);
  t.match(lock.recipes, {
    "pkg:npm/maker@2.0.0": { sha256: "a".repeat(64) },
    "pkg:npm/further@1.0.0": { sha256: "b".repeat(64) },
  });
  t.notOk("pkg:npm/other@1.0.0" in lock.recipes);
  t.ok(lock.sets["sysroot/tool-maker-amd64"]?.request.includes("libbz2-dev"));
  t.notOk(lock.sets["sysroot/amd64"], "which is the only one");
  const report = JSON.stringify(stepOf(request, "image/report").params);
  t.ok(report.includes("pkg:npm/maker@2.0.0"), "the manifest lists what took part");
  const compileKeys = ["qemu-a72", "qemu-a53"].map((board) =>
    JSON.stringify(stepOf({ ...request, board: request.catalog.boards.get(board) ?? request.board }, compile.id)),
  );
  t.equal(compileKeys[0], compileKeys[1], "the same for all boards");
});

t.test("a converter that compiles for the board has its compiler, and another result for another core", async (t) => {
  const compiles = (text: string) =>
    text.replace(/^args:.*$/m, 'toolchain: true\nargs: ["{model}", "{out}/{name}.toy", "{triplet}", "{cpu}", "{cc}"]');
  const request = await requestOnHost(t, "amd64", compiles);
  const step = stepOf(request, "convert/toy-c/m");
  t.match(step.inputs, {
    "board-toolchain": "root/tools/toolchain-arm64",
    "board-sysroot": "root/sysroot/arm64",
    sysroot: "root/sysroot/amd64",
  });
  t.same(Reflect.get(step.params, "path"), ["in/board-toolchain/root/usr/bin"]);
  const [command = []] = Reflect.get(step.params, "commands") as string[][];
  const [, , triplet, cpu, compiler, ...flags] = command.slice(command.indexOf("model/model.onnx"));
  t.same([triplet, cpu], ["aarch64-linux-gnu", "cortex-a72"]);
  t.equal(compiler, "in/board-toolchain/root/usr/bin/aarch64-linux-gnu-gcc");
  for (const flag of ["--sysroot={cwd}/in/board-sysroot/root", "-mcpu=cortex-a72"]) t.ok(flags.includes(flag), flag);
  const board = request.catalog.boards.get("qemu-a53") ?? request.board;
  t.match(JSON.stringify(stepOf({ ...request, board }, step.id).params), /"cortex-a53".*-mcpu=cortex-a53/);
  const plain = stepOf(await requestOnHost(t, "amd64"), step.id);
  t.notOk("board-toolchain" in plain.inputs, "others have none, and give the same for all cores");
});
