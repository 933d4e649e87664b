import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { cacheInfo, cachePrune, cacheVerify } from "../../src/api/cache/cache.js";
import type { Context } from "../../src/api/types.js";
import { execute } from "../../src/execute/execute.js";
import { sha256Text } from "../../src/ground/canonical.js";
import type { BuildEvent } from "../../src/ground/events.js";
import {
  commitTree,
  hasTree,
  openStore,
  readAction,
  type Store,
  treePath,
  writeAction,
} from "../../src/store/store.js";
import { bundleChild, startChild } from "../helpers/child.js";
import { quietContext } from "../helpers/context.js";
import { testPlan, testServices } from "../helpers/services.js";

const action = (name: string) => sha256Text(name);

async function setUp(t: Test): Promise<{ context: Context; store: Store }> {
  const cache = t.testdir();
  return { context: quietContext(cache, { env: { XDG_CACHE_HOME: cache } }), store: await openStore(cache) };
}

/** Commits a tree with one file, as the result of an action of the same name. */
async function addTree(store: Store, name: string, prepare: (folder: string) => void = () => {}): Promise<string> {
  const folder = join(store.root, "work", name);
  mkdirSync(folder);
  writeFileSync(join(folder, name), name.repeat(100));
  prepare(folder);
  const { digest } = await commitTree(store, folder);
  await writeAction(store, action(name), digest);
  return digest;
}

function age(path: string, days: number): void {
  const seconds = Date.now() / 1000 - days * 86_400;
  utimesSync(path, seconds, seconds);
}

const actionFile = (store: Store, name: string) => join(store.root, "actions", action(name));
const listing = (store: Store, digest: string) => `${treePath(store, digest)}.json`;

t.test("the store's content, largest first", async (t) => {
  const { context, store } = await setUp(t);
  const small = await addTree(store, "a");
  const large = await addTree(store, "larger");
  writeFileSync(join(store.root, "blobs", "f".repeat(64)), "blob");
  const info = await cacheInfo(context);
  t.equal(info.path, store.root);
  t.same(
    info.entries.map(({ digest, bytes }) => [digest, bytes]),
    [
      [large, 600],
      [small, 100],
      ["f".repeat(64), 4],
    ],
  );
  t.match(info, { bytes: 704, objects: 3 });
  t.equal(info.entries[0]?.title, "1 files, larger");
});

t.test("prune removes what was not used for some days, and nothing else", async (t) => {
  const { context, store } = await setUp(t);
  const fresh = await addTree(store, "fresh");
  const old = await addTree(store, "old");
  const reused = await addTree(store, "reused");
  for (const digest of [old, reused]) age(listing(store, digest), 10);
  age(actionFile(store, "old"), 10);
  for (const folder of ["work", "tmp", "blobs"]) {
    for (const [name, days] of [
      ["new", 1],
      ["stale", 10],
    ] as const) {
      writeFileSync(join(store.root, folder, name), "12345");
      age(join(store.root, folder, name), days);
    }
  }
  t.same(await cachePrune(context, { olderThanDays: 7 }), { removed: 5, bytes: 300 + 65 + 3 * 5 });
  t.same(await Promise.all([fresh, old, reused].map((digest) => hasTree(store, digest))), [true, false, true]);
  t.equal(await readAction(store, action("old")), undefined);
  t.equal(await readAction(store, action("reused")), reused);
  for (const folder of ["work", "tmp", "blobs"]) {
    t.equal(existsSync(join(store.root, folder, "new")), true, folder);
    t.equal(existsSync(join(store.root, folder, "stale")), false, folder);
  }
  await cachePrune(context, { olderThanDays: -1 });
  t.match(await cacheInfo(context), { bytes: 0, objects: 0 });
});

t.test("a build marks what it comes across as used", async (t) => {
  const { context } = await setUp(t);
  const services = await testServices(t.testdirName);
  const plan = testPlan([
    { id: "inner", kind: "compose", params: { parts: [], files: { a: "inner" } } },
    { id: "outer", kind: "compose", inputs: { inner: "inner" }, params: { parts: [{ from: "inner" }] } },
  ]);
  const results = await execute(plan, ["outer"], services);
  const digests = ["inner", "outer"].map((id) => results.get(id)?.digest ?? "");
  const makeOld = () => {
    for (const name of readdirSync(join(services.store.root, "actions")))
      age(join(services.store.root, "actions", name), 10);
    for (const digest of digests) age(listing(services.store, digest), 10);
  };
  makeOld();
  await execute(plan, ["outer"], services);
  t.match(await cachePrune(context, { olderThanDays: 7 }), { removed: 0 });
  makeOld();
  t.match(await cachePrune(context, { olderThanDays: 7 }), { removed: 3 }, "two actions that gave the same tree");
});

t.test(
  "what was taken from the user's folders is marked as used too, and no place of this machine is kept",
  async (t) => {
    const { context } = await setUp(t);
    const services = await testServices(t.testdirName);
    const path = join(t.testdirName, "notes");
    writeFileSync(path, "text");
    const plan = testPlan([{ id: "local", kind: "local", params: { path } }]);
    const digest = (await execute(plan, ["local"], services)).get("local")?.digest ?? "";
    t.same(readdirSync(join(services.store.root, "actions")), []);
    age(listing(services.store, digest), 10);
    await execute(plan, ["local"], services);
    t.match(await cachePrune(context, { olderThanDays: 7 }), { removed: 0 });
    age(listing(services.store, digest), 10);
    t.match(await cachePrune(context, { olderThanDays: 7 }), { removed: 1 });
  },
);

t.test("a blob goes with the last tree that links it", async (t) => {
  const { context, store } = await setUp(t);
  const blob = join(store.root, "blobs", sha256Text("content"));
  writeFileSync(blob, "content");
  const digest = await addTree(store, "fetched", (folder) => linkSync(blob, join(folder, "file")));
  t.match(await cachePrune(context, { olderThanDays: 7 }), { removed: 0 });
  t.equal(existsSync(blob), true, "although files in trees look old");
  age(listing(store, digest), 10);
  age(actionFile(store, "fetched"), 10);
  t.match(await cachePrune(context, { olderThanDays: 7 }), { removed: 3 });
  t.equal(existsSync(blob), false);
});

t.test("prune waits for the end of a build", async (t) => {
  const cache = t.testdir();
  const store = await openStore(cache);
  const script = await bundleChild(new URL("use-store.ts", import.meta.url), cache);
  const child = startChild(script, [store.root]);
  await child.printed(/^using/);
  mkdirSync(join(store.root, "work/under-way"));
  const told: string[] = [];
  const emit = (event: BuildEvent) => told.push(event.type === "log" ? event.message : event.type);
  const prune = cachePrune({ ...quietContext(cache, { env: { XDG_CACHE_HOME: cache } }), emit }, { olderThanDays: -1 });
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(existsSync(join(store.root, "work/under-way")), true);
  child.process.kill("SIGKILL");
  t.match(await prune, { removed: 1 });
  t.same(told, ["a build uses the store: waiting for its end"]);
});

t.test("prune clears what a killed commit left", async (t) => {
  const { context, store } = await setUp(t);
  const digest = await addTree(store, "killed");
  rmSync(listing(store, digest));
  age(treePath(store, digest), 10);
  await cachePrune(context, { olderThanDays: 7 });
  t.equal(existsSync(treePath(store, digest)), false);
});

t.test("verify reads everything and removes what is damaged", async (t) => {
  const { context, store } = await setUp(t);
  const good = await addTree(store, "good");
  const bad = await addTree(store, "bad");
  const place = join(treePath(store, bad), "bad");
  chmodSync(place, 0o644);
  writeFileSync(place, readFileSync(place, "utf8").replace("b", "c"));
  chmodSync(place, 0o444);
  writeFileSync(join(store.root, "blobs", sha256Text("right")), "right");
  writeFileSync(join(store.root, "blobs", sha256Text("wrong")), "other");
  writeFileSync(join(store.root, "blobs", `${sha256Text("x")}.part`), "half");
  t.same(await cacheVerify(context), {
    checked: 4,
    damaged: [`tree ${bad}: bad`, `fetched file ${sha256Text("wrong")}`],
  });
  t.same(await Promise.all([good, bad].map((digest) => hasTree(store, digest))), [true, false]);
  t.same(await cacheVerify(context), { checked: 2, damaged: [] });
});
