import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { planImage } from "../../../src/builders/debian/plan-image.js";
import { loadProject } from "../../../src/config/load.js";
import { inventedLock, requestFor } from "../../helpers/image-request.js";
import { treeOf, treeRequest } from "../../helpers/tree-request.js";

/** Names that a shell, make or YAML would read otherwise. */
const odd = [
  "a b.onnx",
  "ünï-結果.onnx",
  "x=y.onnx",
  "-v.onnx",
  "a'b.onnx",
  'a"b.onnx',
  "$(HOME) $$x $y.onnx",
  "100%.onnx",
  "a#b.onnx",
  "a:b;c&d|e.onnx",
  "`id`\\.onnx",
  `${"n".repeat(200)}.onnx`,
];

const yaml = (models: string) =>
  `format: 1\nname: x\nboard: rpi4\nengine: ncnn\napp: { entry: main.ts }\nmodels: ${models}\n`;

t.test("model files with odd names are read by their paths, and reach no name on the device", async (t) => {
  for (const name of odd) {
    const path = `models/${name}`;
    const text = yaml(JSON.stringify({ det: { onnx: path } }));
    const request = await requestFor(t.testdir(), { board: "rpi4", engine: "ncnn", text });
    const { steps } = planImage(request, inventedLock(request));
    const step = (id: string) => steps.find((one) => one.id === id)?.params as Record<string, unknown> | undefined;
    t.equal(step("model-source/det")?.path, request.localPath(path), name);
    t.equal(step("model-onnx/det")?.path, name);
    t.notMatch(
      JSON.stringify([step("convert/pnnx/det"), step("model/det")]),
      name,
      "neither the converter's nor the image's",
    );
  }
});

t.test("names on the device are plain: others are refused with their place", async (t) => {
  for (const name of ["a b", "ünï", "x=y", "-v", "a'b", "../a", "a/b", "", "n".repeat(101)]) {
    const files = yaml(JSON.stringify({ det: { onnx: "a.onnx", files: { [name]: "labels.txt" } } }));
    const code = "ERR_EDGEIMG_CONFIG_INVALID";
    t.throws(
      () => loadProject(files, "edgeimg.yaml"),
      { code, place: { file: "edgeimg.yaml", line: 6 } },
      `file ${name}`,
    );
    const models = yaml(JSON.stringify({ [name]: { onnx: "a.onnx" } }));
    t.throws(
      () => loadProject(models, "edgeimg.yaml"),
      { code, place: { file: "edgeimg.yaml", line: 6 } },
      `model ${name}`,
    );
  }
  for (const name of ["labels.txt", "LICENSE-2.0", "0", "a_b.c", "n".repeat(100)])
    t.ok(loadProject(yaml(JSON.stringify({ det: { onnx: "a.onnx", files: { [name]: "l" } } })), "edgeimg.yaml"), name);
});

const hasMake = spawnSync("make", ["--version"]).status === 0;
t.test(
  "Buildroot's models are copied whatever their files are called: no name stands in a makefile",
  { skip: hasMake ? false : "no make on this machine" },
  async (t) => {
    const folder = t.testdir({ build: {}, tree: {} });
    const request = await treeRequest(join(folder, "tree"), { boards: ["rpi4"], engines: ["ncnn"] });
    const files = odd.map((name) => ({ path: `det/${name}`, file: `/parts/ncnn/det/${name}` }));
    const tree = treeOf({ ...request, parts: { ...request.parts, models: new Map([["ncnn", files]]) } });
    const plain = treeOf(request);
    const at = "package/edgeimg-models";
    for (const file of tree)
      if (file.from === "text" && file.path.startsWith(at))
        t.same(
          file,
          plain.find(({ path }) => path === file.path),
          file.path,
        );
    for (const { path } of files) {
      t.ok(
        tree.find((one) => one.path === `${at}/src/ncnn/${path}`),
        path,
      );
      mkdirSync(dirname(join(folder, "build/ncnn", path)), { recursive: true });
      writeFileSync(join(folder, "build/ncnn", path), path);
    }
    const mk = tree.find(({ path }) => path === `${at}/edgeimg-models.mk`);
    writeFileSync(join(folder, "models.mk"), mk?.from === "text" ? mk.text : "");
    // What Buildroot defines around a package: the rest of its makefiles takes no part in this.
    writeFileSync(
      join(folder, "Makefile"),
      'qstrip = $(strip $(subst ",,$(1)))\nBR2_PACKAGE_EDGEIMG_ADAPTER_ENGINE = "ncnn"\nTARGET_DIR = target\ninclude models.mk\nbuild/stamp:\n\t$(EDGEIMG_MODELS_INSTALL_TARGET_CMDS)\n',
    );
    execFileSync("make", ["build/stamp"], { cwd: folder, stdio: "pipe" });
    t.same(readdirSync(join(folder, "target/models/det")).sort(), [...odd].sort());
    for (const { path } of files) t.equal(readFileSync(join(folder, "target/models", path), "utf8"), path);
  },
);
