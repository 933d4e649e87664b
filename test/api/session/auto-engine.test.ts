import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { imageRequest, openProject } from "../../../src/api/session/open-project.js";
import { prepare } from "../../../src/api/session/prepare.js";
import { loadCatalog } from "../../../src/catalog/catalog.js";
import { packageHome } from "../../../src/ground/home.js";
import { formatLock, parseLock } from "../../../src/lock/lock-file.js";
import type { BenchReport } from "../../../src/report/bench.js";
import { someReport } from "../../helpers/bench-report.js";
import { inventedLock, testContext } from "../../helpers/image-request.js";

const catalog = await loadCatalog(packageHome.replace(/\/$/, ""), undefined);
const versionOf = (name: string) => catalog.engines.get(name)?.recipe.version ?? "";

/** A comparison of engines on a project without models: the smaller image is to be taken. */
function comparison(images: Readonly<Record<string, number>>, more: Partial<BenchReport> = {}): string {
  const engines = Object.entries(images).map(([name, imageBytes]) => ({
    ...{ name, version: versionOf(name), imageBytes, engineBytes: 1, models: [] },
  }));
  return JSON.stringify(someReport({ board: "rpi4", engines, ...more }));
}

function project(t: Test, { engine, board = "rpi4" }: { readonly engine: string; readonly board?: string }): string {
  return t.testdir({
    "edgeimg.yaml": `format: 1\nname: toy\nboard: ${board}\nengine: ${engine}\napp: { entry: main.ts }\n`,
    "main.ts": "",
    out: { "rpi4-bench": {} },
  });
}

const byImage = "{ name: auto, by: image }";
const open = async (cwd: string, flags: { readonly board?: string; readonly engine?: string } = {}) =>
  await openProject(testContext(cwd), flags);

t.test("the comparison of the board decides; a flag goes first", async (t) => {
  const cwd = project(t, { engine: byImage });
  const text = comparison({ ncnn: 20, mnn: 10 });
  writeFileSync(join(cwd, "out/rpi4-bench/bench.json"), text);
  const { merged, choices } = await open(cwd);
  t.equal(merged.engine, "mnn");
  t.match(
    merged.settings.filter(({ key }) => key.startsWith("engine")).map(({ key, value }) => `${key} ${value}`),
    ["engine mnn", "engine.by image", "engine.ops all"],
  );
  t.same(choices, {
    rpi4: {
      engine: "mnn",
      by: "image",
      bench: createHash("sha256").update(text).digest("hex"),
      why: "mnn 10 bytes of image; ncnn 20 bytes of image",
    },
  });
  const named = await open(cwd, { engine: "onnxruntime" });
  t.equal(named.merged.engine, "onnxruntime");
  t.equal(named.choices, undefined);
});

t.test("without the file the lock's choice holds, and a locked build refuses another one", async (t) => {
  const cwd = project(t, { engine: byImage });
  const file = join(cwd, "out/rpi4-bench/bench.json");
  writeFileSync(file, comparison({ ncnn: 20, mnn: 10 }));
  const opened = await open(cwd);
  const { choices } = opened;
  const lockFile = join(cwd, "edgeimg.lock");
  const lock = { ...inventedLock(imageRequest(opened)), engines: choices ?? {} };
  writeFileSync(lockFile, formatLock(lock));
  t.same(parseLock(formatLock(lock), "l").engines, choices, "the lock keeps it");
  rmSync(file);
  t.equal((await open(cwd)).merged.engine, "mnn");
  const locked = async () =>
    (await prepare(testContext(cwd), { offline: true, locked: true })).request.engine.recipe.name;
  t.equal(await locked(), "mnn");

  writeFileSync(file, comparison({ ncnn: 20, mnn: 10, tflite: 30 }));
  await t.rejects(locked(), {
    code: "ERR_EDGEIMG_LOCK_DISAGREES",
    details: ["rpi4: mnn by another comparison in the lock, mnn by the file that is here"],
  });
  rmSync(lockFile);
  rmSync(file);
  await t.rejects(open(cwd), {
    code: "ERR_EDGEIMG_ENGINE_CHOICE",
    message:
      "`engine: auto`: there is no comparison out/rpi4-bench/bench.json that chooses one for rpi4, and the lock has none by image.",
    hint: "Run `edgeimg bench --board rpi4` first, or name an engine.",
    place: { file: "edgeimg.yaml", line: 4 },
  });
});

t.test("what a comparison cannot decide is refused", async (t) => {
  const cases: readonly (readonly [what: RegExp, engine: string, text: string, board?: string])[] = [
    [/is no comparison of this edgeimg/, "auto", "{}"],
    [/is no comparison of this edgeimg/, "auto", "["],
    [/cannot be read: it is larger/, "auto", " ".repeat(2 ** 24 + 1)],
    [
      /was measured on cortex-a53 \(rpi3\), and the board has cortex-a72/,
      "auto",
      comparison({ ncnn: 1 }, { cpu: "cortex-a53", board: "rpi3" }),
    ],
    [/was timed on qemu-a72/, "{ name: auto, by: latency }", comparison({ ncnn: 1 }, { board: "qemu-a72" })],
    [/no engine of out\/rpi4-bench\/bench.json can be taken/, "auto", comparison({ unknown: 1 })],
    [/the boards have different cores/, "auto", comparison({ ncnn: 1 }), "[rpi4, rpi3]"],
  ];
  for (const [index, [message, engine, text, board = "rpi4"]] of cases.entries())
    await t.test(`${index}`, async (t) => {
      const cwd = project(t, { engine, board });
      writeFileSync(join(cwd, "out/rpi4-bench/bench.json"), text);
      await t.rejects(open(cwd), { code: "ERR_EDGEIMG_ENGINE_CHOICE", message });
    });
  const other = project(t, { engine: "{ name: auto, bench: kept.json }", board: "qemu-a72" });
  writeFileSync(join(other, "kept.json"), comparison({ ncnn: 1 }));
  t.equal((await open(other)).merged.engine, "ncnn", "counted on another board with the same core");
});

t.test("what belongs to `auto` is not said of an engine, nor the other way round", async (t) => {
  for (const engine of ["{ name: ncnn, by: image }", "{ name: ncnn, bench: b.json }", "{ name: auto, ops: model }"])
    await t.rejects(open(project(t, { engine })), { code: "ERR_EDGEIMG_CONFIG_INVALID", place: { line: 4 } }, engine);
});
