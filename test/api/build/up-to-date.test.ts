import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { leaveReceipt, upToDate } from "../../../src/api/build/up-to-date.js";
import type { BuildEvent } from "../../../src/ground/events.js";

const options = { offline: false, locked: false, board: "rpi4" };
/** As if the build had begun well after the last change. */
const later = () => Date.now() + 60_000;

async function setUp(t: Test, { began = later() } = {}) {
  const folder = t.testdir({
    project: { "edgeimg.yaml": "name: x", src: { "main.ts": "one" }, out: { "rpi4-ncnn": { "x.img": "image" } } },
    store: { tree: { "x.img": "image" }, "tree.json": "{}" },
    model: { "m.onnx": "model" },
    cache: {},
  });
  const project = join(folder, "project");
  const events: BuildEvent[] = [];
  const context = {
    cwd: project,
    env: { XDG_CACHE_HOME: join(folder, "cache") } as Record<string, string>,
    now: () => 5,
    date: Date.now,
    emit: (event: BuildEvent) => events.push(event),
    signal: new AbortController().signal,
  };
  const out = join(project, "out/rpi4-ncnn");
  const artifacts = [{ role: "image", path: join(out, "x.img"), bytes: 5, sha256: "a".repeat(64) }];
  const result = {
    artifacts,
    board: "rpi4",
    engine: "ncnn",
    boards: ["rpi4"],
    out,
    cachedSteps: 1,
    ranSteps: 0,
    ms: 9,
  };
  const leave = async (began: number) =>
    await leaveReceipt(context, options, {
      began,
      project,
      outBase: join(project, "out"),
      inputs: [join(folder, "model/m.onnx"), join(folder, "absent.yaml")],
      stored: [join(folder, "store/tree"), join(folder, "store/tree.json")],
      steps: [{ step: "disk", title: "Write the image", digest: "d" }],
      result,
    });
  await leave(began);
  const path = (name: string) => join(folder, name);
  return { context, events, result, path, leave, ask: () => upToDate(context, options) };
}

t.test("a build with nothing to do is told from its receipt, with the same events", async (t) => {
  const { ask, events, result, context } = await setUp(t);
  t.same(await ask(), { ...result, ms: 0 });
  t.match(events, [
    { type: "plan", steps: 1 },
    { type: "step-end", step: "disk", cached: true },
    { type: "artifact", role: "image" },
  ]);
  t.equal(await upToDate(context, { ...options, locked: true }), undefined, "other options are another build");
  t.equal(await upToDate({ ...context, env: { ...context.env, EDGEIMG_X: "1" } }, options), undefined);
  t.equal(await upToDate({ ...context, cwd: "/" }, options), undefined);
});

t.test("a cache folder that is the project's own hides no edit", async (t) => {
  const { context, ask, path, leave } = await setUp(t);
  context.env.XDG_CACHE_HOME = path("project");
  mkdirSync(path("project/edgeimg"));
  await leave(later());
  t.ok(await ask());
  edit(path(source));
  t.equal(await ask(), undefined);
});

const source = "project/src/main.ts";
/** Other bytes of the same length, with every time set back that can be set. */
const edit = (file: string) => {
  const { atime, mtime } = statSync(file);
  writeFileSync(file, readFileSync(file, "utf8").replace(/./g, "#"));
  utimesSync(file, atime, mtime);
};
const changes: Readonly<Record<string, (path: (name: string) => string) => void>> = {
  "an edit of the same size, its time set back": (path) => edit(path(source)),
  "an edit of edgeimg.yaml": (path) => edit(path("project/edgeimg.yaml")),
  "an edit of a model elsewhere": (path) => edit(path("model/m.onnx")),
  "a new file": (path) => writeFileSync(path("project/src/more.ts"), ""),
  "a file less": (path) => rmSync(path(source)),
  "another file under its name": (path) => {
    writeFileSync(path("project/new"), "one");
    renameSync(path("project/new"), path(source));
  },
  "a file that can be executed": (path) => chmodSync(path(source), 0o755),
  "a folder of boards": (path) => mkdirSync(path("project/board-configs")),
  "a file that was not there": (path) => writeFileSync(path("absent.yaml"), ""),
  "a link in a file's place": (path) => {
    rmSync(path(source));
    symlinkSync("../edgeimg.yaml", path(source));
  },
  "a result that was changed": (path) => edit(path("project/out/rpi4-ncnn/x.img")),
  "a result that was removed": (path) => rmSync(path("project/out/rpi4-ncnn/x.img")),
  "a damaged tree in the store": (path) => edit(path("store/tree/x.img")),
  "a tree that was pruned": (path) => rmSync(path("store/tree.json")),
};
for (const [name, change] of Object.entries(changes)) {
  t.test(`${name} needs a build`, async (t) => {
    const { ask, path } = await setUp(t);
    t.ok(await ask());
    change(path);
    t.equal(await ask(), undefined);
  });
}

t.test("edits in one tick of the clock, of one size: never an old result", async (t) => {
  const { context, ask, path, leave } = await setUp(t, { began: Date.now() });
  const receipts = () => readdirSync(context.env.XDG_CACHE_HOME ?? "", { recursive: true }).length;
  t.equal(receipts(), 0, "what has just changed may change again without a trace: no receipt");
  let told = 0;
  for (let round = 0; round < 200; round++) {
    writeFileSync(path(source), String(1000 + round));
    await leave(Date.now());
    writeFileSync(path(source), String(2000 + round));
    if ((await ask()) !== undefined) told++;
  }
  t.equal(told, 0);
  await new Promise((resolve) => setTimeout(resolve, 2700));
  await leave(Date.now());
  t.ok(await ask(), "once it has been still for long enough there is one");
  writeFileSync(path(source), "3000");
  t.equal(await ask(), undefined);
});

t.test("a receipt that is old, damaged or of the future is none", async (t) => {
  const { context, ask } = await setUp(t);
  const folder = join(context.env.XDG_CACHE_HOME ?? "", "edgeimg/v1/receipts");
  const file = join(folder, readdirSync(folder)[0] ?? "");
  t.ok(existsSync(file));
  const text = readFileSync(file, "utf8");
  const receipt = JSON.parse(text) as { madeAt: number };
  for (const madeAt of [receipt.madeAt - 90_000_000, receipt.madeAt + 90_000_000]) {
    writeFileSync(file, JSON.stringify({ ...receipt, madeAt }));
    t.equal(await ask(), undefined);
  }
  for (const bad of ["", text.slice(0, 50), "null", "[]", "{}"]) {
    writeFileSync(file, bad);
    t.equal(await ask(), undefined, JSON.stringify(bad));
  }
  writeFileSync(file, text);
  t.ok(await ask());
});
