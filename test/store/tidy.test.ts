import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { tidyCache } from "../../src/api/cache/tidy.js";
import { sha256Text } from "../../src/ground/canonical.js";
import { commitTree, hasTree, openStore, type Store, treePath, writeAction } from "../../src/store/store.js";
import { isTidyDue, noteAdded, noteTidied } from "../../src/store/tidied.js";
import { removeReplaced, tidyStore } from "../../src/store/tidy.js";
import { readTitle, writeTitle } from "../../src/store/titles.js";
import { useStore, whenUnused } from "../../src/store/use.js";
import { bundleChild, startChild } from "../helpers/child.js";
import { testContext } from "../helpers/image-request.js";

const { signal } = new AbortController();
const day = 86_400_000;

async function addTree(store: Store, name: string, size: number, daysOld = 0): Promise<string> {
  const folder = join(store.root, "work", name);
  mkdirSync(folder);
  writeFileSync(join(folder, name), Buffer.alloc(size));
  const { digest } = await commitTree(store, folder);
  await writeAction(store, sha256Text(name), digest);
  const seconds = (Date.now() - daysOld * day) / 1000;
  utimesSync(`${treePath(store, digest)}.json`, seconds, seconds);
  utimesSync(join(store.root, "actions", sha256Text(name)), seconds, seconds);
  return digest;
}

const setUp = async (t: Test) => await openStore(t.testdir());

t.test("an image that a later build into the same folder replaced goes, another folder's stays", async (t) => {
  const store = await setUp(t);
  const [one, two, shared] = [
    await addTree(store, "one", 1000),
    await addTree(store, "two", 2000),
    await addTree(store, "s", 5),
  ];
  const tidied = async (folder: string, trees: string[]) => await removeReplaced(store, { folder, trees });
  t.equal(await tidied("/a", [one, shared]), 0);
  t.equal(await tidied("/b", [shared]), 0);
  t.equal(await tidied("/a", [two]), 1000, "what it freed");
  t.same(await Promise.all([one, two, shared].map((digest) => hasTree(store, digest))), [false, true, true]);
  t.equal(await tidied("/a", [two]), 0, "the same again: nothing");
});

t.test("too old goes; of too much the longest unused, but nothing that this build used", async (t) => {
  const store = await setUp(t);
  const ages = [40, 20, 10, 1, 0];
  const trees = await Promise.all(ages.map((days) => addTree(store, `d${days}`, 1000, days)));
  const there = async () => await Promise.all(trees.map((digest) => hasTree(store, digest)));
  const job = { store, now: Date.now(), since: Date.now() - day / 2, signal };
  await tidyStore({ ...job, limits: { days: 30, bytes: 1e9 } });
  t.same(await there(), [false, true, true, true, true]);
  await tidyStore({ ...job, limits: { days: 30, bytes: 3000 } });
  t.same(await there(), [false, false, false, true, true], "down to nine tenths of the limit");
  await tidyStore({ ...job, limits: { days: 30, bytes: 10 } });
  t.same(await there(), [false, false, false, false, true], "the current build's stays, whatever the limit");
});

t.test(
  "a store is looked through once a day, or when a tenth of its limit was added, or to other limits",
  async (t) => {
    const store = await setUp(t);
    const limits = { days: 30, bytes: 1000 };
    const at = 1_700_000_000_000;
    const due = async (after: number, other = limits) => await isTidyDue(store, at + after, other);
    t.equal(await due(0), true, "never yet");
    await noteAdded(store, 5);
    t.equal(await due(0), true, "still never, though a build added to it");
    await noteTidied(store, at, limits);
    t.same(await Promise.all([0, 1, day - 1, day, 2 * day].map((ms) => due(ms))), [false, false, false, true, true]);
    t.equal(await due(-1), true, "the clock was ahead then");
    t.equal(await due(1, { days: 7, bytes: 1000 }), true);
    t.equal(await due(1, { days: 30, bytes: 2000 }), true);
    // Builds at the same time.
    await Promise.all([40, 30, 0, 29].map((bytes) => noteAdded(store, bytes)));
    t.equal(await due(1), false);
    await noteAdded(store, 1);
    t.equal(await due(1), true);
    await noteAdded(store, -50);
    t.equal(await due(1), false, "images that were replaced count as freed");
    await noteTidied(store, at + day, limits);
    t.same([await due(day), await due(2 * day)], [false, true], "the count begins anew");
    for (const damaged of ["", "x", "-\n", "NaN 30 1000\n", `${at} 30\n`, "\0".repeat(100)]) {
      writeFileSync(join(store.root, "tidied"), damaged);
      t.equal(await due(0), true, JSON.stringify(damaged));
    }
  },
);

t.test("tidying asks the given clock, waits for nobody, can be stopped, and is then tried again", async (t) => {
  const store = await setUp(t);
  const old = await addTree(store, "old", 1000, 40);
  const at = Date.now();
  const call = async ({ now = at, env = {}, stop = false } = {}) => {
    const stopped = new AbortController();
    if (stop) stopped.abort();
    const context = { ...testContext(t.testdirName), date: () => now, signal: stopped.signal };
    return await tidyCache({ ...context, env: { ...context.env, ...env } }, { since: at });
  };
  t.equal(await call({ env: { EDGEIMG_STORE_DAYS: "off" } }), undefined);
  t.equal(await call({ env: { EDGEIMG_STORE_GB: "off" } }), undefined);
  t.equal(await call({ stop: true }), undefined, "stopped");
  await useStore(store, signal, async () => t.equal(await call(), undefined, "somebody uses it"));
  t.equal(await hasTree(store, old), true);
  t.same(await call(), { bytes: 1000 + 65, days: 30, gigabytes: 20 });
  t.equal(await hasTree(store, old), false);
  const later = await addTree(store, "later", 1000, 40);
  t.equal(await call({ now: at + day - 1 }), undefined, "not yet");
  t.equal(await hasTree(store, later), true);
  t.match(await call({ now: at + day }), { bytes: 1000 + 65 }, "a tree and the action that gave it");
  t.match(await call({ now: at + day, env: { EDGEIMG_STORE_DAYS: "7" } }), { days: 7 }, "other limits hold at once");
});

t.test("nothing is pruned while another process uses the store, and everything once that was killed", async (t) => {
  const store = await setUp(t);
  const script = await bundleChild(new URL("use-store.ts", import.meta.url), t.testdirName);
  const child = startChild(script, [store.root]);
  await child.printed(/^using/);
  t.equal(await whenUnused(store, signal, async () => "pruned"), undefined);
  child.process.kill("SIGKILL");
  await child.ended;
  t.equal(await whenUnused(store, signal, async () => "pruned"), "pruned");
  await useStore(store, signal, async () => t.equal(await whenUnused(store, signal, async () => "pruned"), undefined));
  t.equal(await whenUnused(store, signal, async () => "pruned"), "pruned");
});

t.test("who begins to use a store waits for a prune that is under way", async (t) => {
  const store = await setUp(t);
  const order: string[] = [];
  let began = () => {};
  const pruning = new Promise<void>((resolve) => {
    began = resolve;
  });
  const prune = whenUnused(store, signal, async () => {
    began();
    await new Promise((resolve) => setTimeout(resolve, 100));
    order.push("pruned");
  });
  await pruning;
  await useStore(store, signal, async () => order.push("used"));
  await prune;
  t.same(order, ["pruned", "used"]);
  t.same(readdirSync(join(store.root, "locks")), [], "no socket is left");
});

t.test("titles say what a tree is", async (t) => {
  const store = await setUp(t);
  await writeTitle(store, "a".repeat(64), "Compile ncnn");
  t.equal(await readTitle(store, "a".repeat(64)), "Compile ncnn");
  t.equal(await readTitle(store, "b".repeat(64)), undefined);
});
