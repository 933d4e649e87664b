import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { sha256Text } from "../../src/ground/canonical.js";
import { removeDeadLocks, withFreeLock, withLock } from "../../src/store/lock.js";
import { bundleChild, startChild } from "../helpers/child.js";

const { signal } = new AbortController();
const folder = mkdtempSync(join(tmpdir(), "edgeimg-lock-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const request = (key: string) => ({ folder, key, signal });

t.test("work under one key never overlaps, under different keys it does", async (t) => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 10));
    inside--;
    return inside;
  };
  t.same(await Promise.all([1, 2, 3].map(() => withLock(request("same"), work))), [0, 0, 0]);
  t.equal(most, 1);
  most = 0;
  await Promise.all(["a", "b"].map((name) => withLock(request(name), work)));
  t.equal(most, 2);
});

t.test("a failure is passed on and frees the lock", async (t) => {
  const fail = () => Promise.reject(new Error("no"));
  await t.rejects(withLock(request("fails"), fail), { message: "no" });
  t.equal(await withLock(request("fails"), async () => 7), 7);
});

t.test("who waits can be stopped", async (t) => {
  const { promise, release } = gate();
  const holder = withLock(request("held"), () => promise);
  const stop = new AbortController();
  let ran = false;
  const waiter = withLock({ ...request("held"), signal: stop.signal }, async () => {
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
  const children = [1, 2, 3].map(() => startChild(script, [folder, "shared", "60"]));
  t.same(await Promise.all(children.map((child) => child.ended)), [0, 0, 0]);
  const spans = children.map(({ lines }) => lines.map((line) => BigInt(line.split(" ")[1] ?? "0")));
  spans.sort(([a = 0n], [b = 0n]) => (a < b ? -1 : 1));
  for (const [index, [start = 0n]] of spans.slice(1).entries()) {
    t.ok(start > (spans[index]?.[1] ?? 0n), "it began after the one before had ended");
  }
});

t.test("a lock is taken if it is free, and nobody waits for it", async (t) => {
  const script = await bundleChild(new URL("hold-lock.ts", import.meta.url), t.testdir());
  const child = startChild(script, [folder, "perhaps"]);
  await child.printed(/^locked/);
  t.equal(await withFreeLock(request("perhaps"), async () => "free"), undefined);
  child.process.kill("SIGKILL");
  await child.ended;
  t.equal(await withFreeLock(request("perhaps"), async () => "free"), "free");
  const inside = await withLock(request("perhaps"), () => withFreeLock(request("perhaps"), async () => "free"));
  t.equal(inside, undefined, "held by this process");
  await t.rejects(
    withFreeLock(request("perhaps"), () => Promise.reject(new Error("no"))),
    { message: "no" },
  );
  t.equal(await withLock(request("perhaps"), async () => "free"), "free");
});

t.test("the lock of a killed process is free at once", async (t) => {
  const script = await bundleChild(new URL("hold-lock.ts", import.meta.url), t.testdir());
  const child = startChild(script, [folder, "killed"]);
  await child.printed(/^locked/);
  const taken = withLock(request("killed"), async () => true);
  t.equal(await Promise.race([taken, new Promise((resolve) => setTimeout(resolve, 250, "waits"))]), "waits");
  child.process.kill("SIGKILL");
  t.equal(await child.ended, "SIGKILL");
  t.equal(await taken, true);
});

t.test("what the dead left is no lock: after a kill, a reboot, or any number of them", async (t) => {
  const script = await bundleChild(new URL("hold-lock.ts", import.meta.url), t.testdir());
  for (let round = 0; round < 3; round++) {
    const child = startChild(script, [folder, "dead"]);
    await child.printed(/^locked/);
    child.process.kill("SIGKILL");
    await child.ended;
  }
  t.equal(readdirSync(folder).length, 1, "each found the one before dead, and removed it");
  t.ok(statSync(join(folder, readdirSync(folder)[0] ?? "")).isSocket());
  t.equal(await removeDeadLocks(folder), 1);
  t.equal(await withLock(request("dead"), async () => readdirSync(folder).length), 1);
  t.same(readdirSync(folder), []);
});

t.test("many processes that begin at once, some of them killed, never overlap", async (t) => {
  const script = await bundleChild(new URL("hold-lock.ts", import.meta.url), t.testdir());
  const killed = [1, 2].map(() => startChild(script, [folder, "crowd"]));
  const children = Array.from({ length: 6 }, () => startChild(script, [folder, "crowd", "30"]));
  for (const child of killed) void child.printed(/^locked/).then(() => child.process.kill("SIGKILL"));
  t.same(await Promise.all(killed.map((child) => child.ended)), ["SIGKILL", "SIGKILL"]);
  t.same(await Promise.all(children.map((child) => child.ended)), [0, 0, 0, 0, 0, 0]);
  const spans = children.map(({ lines }) => lines.map((line) => BigInt(line.split(" ")[1] ?? "0")));
  spans.sort(([a = 0n], [b = 0n]) => (a < b ? -1 : 1));
  for (const [index, [start = 0n]] of spans.slice(1).entries()) t.ok(start > (spans[index]?.[1] ?? 0n));
});

t.test("a lock holds across network, process and host name spaces, as of two containers", async (t) => {
  const spaces = ["--net", "--pid", "--fork", "--uts", "--ipc", "--mount-proc"];
  const can = (() => {
    try {
      execFileSync("unshare", [...spaces, "true"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  })();
  if (!can) {
    t.comment("SKIPPED: this user or machine may not make name spaces (unshare)");
    return t.pass("skipped");
  }
  const script = await bundleChild(new URL("hold-lock.ts", import.meta.url), t.testdir());
  const holder = startChild(script, [folder, "spaces"], {}, ["unshare", "--kill-child", ...spaces]);
  await holder.printed(/^locked/);
  const waiter = startChild(script, [folder, "spaces", "10"], {}, ["unshare", "--kill-child", ...spaces]);
  const first = await Promise.race([
    waiter.printed(/^locked/),
    new Promise((resolve) => setTimeout(resolve, 1500, "waits")),
  ]);
  t.equal(first, "waits");
  holder.process.kill("SIGKILL");
  await holder.ended;
  t.equal(await waiter.ended, 0, "free as soon as its holder was killed");
});

t.test("a folder with a longer path than a socket may have", async (t) => {
  const deep = join(folder, "long".repeat(20), "long".repeat(20));
  mkdirSync(deep, { recursive: true });
  const long = { folder: deep, key: "x", signal };
  const one = gate();
  const holder = withLock(long, () => one.promise);
  const { withLock: other } = await t.mockImport<typeof import("../../src/store/lock.js")>(
    "../../src/store/lock.js",
    {},
  );
  const second = other(long, async () => "second");
  t.equal(await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 150, "waits"))]), "waits");
  one.release();
  await holder;
  t.equal(await second, "second");
});

t.test("a lock is not shown before it can be asked, and what cannot be asked counts as held", async (t) => {
  // A socket that is bound and listened to by somebody else under this key's name holds the lock, whoever it is.
  const server = createServer();
  await new Promise<void>((resolve) =>
    server.listen(join(folder, `${sha256Text("other").slice(0, 32)}.ffff`), resolve),
  );
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 200);
  await t.rejects(
    withLock({ ...request("other"), signal: stop.signal }, async () => {}),
    { name: "AbortError" },
  );
  await new Promise((resolve) => server.close(resolve));
  t.equal(await withLock(request("other"), async () => 1), 1);
});

function gate(): { promise: Promise<void>; release: () => void } {
  let release = () => {};
  const promise = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { promise, release };
}
