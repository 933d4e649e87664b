import { copyFileSync, existsSync } from "node:fs";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { buildStep } from "../../src/api/build/build-step.js";
import { initProject } from "../../src/api/scaffold/init-project.js";
import { packageHome } from "../../src/ground/home.js";
import { appFolder, compile, startBundle } from "../helpers/edge-app.js";
import { toolbox } from "../helpers/toolbox.js";

/**
 * The examples whose images no other test boots: what `edgeimg init` writes, its own model as the build converts and checks it, and its
 * own pictures, in the board's runtime under qemu-user. Those that recipes call booted are booted by the end-to-end tests.
 */
const examples = [
  {
    example: "classifier",
    engine: "onnxruntime",
    model: "orientation",
    results: [
      { file: "turned-180.png", best: "upside down" },
      { file: "turned-270.png", best: "turned left" },
      { file: "turned-90.png", best: "turned right" },
      { file: "upright.png", best: "upright" },
    ],
  },
  {
    example: "detector",
    engine: "ncnn",
    model: "faces",
    results: [
      // Where the middles of the faces are, the surest first.
      { file: "astronaut.jpg", headline: "1 face", middles: [[166, 128]] },
      { file: "rocket.jpg", headline: "No face", middles: [] },
      {
        file: "two.jpg",
        headline: "2 faces",
        middles: [
          [467, 114],
          [156, 141],
        ],
      },
    ],
  },
] as const;

interface Found {
  readonly box: readonly (readonly [number, number])[];
}

for (const { example, engine, model, results } of examples) {
  t.test(`the ${example} is right about its own pictures, with ${engine}`, async (t) => {
    const app = await appFolder();
    t.teardown(app.remove);
    const { directory } = await initProject({ cwd: app.path }, { directory: "project", example });
    // The clone's own lock, when its first build wrote one: apt need not be asked again.
    const lock = join(packageHome, "edgeimg.lock");
    if (existsSync(lock)) copyFileSync(lock, join(directory, "edgeimg.lock"));
    const context = {
      cwd: directory,
      env: process.env,
      now: () => performance.now(),
      date: () => Date.now(),
      emit: () => {},
      signal: new AbortController().signal,
    };
    const made = async (step: string) =>
      (await buildStep(context, { board: "rpi4", engine, step, offline: false, locked: false })).path;
    await cp(join(directory, "assets"), join(app.path, "assets"), { recursive: true });
    const models = join(app.path, "models");
    await cp(await made(`model/${model}`), join(models, model), { recursive: true });
    const bundle = await compile(app.path, await readFile(join(await made("app/bundle"), "main.js"), "utf8"));
    const { engines } = await toolbox();
    const adapter = engines[engine];
    const running = startBundle(bundle, app.path, { flags: ["--engine", adapter, "--models", models] });
    // After its pictures it serves, until it is told to end; where it may not take its port, it ends by itself.
    await running.milestone("ready").then(
      () => running.kill("SIGTERM"),
      () => undefined,
    );
    const { milestones } = await running.finished;
    const seen = milestones.filter(({ edgeimg }) => edgeimg === "result");
    t.equal(seen.length, results.length, JSON.stringify(milestones));
    for (const [index, { file, ...expected }] of results.entries()) {
      const { middles, ...words } = { middles: undefined, ...expected };
      t.match(seen[index], { file, ...words });
      if (middles === undefined) continue;
      const faces = (seen[index]?.faces ?? []) as readonly Found[];
      t.equal(faces.length, middles.length, file);
      for (const [place, [x, y]] of middles.entries()) {
        const [from, , to] = faces[place]?.box ?? [];
        if (from === undefined || to === undefined) return t.fail(`${file} has no face ${place}`);
        const off = Math.hypot((from[0] + to[0]) / 2 - x, (from[1] + to[1]) / 2 - y);
        t.ok(off <= 12, `${file}: the middle of face ${place} is ${off} pixels off`);
      }
    }
  });
}
