import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { updateLock } from "../../../src/api/build/lock.js";
import { prepare, prepareMatrix } from "../../../src/api/session/prepare.js";
import { planImage } from "../../../src/builders/debian/plan-image.js";
import { execute } from "../../../src/execute/execute.js";
import type { BuildEvent } from "../../../src/ground/events.js";
import { packageHome } from "../../../src/ground/home.js";
import { formatLock } from "../../../src/lock/lock-file.js";
import { fetchedFiles } from "../../../src/steps/fetch.js";
import { treePath } from "../../../src/store/store.js";
import { walk } from "../../../src/store/tree.js";
import { tinyProject } from "../../helpers/ci-project.js";
import { inventedLock, requestFor, testContext } from "../../helpers/image-request.js";

const locked = { offline: true, locked: true };
const yaml = "matrix: { boards: [rpi4, rpi3], engines: [ncnn] }\n";

t.test("a store within the project's folder, as GitLab has it, is no part of the app", async (t) => {
  const folder = t.testdir();
  await tinyProject(folder, yaml);
  const request = await requestFor(join(folder, "other"), { board: "rpi4", engine: "ncnn", text: minimal });
  writeFileSync(join(folder, "edgeimg.lock"), formatLock(inventedLock(request)));
  const context = testContext(folder);
  const inside = await prepare({ ...context, env: { XDG_CACHE_HOME: join(folder, ".cache") } }, locked);
  t.ok(inside.request.exclude.includes(".cache"));
  const same = await prepare({ ...context, env: { XDG_CACHE_HOME: folder } }, locked);
  const services = { ...same.services, emit: () => {} };
  const plan = planImage(same.request, same.lock);
  const read = await execute(plan, ["local/project"], services);
  const tree = treePath(services.store, read.get("local/project")?.digest ?? "");
  t.same(
    [...walk(tree, "")].filter((path) => path.startsWith("edgeimg/")),
    [],
    "XDG_CACHE_HOME may be the project's folder itself",
  );
  t.ok(existsSync(join(tree, "main.ts")));
  const outside = await prepare({ ...context, env: { XDG_CACHE_HOME: `${folder}-cache` } }, locked);
  t.notOk(outside.request.exclude.some((path) => path.includes("cache")));
});

t.test("a lock made for one board does not serve the matrix; one made for all does", async (t) => {
  const folder = t.testdir();
  await tinyProject(folder, yaml);
  const locks = [];
  for (const board of ["rpi4", "rpi3"])
    locks.push(inventedLock(await requestFor(join(folder, "other"), { board, engine: "ncnn", text: minimal })));
  const [first, second] = locks;
  if (first === undefined || second === undefined) throw new Error("two locks were made");
  const file = join(folder, "edgeimg.lock");
  writeFileSync(file, formatLock(first));
  await t.rejects(prepareMatrix(testContext(folder), locked), {
    code: "ERR_EDGEIMG_LOCK_DISAGREES",
    details: [/firmware\/rpi3/],
  });
  const sets = { ...first.sets, ...second.sets };
  writeFileSync(file, formatLock({ ...first, sets, packages: { ...first.packages, ...second.packages } }));
  const prepared = await prepareMatrix(testContext(folder), locked);
  t.same(
    prepared.map(({ out }) => out),
    [join(folder, "out/rpi4-ncnn"), join(folder, "out/rpi3-ncnn")],
  );
});

t.test(
  "the lock holds every source that the recipes bring; --locked refuses one that moved or is missing",
  async (t) => {
    const folder = t.testdir();
    await tinyProject(folder, "board: rpi4\nengine: ncnn\n");
    const request = await requestFor(join(folder, "other"), { board: "rpi4", engine: "ncnn", text: minimal });
    const lock = inventedLock(request);
    const file = join(folder, "edgeimg.lock");
    writeFileSync(file, formatLock(lock));
    const context = testContext(folder);
    const [prepared] = [await prepare(context, locked)];
    const plan = planImage(prepared.request, prepared.lock);
    const pinned = new Set(
      [...Object.values(prepared.lock.packages), ...Object.values(prepared.lock.recipes)].map(({ sha256 }) => sha256),
    );
    for (const step of plan.steps)
      if (step.kind === "fetch") for (const one of fetchedFiles(step.params)) t.ok(pinned.has(one.sha256), one.purl);
    const engine = Object.keys(lock.recipes).find((key) => key.startsWith("pkg:pypi/ncnn@")) ?? "";
    t.ok(engine !== "", "the engine's source");
    const disagrees = { code: "ERR_EDGEIMG_LOCK_DISAGREES", exitCode: 1 };
    const moved = { ...lock, recipes: { ...lock.recipes, [engine]: { sha256: "e".repeat(64) } } };
    writeFileSync(file, formatLock(moved));
    await t.rejects(prepare(context, locked), {
      ...disagrees,
      details: [new RegExp(`the lock has ${"e".repeat(64)}`)],
    });
    await t.rejects(
      prepare(context, { offline: true, locked: false }),
      disagrees,
      "nor does a build without --locked go on",
    );
    await t.rejects(updateLock(context, { ...locked, update: false }), disagrees, "edgeimg lock says so, too");
    writeFileSync(file, formatLock({ ...lock, recipes: {} }));
    await t.rejects(prepare(context, locked), { ...disagrees, details: [/absent/] });
    await prepare(context, { offline: true, locked: false });
    t.equal(readFileSync(file, "utf8"), formatLock(lock), "a build without --locked adds them");
  },
);

t.test("debug: true is said, by the same warning whatever prepares an image; without it nothing is", async (t) => {
  for (const debug of [true, false]) {
    const folder = t.testdir();
    await tinyProject(folder, `board: rpi4\nengine: ncnn\nsystem: { debug: ${debug} }\n`);
    const request = await requestFor(join(folder, "other"), { board: "rpi4", engine: "ncnn", text: minimal });
    writeFileSync(join(folder, "edgeimg.lock"), formatLock(inventedLock(request)));
    const events: BuildEvent[] = [];
    await prepare({ ...testContext(folder), emit: (event) => events.push(event) }, locked);
    const warnings = events.flatMap((event) => (event.type === "log" && event.level === "warn" ? [event.message] : []));
    t.equal(warnings.length, debug ? 1 : 0);
    if (debug) t.match(warnings[0], /root shell without password/);
  }
});

t.test(
  "an archive without a hash in its recipe: the project gives it, the lock records it, nothing is taken unseen",
  async (t) => {
    const folder = t.testdir();
    const key = "pkg:github/OAID/Tengine@lite-v1.5";
    const build = (supplied: string) => tinyProject(folder, `board: rpi4\nengine: tengine-lite\n${supplied}`);
    const context = testContext(folder);
    await build("");
    await t.rejects(prepare(context, { offline: true, locked: false }), {
      code: "ERR_EDGEIMG_SOURCE_UNPINNED",
      exitCode: 1,
      place: { file: "edgeimg.yaml" },
      details: [/lite-v1\.5/, /sha256/, "supplied:", `  "${key}": SHA256`],
    });
    await build(`supplied: { "${key}x": "${"a".repeat(64)}" }\n`);
    await t.rejects(prepare(context, { offline: true, locked: false }), {
      code: "ERR_EDGEIMG_UNKNOWN_NAME",
      message: new RegExp(`Did you mean "?${key}`),
      place: { file: "edgeimg.yaml" },
    });
    const yaml = (hash: string) => `supplied: { "${key}": "${hash.repeat(64)}" }\n`;
    await build(yaml("a"));
    const text = `${minimal}${yaml("a")}`;
    const request = await requestFor(join(folder, "other"), { board: "rpi4", engine: "tengine-lite", text });
    const lock = inventedLock(request);
    t.same(lock.recipes[key], { sha256: "a".repeat(64) });
    writeFileSync(join(folder, "edgeimg.lock"), formatLock(lock));
    const { request: made, lock: same } = await prepare(context, locked);
    const fetched = planImage(made, same).steps.flatMap((step) =>
      step.kind === "fetch" ? fetchedFiles(step.params) : [],
    );
    t.match(
      fetched.find(({ purl }) => purl === key),
      { sha256: "a".repeat(64), supplied: /GitHub/ },
    );
    await build(yaml("b"));
    await t.rejects(prepare(context, { offline: true, locked: false }), { code: "ERR_EDGEIMG_LOCK_DISAGREES" });
  },
);

t.test(
  "TensorRT: refused by name for a Jetson Nano's image; where a board has a GPU, what was not compared is said",
  async (t) => {
    const folder = t.testdir();
    const key = "pkg:generic/tensorrt@8.2.1#tensorrt-8.2.1-jetpack-4.6.tar.gz";
    const yaml = `supplied: { "${key}": "${"a".repeat(64)}" }\nmodels: { m: { onnx: m.onnx, inputs: { x: { dims: [1, 3] } } } }\n`;
    const offline = { offline: true, locked: false };
    const refused = (board: string) =>
      t.rejects(prepare(testContext(folder), { ...offline, board, engine: "tensorrt" }), {
        code: "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
        message: `TensorRT needs cuda, which an image for ${board} does not drive.`,
        details: board === "jetson-nano" ? [/NVIDIA's own 4\.9 kernel/] : [],
        hint: /accelerators/,
      });
    const board = readFileSync(join(packageHome, "board-configs/rpi4.yaml"), "utf8");
    for (const one of [folder, join(folder, "other")]) {
      mkdirSync(one, { recursive: true });
      writeFileSync(join(one, "m.onnx"), "a model");
    }
    await tinyProject(folder, `board: rpi4\nengine: tensorrt\n${yaml}`);
    await refused("jetson-nano");
    await refused("rpi4");
    for (const one of [folder, join(folder, "other")]) {
      mkdirSync(join(one, "board-configs"));
      writeFileSync(join(one, "board-configs/rpi4.yaml"), `${board}\naccelerators: [cuda]\n`);
    }
    const text = `${minimal}${yaml}`;
    const request = await requestFor(join(folder, "other"), { board: "rpi4", engine: "tensorrt", text });
    writeFileSync(join(folder, "edgeimg.lock"), formatLock(inventedLock(request)));
    const events: BuildEvent[] = [];
    const { request: made, lock } = await prepare(
      { ...testContext(folder), emit: (event) => events.push(event) },
      locked,
    );
    const warnings = events.flatMap((event) => (event.type === "log" && event.level === "warn" ? [event.message] : []));
    t.match(warnings, [
      /^The engine TensorRT is not verified: /,
      /^Results of TensorRT were not compared with the reference on this machine, nor with golden outputs \(m\): it needs cuda/,
    ]);
    const { steps } = planImage(made, lock);
    t.notOk(steps.some(({ kind }) => kind === "run-model"));
    t.ok(steps.some(({ id }) => id === "model/m"));
  },
);

const minimal = "format: 1\nname: tiny\napp: { entry: main.ts }\n";
