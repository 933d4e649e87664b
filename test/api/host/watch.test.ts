import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type ProjectWatch, watchProject } from "../../../src/api/host/watch.js";

const never = new AbortController().signal;

/** What a watch tells of a change. */
async function told(watch: ProjectWatch, change: () => void): Promise<readonly string[]> {
  const next = watch.next(never);
  change();
  return await next;
}

t.test("saved files are told by name, however an editor saves, in folders that are new, too", async (t) => {
  const folder = t.testdir({ "edgeimg.yaml": "", src: { "main.ts": "", deep: { "a.ts": "" } } });
  const at = (path: string) => join(folder, path);
  const watch = watchProject(folder, ["out"]);
  t.teardown(watch.close);
  t.same(await told(watch, () => writeFileSync(at("src/deep/a.ts"), "1")), ["src/deep/a.ts"]);
  t.same(
    await told(watch, () => {
      writeFileSync(at("src/.main.ts.swp"), "");
      writeFileSync(at("src/4913"), "");
      writeFileSync(at("src/main.ts~"), "");
      renameSync(at("src/main.ts~"), at("src/main.ts"));
    }),
    ["src/main.ts"],
    "written beside it and renamed",
  );
  t.same(
    await told(watch, () => {
      writeFileSync(at("src/sedAb12"), "");
      renameSync(at("src/sedAb12"), at("src/main.ts"));
      writeFileSync(at("edgeimg.yaml"), "format: 1");
    }),
    ["edgeimg.yaml", "src/main.ts"],
    "what came and went is not named",
  );
  t.same(await told(watch, () => rmSync(at("src/deep/a.ts"))), ["src/deep/a.ts"], "a file that went");
  t.same(await told(watch, () => mkdirSync(at("src/new"))), ["src/new"]);
  t.same(await told(watch, () => writeFileSync(at("src/new/b.ts"), "")), ["src/new/b.ts"]);
  const gone = await told(watch, () => rmSync(at("src/new"), { recursive: true }));
  t.ok(gone.includes("src/new"));
  t.same(
    gone.filter((path) => !["src/new", "src/new/b.ts"].includes(path)),
    [],
    "a folder that went is not taken for a file in it",
  );
  t.same(await told(watch, () => mkdirSync(at("src/new"))), ["src/new"]);
  t.same(await told(watch, () => writeFileSync(at("src/new/c.ts"), "")), ["src/new/c.ts"], "a folder that came again");
});

t.test("results, packages, history and the lock start no build", async (t) => {
  const folder = t.testdir({
    src: { node_modules: { x: {} } },
    node_modules: { y: {} },
    ".git": {},
    out: { host: {} },
  });
  const at = (path: string) => join(folder, path);
  const watch = watchProject(folder, ["out", "build/host"]);
  t.teardown(watch.close);
  const quiet = [
    "node_modules/y/a.js",
    "src/node_modules/x/a.js",
    ".git/index",
    "out/host/a",
    "edgeimg.lock",
    "edgeimg.lock.17.new",
  ];
  const seen = await told(watch, () => {
    for (const path of quiet) writeFileSync(at(path), "");
    mkdirSync(at("build/host"), { recursive: true });
    writeFileSync(at("build/host/a"), "");
    symlinkSync("/", at("link"));
    utimesSync(at("src"), 1, 1);
    writeFileSync(at("last"), "");
  });
  t.same(
    seen.filter((path) => path !== "src"),
    ["build", "last", "link"],
    "and no link is followed",
  );
});

t.test("waiting ends with the signal, and a wait that begins after it at once", async (t) => {
  const watch = watchProject(t.testdir({}), []);
  t.teardown(watch.close);
  const stop = new AbortController();
  const next = watch.next(stop.signal);
  stop.abort(new Error("Ctrl-C"));
  await t.rejects(next, { message: "Ctrl-C" });
  await t.rejects(watch.next(stop.signal), { message: "Ctrl-C" });
});

t.test("a change while nobody waits is told to the next who does", async (t) => {
  const folder = t.testdir({});
  const watch = watchProject(folder, []);
  t.teardown(watch.close);
  writeFileSync(join(folder, "a"), "");
  await new Promise((done) => setTimeout(done, 100));
  t.same(await watch.next(never), ["a"]);
});
