import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { tinyOnnx } from "../model/onnx-builder.js";
import { assertCode, edgeimg, jsonLines, packedProgram, scratchFolder } from "./lab.js";

/** A sixth board by writing one YAML, a third engine by adding one folder, in a project of a user: built and booted. */
const home = fileURLToPath(new URL("../../", import.meta.url));
const folder = await scratchFolder("catalog");
t.teardown(() => rm(folder, { recursive: true, force: true }));

const toys = ["toy", "toy-cpp"];

t.test("one new YAML and one new folder give an image that runs", async (t) => {
  const program = await packedProgram(folder);
  const project = join(folder, "project");
  await mkdir(join(project, "board-configs"), { recursive: true });
  const known = await readFile(join(home, "board-configs/qemu-a72.yaml"), "utf8");
  await writeFile(
    join(project, "board-configs/sixth.yaml"),
    known.replace("name: qemu-a72", "name: sixth").replace(/cortex-a72/g, "cortex-a57"),
  );
  for (const engine of toys)
    await cp(join(home, "test/fixtures/engines", engine), join(project, "recipes/engines", engine), {
      recursive: true,
    });
  await writeFile(
    join(project, "sum.onnx"),
    tinyOnnx({
      nodes: [{ op: "ReduceSum", inputs: ["x"], outputs: ["y"] }],
      inputs: [{ name: "x", shape: [2, 3] }],
      outputs: [{ name: "y", shape: [1, 1] }],
    }),
  );
  await writeFile(
    join(project, "main.ts"),
    `import { load } from "edge:nn";
import { report } from "edge:process";
const model = await load("sum");
const { y } = await model.run({ x: { shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) } });
report("result", { sum: y?.data[0] });
const refused = await model.run({ x: { shape: [3, 3], data: new Float32Array(9) } }).then(() => "answered", (error) => error.code);
report("result", { refused });
report("ready");
`,
  );
  const tests = JSON.stringify({
    timeout: 300,
    expect: [
      { edgeimg: "result", sum: 21 },
      { edgeimg: "result", refused: "SHAPE" },
    ],
  });
  await writeFile(
    join(project, "edgeimg.yaml"),
    `format: 1\nname: sum\nboard: sixth\nengine: toy\napp: { entry: main.ts }\nmodels: { sum: { onnx: sum.onnx } }\ntests: ${tests}\n`,
  );

  const boards = await edgeimg(program, ["boards"], { cwd: project });
  t.match(boards.stdout, "sixth");
  const engines = await edgeimg(program, ["engines"], { cwd: project });
  t.match(engines.stdout, "toy");
  // In C++, adapter and engine: only what adapters have in common is C.
  for (const engine of toys)
    await t.test(engine, async (t) => {
      const run = await edgeimg(program, ["test", "--engine", engine, "--json"], { cwd: project });
      const report = jsonLines(run.stdout).find((line) => line.command === "test");
      if (!Array.isArray(report?.checks))
        return t.fail(`no report: ${run.stdout.slice(-1500)}${run.stderr.slice(-1500)}`);
      const checks: { name: string; passed: boolean; detail?: string }[] = report.checks;
      for (const check of checks) t.ok(check.passed, check.name, { detail: check.detail });
      assertCode(t, run, 0);
    });

  await cp(join(home, "test/fixtures/engines/packaged"), join(project, "recipes/engines/packaged"), {
    recursive: true,
  });
  const other = await edgeimg(program, ["test", "--json", "--engine", "packaged"], { cwd: project });
  assertCode(t, other, 0);
  const manifest = JSON.parse(await readFile(join(project, "out/sixth-packaged/manifest.json"), "utf8"));
  const paths: string[] = manifest.files.map((file: { path: string }) => file.path);
  for (const name of ["libbz2.so.1.0", "libz.so.1"])
    t.ok(paths.includes(`usr/lib/aarch64-linux-gnu/${name}`), `${name} is in the image`);
});
