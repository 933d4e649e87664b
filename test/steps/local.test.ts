import { lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { execute } from "../../src/execute/execute.js";
import { treePath } from "../../src/store/store.js";
import { walk } from "../../src/store/tree.js";
import { testPlan, testServices } from "../helpers/services.js";

async function result(t: Test, steps: Parameters<typeof testPlan>[0]) {
  const services = await testServices(join(t.testdirName, "cache"));
  const last = steps.at(-1)?.id ?? "";
  const tree = treePath(services.store, (await execute(testPlan(steps), [last], services)).get(last)?.digest ?? "");
  return { list: () => [...walk(tree, "")], read: (path: string) => readFileSync(join(tree, path), "utf8"), tree };
}

const project = {
  cache: {},
  project: {
    "main.ts": "main",
    "README.md": "",
    node_modules: { x: { "a.js": "" } },
    src: { "a.ts": "a", node_modules: { y: "" } },
  },
};

t.test("a folder, without what is excluded", async (t) => {
  const folder = t.testdir(project);
  symlinkSync("src/a.ts", join(folder, "project/link"));
  const exclude = ["node_modules", "**/node_modules", "**.md"];
  const { list, tree } = await result(t, [
    { id: "l", kind: "local", params: { path: join(folder, "project"), exclude } },
  ]);
  t.same(list(), ["link", "main.ts", "src", "src/a.ts"]);
  t.equal(readlinkSync(join(tree, "link")), "src/a.ts");
});

t.test("a folder that holds the store, which is excluded", async (t) => {
  const folder = t.testdir({ cache: {}, "main.ts": "main" });
  const { list } = await result(t, [{ id: "l", kind: "local", params: { path: folder, exclude: ["cache"] } }]);
  t.same(list(), ["main.ts"]);
});

t.test("a file, under its own name", async (t) => {
  const folder = t.testdir(project);
  const { list, read } = await result(t, [
    { id: "l", kind: "local", params: { path: join(folder, "project/main.ts") } },
  ]);
  t.same(list(), ["main.ts"]);
  t.equal(read("main.ts"), "main");
});

t.test("what lies behind a link", async (t) => {
  const folder = t.testdir(project);
  symlinkSync("project", join(folder, "same"));
  symlinkSync("project/main.ts", join(folder, "other.ts"));
  const exclude = ["node_modules", "src"];
  const behind = await result(t, [{ id: "l", kind: "local", params: { path: join(folder, "same"), exclude } }]);
  t.same(behind.list(), ["README.md", "main.ts"]);
  const file = await result(t, [{ id: "l", kind: "local", params: { path: join(folder, "other.ts") } }]);
  t.same(file.list(), ["other.ts"], "the name that the project knows");
  t.equal(lstatSync(join(file.tree, "other.ts")).isFile(), true);
});

t.test("compose: parts over parts, files, links, folders, programs", async (t) => {
  const folder = t.testdir({
    cache: {},
    one: { a: "1a", b: "1b", sub: { c: "1c" } },
    two: { b: "2b", sub: { d: "2d" } },
  });
  const { list, read, tree } = await result(t, [
    { id: "one", kind: "local", params: { path: join(folder, "one") } },
    { id: "two", kind: "local", params: { path: join(folder, "two") } },
    {
      id: "all",
      kind: "compose",
      inputs: { one: "one", two: "two" },
      params: {
        parts: [{ from: "one" }, { from: "two" }, { from: "one", path: "sub/c", to: "x/y/z" }],
        files: { "text/file": "text", a: "over" },
        links: { "l/k": "../a" },
        folders: ["empty/deep"],
        executable: ["a"],
      },
    },
  ]);
  t.same(list(), [
    "a",
    "b",
    "empty",
    "empty/deep",
    "l",
    "l/k",
    "sub",
    "sub/c",
    "sub/d",
    "text",
    "text/file",
    "x",
    "x/y",
    "x/y/z",
  ]);
  t.same(["a", "b", "sub/c", "sub/d", "x/y/z", "l/k"].map(read), ["over", "2b", "1c", "2d", "1c", "over"]);
  t.equal(lstatSync(join(tree, "a")).mode & 0o777, 0o555);
});

t.test("compose: a path that the input does not have is named", async (t) => {
  const folder = t.testdir({ cache: {}, one: { a: "" } });
  const steps = [
    { id: "one", kind: "local", params: { path: join(folder, "one") } },
    {
      id: "all",
      kind: "compose",
      inputs: { source: "one" },
      params: { parts: [{ from: "source", path: "models/none.onnx", to: "x" }] },
    },
  ];
  await t.rejects(result(t, steps), { code: "ERR_EDGEIMG_IMAGE_FILE", message: "models/none.onnx is not in source." });
});

t.test("a copy does not depend on the user's modes", async (t) => {
  const folder = t.testdir({ cache: {} });
  const digests = [0o644, 0o600].map((mode, index) => {
    const place = join(folder, String(index));
    mkdirSync(place, { mode: 0o755 - index });
    writeFileSync(join(place, "f"), "x", { mode });
    return place;
  });
  const trees = [];
  for (const path of digests) trees.push((await result(t, [{ id: "l", kind: "local", params: { path } }])).tree);
  t.equal(trees[0], trees[1]);
});
