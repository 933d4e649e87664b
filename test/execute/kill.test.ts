import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { findDamage, openStore } from "../../src/store/store.js";
import { randomFrom } from "../helpers/random.js";
import { imageOf, toyBuild } from "../helpers/toy-build.js";

/** The whole store's trees, each checked against its name. */
async function checkStore(t: Test, cache: string): Promise<void> {
  const store = await openStore(cache);
  for (const name of readdirSync(join(store.root, "trees"))) {
    if (!name.endsWith(".json")) continue;
    t.equal(await findDamage(store, name.slice(0, -5), { full: true }), undefined, name);
  }
}

t.test("kill -9 at 20 random moments, then a build: the bytes of a clean build", async (t) => {
  const { root, build } = await toyBuild(t);
  const started = performance.now();
  const clean = build("clean");
  await clean.printed(/^begin/);
  const began = performance.now();
  t.equal(await clean.ended, 0);
  const image = imageOf(clean.lines);
  t.match(image, /^image [0-9a-f]{64}$/);
  // From the start of the process to a little after a whole build.
  const startup = began - started;
  const whole = performance.now() - began;
  const random = randomFrom(20261124);
  let killed = 0;
  const where = new Set<string>();
  for (let round = 0; round < 100 && killed < 20; round++) {
    const child = build("killed");
    await Promise.race([sleep(startup * 0.8 + random() * whole * 0.5), child.ended]);
    child.process.kill("SIGKILL");
    if ((await child.ended) === "SIGKILL") killed++;
    // It came to its end: there is nothing left in it to kill.
    else rmSync(join(root, "killed"), { recursive: true });
    where.add(child.lines.filter((line) => line.startsWith("start")).at(-1) ?? "before the first step");
  }
  t.equal(killed, 20, `last steps: ${[...where].join(", ")}`);
  t.ok(where.size >= 2, "at different steps");
  const last = build("killed");
  t.equal(await last.ended, 0);
  t.equal(imageOf(last.lines), image);
  await checkStore(t, join(root, "killed"));
  t.same(readdirSync(join(root, "killed/edgeimg/v1/work")), []);
});

t.test("each step killed in its middle, from an empty store", async (t) => {
  const { root, build } = await toyBuild(t);
  const clean = build("clean");
  t.equal(await clean.ended, 0);
  for (const [index, moment] of [
    "start texts",
    "start source",
    "progress built 1",
    "progress built 5",
    "start image",
  ].entries()) {
    const cache = `killed${index}`;
    const child = build(cache);
    await child.printed(new RegExp(`^${moment}`));
    child.process.kill("SIGKILL");
    await child.ended;
    const next = build(cache);
    t.equal(await next.ended, 0, moment);
    t.equal(imageOf(next.lines), imageOf(clean.lines), moment);
    await checkStore(t, join(root, cache));
  }
});

t.test("a build continues what a killed one had finished", async (t) => {
  const { root, build } = await toyBuild(t);
  const child = build("cache");
  await child.printed(/^progress built 3/);
  child.process.kill("SIGKILL");
  await child.ended;
  const work = join(root, "cache/edgeimg/v1/work");
  const [folder = ""] = readdirSync(work).filter((name) => existsSync(join(work, name, "build")));
  const first = join(work, folder, "build/part1");
  // A sign that would be gone had the part been made again; it has to show in the result.
  writeFileSync(first, `kept\n${readFileSync(first, "utf8")}`);
  const next = build("cache");
  t.equal(await next.ended, 0);
  t.notOk(next.lines.includes("start source"), "what was in the store was not made again");
  const clean = build("clean");
  await clean.ended;
  t.not(imageOf(next.lines), imageOf(clean.lines), "the finished part was kept");
});

t.test("two builds at once, one of them killed: the other is right", async (t) => {
  const { root, build } = await toyBuild(t);
  const [one, two] = [build("shared"), build("shared")];
  await one.printed(/^(progress|start) /);
  one.process.kill("SIGKILL");
  t.equal(await two.ended, 0);
  const clean = build("clean");
  await clean.ended;
  t.equal(imageOf(two.lines), imageOf(clean.lines));
  await checkStore(t, join(root, "shared"));
});
