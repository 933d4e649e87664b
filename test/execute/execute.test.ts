import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { EdgeimgError } from "../../src/errors/edgeimg-error.js";
import { execute, previewPlan } from "../../src/execute/execute.js";
import type { Fetcher } from "../../src/fetch/types.js";
import { sha256Text } from "../../src/ground/canonical.js";
import type { BuildEvent } from "../../src/ground/events.js";
import { blobPath, hasTree, removeTree, type Store, treePath } from "../../src/store/store.js";
import { started, testPlan, testServices } from "../helpers/services.js";

type Fetch = (name: string, signal: AbortSignal) => Promise<void>;

/** A fetcher whose files hold their own names; `before` runs first and may wait or fail. */
function nameFetcher(store: () => Store, before: Fetch): Fetcher {
  return {
    async fetchBlob({ name, sha256 }, { signal }) {
      await before(name, signal);
      if (!existsSync(blobPath(store(), sha256))) writeFileSync(blobPath(store(), sha256), name);
    },
    pin: () => Promise.reject(new Error("not used")),
  };
}

const fetchStep = (name: string) => ({
  id: `fetch/${name}`,
  kind: "fetch",
  params: { files: [{ purl: `pkg:generic/${name}@1`, name, sha256: sha256Text(name) }] },
});

const text = (id: string, content: string) => ({
  id,
  kind: "compose",
  params: { parts: [], files: { [id]: content } },
});
const join2 = (id: string, ...inputs: string[]) => ({
  id,
  kind: "compose",
  inputs: Object.fromEntries(inputs.map((input) => [input, input])),
  params: { parts: inputs.map((from) => ({ from })), files: { [id]: id } },
});

async function setUp(t: Test, before: Fetch = async () => {}) {
  const services = await testServices(`${t.testdir({ cache: {}, user: { file: "one" } })}/cache`, {
    fetcher: nameFetcher(() => services.store, before),
  });
  return services;
}

/** Changes one byte of a stored file. */
function damage(store: Store, digest: string, path: string): void {
  const file = join(treePath(store, digest), path);
  const bytes = readFileSync(file);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  chmodSync(file, 0o644);
  writeFileSync(file, bytes);
  chmodSync(file, 0o444);
  utimesSync(file, 946_684_800, 946_684_800);
}

const ended = (events: readonly BuildEvent[]) =>
  events.flatMap((event) => (event.type === "step-end" ? [`${event.step} ${event.cached ? "cached" : "made"}`] : []));

t.test("steps run after what they need, each once", async (t) => {
  const services = await setUp(t);
  const plan = testPlan([text("a", "A"), join2("b", "a"), join2("c", "a"), join2("d", "b", "c"), text("unwanted", "")]);
  const results = await execute(plan, ["d", "b", "d"], services);
  const order = started(services.events);
  t.same([...order].sort(), ["a", "b", "c", "d"]);
  t.equal(order[0], "a");
  t.equal(order[3], "d");
  t.same([...results.keys()].sort(), ["a", "b", "c", "d"]);
  const tree = treePath(services.store, results.get("d")?.digest ?? "");
  t.same(readdirSync(tree), ["a", "b", "c", "d"]);
  t.same(readdirSync(join(services.store.root, "work")), [], "nothing is left");
});

t.test("what is known is not run, and its inputs are not even looked at", async (t) => {
  const services = await setUp(t);
  const plan = testPlan([text("a", "A"), join2("b", "a"), join2("c", "b")]);
  const first = await execute(plan, ["c"], services);
  await removeTree(services.store, first.get("a")?.digest ?? "");
  damage(services.store, first.get("b")?.digest ?? "", "a");
  services.events.length = 0;
  const second = await execute(plan, ["c"], services);
  t.same(started(services.events), []);
  t.same(ended(services.events), ["a cached", "b cached", "c cached"]);
  t.same(
    [...second].map(([id, { digest }]) => [id, digest]),
    [...first].map(([id, { digest }]) => [id, digest]),
  );
  t.equal(await hasTree(services.store, first.get("a")?.digest ?? ""), false);
});

t.test("a removed tree is made again only when something needs it", async (t) => {
  const services = await setUp(t);
  const plan = testPlan([text("a", "A"), text("z", "Z"), join2("b", "a", "z"), join2("c", "b")]);
  const first = await execute(plan, ["c"], services);
  const digest = (id: string) => first.get(id)?.digest ?? "";
  for (const id of ["a", "b", "c"]) await removeTree(services.store, digest(id));
  services.events.length = 0;
  const again = await execute(plan, ["c"], services);
  t.same(started(services.events), ["a", "b", "c"], "z is still there");
  for (const id of ["a", "b", "c"]) {
    t.equal(again.get(id)?.digest, digest(id));
    t.equal(await hasTree(services.store, digest(id)), true);
  }
});

t.test("a damaged input is noticed and made anew", async (t) => {
  const services = await setUp(t);
  const first = await execute(testPlan([text("a", "A"), join2("b", "a")]), ["b"], services);
  const digest = first.get("a")?.digest ?? "";
  damage(services.store, digest, "a");
  services.events.length = 0;
  const more = await execute(testPlan([text("a", "A"), join2("more", "a")]), ["more"], services);
  t.match(
    services.events.find((event) => event.type === "log"),
    {
      level: "warn",
      step: "a",
      message: `stored object ${digest.slice(0, 12)} is damaged at a; made anew`,
    },
  );
  t.same(started(services.events), ["a", "more"]);
  t.equal(readFileSync(join(treePath(services.store, more.get("more")?.digest ?? ""), "a"), "utf8"), "A");
  t.equal(readFileSync(join(treePath(services.store, digest), "a"), "utf8"), "A");
});

t.test("a damaged result is noticed and made anew", async (t) => {
  const services = await setUp(t);
  const plan = testPlan([text("a", "A"), join2("b", "a")]);
  const digest = (await execute(plan, ["b"], services)).get("b")?.digest ?? "";
  damage(services.store, digest, "b");
  services.events.length = 0;
  await execute(plan, ["b"], services);
  t.same(started(services.events), ["b"]);
  t.equal(readFileSync(join(treePath(services.store, digest), "b"), "utf8"), "b");
});

/**
 * A build that makes the lost tree of `slow` anew, whose program waits until `release`; `after`, which is in the store, needs it. `other` is what a second
 * build on that store runs with.
 */
async function makingAnew(t: Test) {
  const services = await setUp(t);
  const { store } = services;
  const user = join(store.root, "../../../user");
  const hold = join(user, "../hold");
  const words = `echo begun > out/begun; while [ -e '${hold}' ]; do /bin/sleep 0.02; done; echo ended > out/ended`;
  writeFileSync(join(user, "slow"), `#!/bin/sh\n${words}\n`, { mode: 0o755 });
  const plan = testPlan([
    { id: "tools", kind: "local", params: { path: user } },
    { id: "slow", kind: "run", inputs: { tools: "tools" }, params: { commands: [["in/tools/slow"]] } },
    join2("after", "slow"),
  ]);
  const digest = (await execute(plan, ["after"], services)).get("slow")?.digest;
  if (digest === undefined) throw new Error("slow was not made");
  await removeTree(store, digest);
  writeFileSync(hold, "");
  const making = execute(plan, ["slow"], services);
  const work = join(store.root, "work");
  while (!readdirSync(work).some((name) => existsSync(join(work, name, "out/begun")))) await sleep(5);
  const other = await testServices(`${t.testdirName}/cache`);
  return { plan, store, digest, making, other, release: () => rmSync(hold) };
}

t.test("a build that only takes a result leaves alone whoever makes its lost tree anew", async (t) => {
  const { plan, store, digest, making, other, release } = await makingAnew(t);
  await execute(plan, ["after"], other);
  t.same(ended(other.events).slice(-2), ["slow cached", "after cached"]);
  release();
  t.equal((await making).get("slow")?.digest, digest);
  t.same(readdirSync(treePath(store, digest)), ["begun", "ended"]);
});

t.test("a lost tree that two builds need is made once", async (t) => {
  const { plan, store, digest, making, other, release } = await makingAnew(t);
  const waiting = execute(plan, ["slow"], other);
  while (!ended(other.events).includes("slow cached")) await sleep(5);
  // Until it has found out that the tree is missing, and waits for the first.
  await sleep(100);
  release();
  await Promise.all([making, waiting]);
  t.notOk(started(other.events).includes("slow"));
  t.equal(await hasTree(store, digest), true);
});

t.test("a step that gives another result the second time is reported", async (t) => {
  const services = await setUp(t);
  const programs = join(services.store.root, "../../../user");
  writeFileSync(join(programs, "random"), "#!/bin/sh\nread -r id < /proc/sys/kernel/random/uuid\necho $id > out/id\n", {
    mode: 0o755,
  });
  const plan = testPlan([
    { id: "tools", kind: "local", params: { path: programs } },
    { id: "random", kind: "run", inputs: { tools: "tools" }, params: { commands: [["in/tools/random"]] } },
  ]);
  const digest = (await execute(plan, ["random"], services)).get("random")?.digest ?? "";
  await removeTree(services.store, digest);
  await t.rejects(execute(plan, ["random"], services), {
    code: "ERR_EDGEIMG_STORE_CORRUPT",
    message: /^Step random gave another result the second time/,
  });
});

t.test("the first failure is thrown, after all others have been stopped", async (t) => {
  const seen: string[] = [];
  let waiting = 0;
  const services = await setUp(t, async (name, signal) => {
    if (name === "bad") {
      while (waiting < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      throw new EdgeimgError("ERR_EDGEIMG_FETCH_MISSING", "bad is missing");
    }
    waiting++;
    while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    seen.push(`${name} ended`);
    throw new Error("an echo of the stop");
  });
  const plan = testPlan([
    fetchStep("slow"),
    fetchStep("bad"),
    fetchStep("other"),
    join2("all", "fetch/slow", "fetch/bad", "fetch/other"),
  ]);
  await t.rejects(execute(plan, ["all"], services), { code: "ERR_EDGEIMG_FETCH_MISSING", message: "bad is missing" });
  t.same(seen.sort(), ["other ended", "slow ended"], "before it was thrown");
  t.same(
    services.events.filter(({ type }) => type === "step-failed"),
    [{ type: "step-failed", step: "fetch/bad", title: "fetch/bad", message: "bad is missing" }],
    "the others did not fail",
  );
  t.notOk(started(services.events).includes("all"));
});

t.test("the same plan succeeds once the cause is gone, and keeps what was made", async (t) => {
  let broken = true;
  const services = await setUp(t, async (name) => {
    if (name !== "flaky" || !broken) return;
    while (!services.events.some(({ type }) => type === "step-end"))
      await new Promise((resolve) => setTimeout(resolve, 5));
    throw new Error("no");
  });
  const plan = testPlan([fetchStep("good"), fetchStep("flaky"), join2("all", "fetch/good", "fetch/flaky")]);
  await t.rejects(execute(plan, ["fetch/good", "all"], services), { message: "no" });
  broken = false;
  services.events.length = 0;
  await execute(plan, ["all"], services);
  t.same(started(services.events), ["fetch/flaky", "all"]);
});

t.test("a stop from outside", async (t) => {
  const waits = async (_name: string, signal: AbortSignal) => {
    while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
    throw signal.reason;
  };
  const plan = testPlan([fetchStep("slow"), join2("all", "fetch/slow")]);
  const services = await setUp(t, waits);
  const running = execute(plan, ["all"], services);
  setTimeout(() => services.controller.abort(), 20);
  await t.rejects(running, { code: "ERR_EDGEIMG_INTERRUPTED", message: "Stopped.", exitCode: 130 });
  t.same(
    services.events.filter(({ type }) => type === "step-failed"),
    [],
    "a stop is no failure",
  );
  const other = await setUp(t, waits);
  const reasoned = execute(plan, ["all"], other);
  setTimeout(() => other.controller.abort(new EdgeimgError("ERR_EDGEIMG_STORE_FULL", "own reason")), 20);
  await t.rejects(reasoned, { message: "own reason" });
  const early = await setUp(t, waits);
  early.controller.abort();
  await t.rejects(execute(plan, ["all"], early), { code: "ERR_EDGEIMG_INTERRUPTED" });
  t.same(started(early.events), []);
});

t.test("what reads the user's files runs each time; what follows only when they changed", async (t) => {
  const services = await setUp(t);
  const path = join(services.store.root, "../../../user");
  const plan = testPlan([
    { id: "local", kind: "local", params: { path, exclude: ["*.md"] } },
    join2("next", "local"),
    {
      id: "first",
      kind: "compose",
      inputs: { local: "local" },
      params: { parts: [{ from: "local", path: "file", to: "x" }] },
    },
    join2("last", "first"),
  ]);
  const run = async () => {
    services.events.length = 0;
    const results = await execute(plan, ["next", "last"], services);
    return { started: started(services.events).sort(), ended: ended(services.events), results };
  };
  await run();
  const same = await run();
  t.same(same.started, ["local"]);
  t.ok(same.ended.includes("local cached"), "nothing changed");
  writeFileSync(join(path, "notes.md"), "left out");
  t.ok((await run()).ended.includes("local cached"));
  writeFileSync(join(path, "second"), "new");
  const added = await run();
  t.same(added.started, ["first", "local", "next"]);
  t.ok(added.ended.includes("last cached"), "first gave the same as before: early cutoff");
  writeFileSync(join(path, "file"), "two");
  t.same((await run()).started, ["first", "last", "local", "next"]);
  writeFileSync(join(path, "file"), "one");
  t.same((await run()).started, ["local"], "known from before");
});

t.test("events tell of a step's life", async (t) => {
  const services = await setUp(t);
  const step = { ...text("a", "A"), title: "Write A" };
  const { digest } = (await execute(testPlan([step]), ["a"], services)).get("a") ?? {};
  await execute(testPlan([step]), ["a"], services);
  t.same(services.events, [
    { type: "step-start", step: "a", title: "Write A" },
    { type: "step-end", step: "a", title: "Write A", cached: false, ms: 1, digest },
    { type: "step-end", step: "a", title: "Write A", cached: true, ms: 1, digest },
  ]);
});

t.test("titles and reasons are not part of a step's key; kind, parameters and inputs are", async (t) => {
  const services = await setUp(t);
  const runs = async (...steps: Parameters<typeof testPlan>[0]) => {
    services.events.length = 0;
    await execute(testPlan(steps), [steps.at(-1)?.id ?? ""], services);
    return started(services.events);
  };
  const base = { id: "x", kind: "compose", params: { parts: [], files: { x: "1" } } };
  t.same(await runs(base), ["x"]);
  t.same(await runs({ ...base, id: "other", title: "other", why: "other" }), []);
  t.same(
    await runs({ ...base, params: { files: { x: "1" }, parts: [], links: {} } }),
    [],
    "defaults and order of keys",
  );
  t.same(await runs({ ...base, params: { parts: [], files: { x: "2" } } }), ["x"]);
  t.same(await runs(text("a", "A"), { ...base, inputs: { a: "a" } }), ["a", "x"]);
  t.same(await runs(text("a", "A"), { ...base, inputs: { b: "a" } }), ["x"], "the name of an input");
});

t.test("downloads wait for nobody; other work is limited", async (t) => {
  let inside = 0;
  let most = 0;
  const services = await setUp(t, async () => {
    most = Math.max(most, ++inside);
    while (most < 5) await new Promise((resolve) => setTimeout(resolve, 5));
    inside--;
  });
  const names = ["1", "2", "3", "4", "5"];
  await execute(
    testPlan(names.map(fetchStep)),
    names.map((name) => `fetch/${name}`),
    services,
  );
  t.equal(most, 5, "with two jobs");
});

t.test("two builds at once on one store do each thing once", async (t) => {
  const fetched: string[] = [];
  const before = async (name: string) => {
    fetched.push(name);
    await new Promise((resolve) => setTimeout(resolve, 30));
  };
  const one = await setUp(t, before);
  const two = { ...one, ...(await testServices(join(one.store.root, "../.."), { fetcher: one.fetcher })) };
  t.equal(two.store.root, one.store.root);
  const plan = testPlan([fetchStep("f"), text("a", "A"), join2("b", "a", "fetch/f"), join2("c", "b")]);
  const [first, second] = await Promise.all([execute(plan, ["c"], one), execute(plan, ["c"], two)]);
  t.same(
    [...first.values()].map(({ digest }) => digest).sort(),
    [...second.values()].map(({ digest }) => digest).sort(),
  );
  t.same([...started(one.events), ...started(two.events)].sort(), ["a", "b", "c", "fetch/f"]);
  t.same(fetched, ["f"]);
});

t.test("no space: the code that says so, with the cause", async (t) => {
  for (const code of ["ENOSPC", "EDQUOT"]) {
    const services = await setUp(t, async () => {
      throw Object.assign(new Error("write"), { code });
    });
    await t.rejects(execute(testPlan([fetchStep("x")]), ["fetch/x"], services), {
      code: "ERR_EDGEIMG_STORE_FULL",
      message: "No space is left for the store.",
      exitCode: 2,
      cause: { code },
    });
  }
});

t.test("mistakes of a plan are bugs and named", async (t) => {
  const services = await setUp(t);
  await t.rejects(execute(testPlan([]), ["x"], services), { message: "the plan has no step x" });
  await t.rejects(execute(testPlan([{ id: "x", kind: "magic", params: {} }]), ["x"], services), {
    message: "no kind of step is called magic",
  });
  await t.rejects(execute(testPlan([{ id: "x", kind: "compose", params: { wrong: 1 } }]), ["x"], services), {
    name: "ZodError",
  });
});

t.test("a preview runs what reads the user's files, and nothing else", async (t) => {
  const services = await setUp(t);
  const path = join(services.store.root, "../../../user");
  const plan = testPlan([
    { id: "local", kind: "local", params: { path } },
    text("a", "A"),
    join2("b", "local", "a"),
    join2("c", "b"),
  ]);
  t.same([...(await previewPlan(plan, services)).keys()], ["local"]);
  const results = await execute(plan, ["b"], services);
  const known = await previewPlan(plan, services);
  t.same([...known.keys()], ["local", "a", "b"]);
  t.equal(known.get("b"), results.get("b")?.digest);
  mkdirSync(join(path, "new"));
  t.same([...(await previewPlan(plan, services)).keys()], ["local", "a"]);
  rmSync(join(path, "new"), { recursive: true });
});
