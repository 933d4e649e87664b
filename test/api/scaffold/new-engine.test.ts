import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { newEngine } from "../../../src/api/scaffold/new-engine.js";
import { loadCatalog } from "../../../src/catalog/catalog.js";
import { packageHome } from "../../../src/ground/home.js";
import { testContext } from "../../helpers/image-request.js";
import { tinyOnnx } from "../../model/onnx-builder.js";

const config = "format: 1\nname: x\nboard: qemu-a72\nengine: mine\napp: { entry: main.ts }\n";

t.test("new engine: each kind is a recipe and a converter that the catalog reads", async (t) => {
  for (const kind of ["compile", "cmake", "prebuilt", "packages"] as const) {
    const cwd = t.testdir({ "edgeimg.yaml": config });
    const { files, model } = await newEngine(testContext(cwd), { name: "mine", kind });
    const { engines, converters } = await loadCatalog(packageHome.replace(/\/$/, ""), cwd);
    t.match(engines.get("mine")?.recipe, { build: { kind }, model: { accepts: ["mine"] } });
    t.match(converters.get("mine")?.converter, { from: "onnx", to: "mine", script: "convert.py" });
    for (const file of files.filter((one) => one !== model))
      t.notMatch(readFileSync(join(cwd, file), "utf8"), /\{\{/, `${file} is rendered`);
    await t.rejects(newEngine(testContext(cwd), { name: "mine", kind }), { code: "ERR_EDGEIMG_NEW_EXISTS" });
  }
});

t.test("new engine: the model is what the tests' builder makes", async (t) => {
  const node = (op: string, from: string, to: string) => ({ op, inputs: [from], outputs: [to] });
  const made = tinyOnnx({
    nodes: [node("Neg", "x", "a"), node("Relu", "a", "b"), node("Neg", "b", "c"), node("Abs", "c", "y")],
    inputs: [{ name: "x", shape: [1, 8] }],
    outputs: [{ name: "y", shape: [1, 8] }],
    producer: "edgeimg",
  });
  t.ok(readFileSync(join(packageHome, "templates/engine/model.onnx")).equals(Buffer.from(made)));
});

t.test("new engine: names that are taken or none, and a folder that is no project, are refused", async (t) => {
  const kind = "compile";
  const cwd = t.testdir({ project: { "edgeimg.yaml": config, models: { "a.onnx": "" } }, none: {} });
  const project = testContext(join(cwd, "project"));
  for (const name of ["Mine", "-x", "a b", "../x", "", "x".repeat(42)])
    await t.rejects(newEngine(project, { name, kind }), { code: "ERR_EDGEIMG_USAGE" }, name);
  for (const name of ["ncnn", "pnnx", "a"])
    await t.rejects(newEngine(project, { name, kind }), { code: "ERR_EDGEIMG_NEW_EXISTS" }, name);
  await t.rejects(newEngine(testContext(join(cwd, "none")), { name: "mine", kind }), {
    code: "ERR_EDGEIMG_CONFIG_MISSING",
  });
});
