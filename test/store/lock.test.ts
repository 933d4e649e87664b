import t from "tap";
import { withLock } from "../../src/store/lock.js";
import { bundleChild, startChild } from "../helpers/child.js";

const { signal } = new AbortController();
const unique = (name: string) => `${t.testdirName}/${name}`;

t.test("work under one key never overlaps, under different keys it does", async (t) => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 10));
    inside--;
    return inside;
  };
  t.same(await Promise.all([1, 2, 3].map(() => withLock(unique("same"), signal, work))), [0, 0, 0]);
  t.equal(most, 1);
  most = 0;
  await Promise.all(["a", "b"].map((name) => withLock(unique(name), signal, work)));
  t.equal(most, 2);
});

t.test("a failure is passed on and frees the lock", async (t) => {
  const fail = () => Promise.reject(new Error("no"));
  await t.rejects(withLock(unique("fails"), signal, fail), { message: "no" });
  t.equal(await withLock(unique("fails"), signal, async () => 7), 7);
});

t.test("who waits can be stopped", async (t) => {
  const { promise, release } = gate();
  const holder = withLock(unique("held"), signal, () => promise);
  const stop = new AbortController();
  let ran = false;
  const waiter = withLock(unique("held"), stop.signal, async () => {
    ran = true;
  });
  setTimeout(() => stop.abort(new Error("enough")), 20);
  await t.rejects(waiter, { name: "AbortError" });
  release();
  await holder;
  t.equal(ran, false);
});

t.test("processes exclude one another", async (t) => {
  const script = await bundleChild(new URL("hold-lock.ts", import.meta.url), t.testdir());
  const children = [1, 2, 3].map(() => startChild(script, [unique("shared"), "60"]));
  t.same(await Promise.all(children.map((child) => child.ended)), [0, 0, 0]);
  const spans = children.map(({ lines }) => lines.map((line) => BigInt(line.split(" ")[1] ?? "0")));
  spans.sort(([a = 0n], [b = 0n]) => (a < b ? -1 : 1));
  for (const [index, [start = 0n]] of spans.slice(1).entries()) {
    t.ok(start > (spans[index]?.[1] ?? 0n), "it began after the one before had ended");
  }
});

t.test("the lock of a killed process is free at once", async (t) => {
  const script = await bundleChild(new URL("hold-lock.ts", import.meta.url), t.testdir());
  const child = startChild(script, [unique("killed")]);
  await child.printed(/^locked/);
  const taken = withLock(unique("killed"), signal, async () => true);
  t.equal(await Promise.race([taken, new Promise((resolve) => setTimeout(resolve, 250, "waits"))]), "waits");
  child.process.kill("SIGKILL");
  t.equal(await child.ended, "SIGKILL");
  t.equal(await taken, true);
});

function gate(): { promise: Promise<void>; release: () => void } {
  let release = () => {};
  const promise = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { promise, release };
}
