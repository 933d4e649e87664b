import { copyFile, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { appFolder, compile, edgeRun, runSource, startBundle } from "../helpers/edge-app.js";

const app = await appFolder();
const flipped = (bytes: Buffer, at: number): Buffer =>
  Buffer.from(bytes.map((byte, i) => (i === at ? byte ^ 4 : byte)));
t.teardown(app.remove);

t.test("the same source gives the same bytes wherever it lies", async (t) => {
  const source =
    "import { args } from 'edge:process';\nexport const a = /x+/u; class B { #c = 1n; }\nconsole.log(args.length);\n";
  const first = await readFile(await compile(app.path, source));
  const elsewhere = join(app.path, "some-other-name.js");
  await writeFile(elsewhere, source);
  t.equal((await edgeRun(["--compile", elsewhere, "--out", join(app.path, "b")])).code, 0);
  const second = await readFile(join(app.path, "b"));
  t.ok(first.equals(second));
  t.notOk(first.includes(app.path), "no path of the build is inside");
  t.notOk(first.includes("console.log(args"), "the source is not inside");
});

t.test("a bundle of another version is refused with both versions", async (t) => {
  const bundle = await compile(app.path, "console.log(1);");
  const bytes = await readFile(bundle);
  const other = Buffer.concat([
    Buffer.from("edge-run bytecode 1 quickjs 2024-01-13\n"),
    bytes.subarray(bytes.indexOf(10) + 1),
  ]);
  await writeFile(bundle, other);
  const { code, milestones } = await startBundle(bundle, app.path).finished;
  t.equal(code, 1);
  t.match(milestones[0], { edgeimg: "app-error", message: /2024-01-13.*this runtime needs.*build the app again/ });
});

t.test("damaged bundles are refused, never run", async (t) => {
  const bundle = await compile(app.path, "console.log('ran');");
  const bytes = await readFile(bundle);
  const header = bytes.indexOf(10) + 1;
  for (const [what, content] of [
    ["empty", Buffer.alloc(0)],
    ["a script", Buffer.from("console.log('ran')")],
    ["header only", bytes.subarray(0, header)],
    ["cut", bytes.subarray(0, header + 20)],
    ["one bit flipped", flipped(bytes, bytes.length - 3)],
  ] as const) {
    await writeFile(bundle, content);
    const { code, stdout } = await startBundle(bundle, app.path).finished;
    t.equal(code, 1, what);
    t.notMatch(stdout, /^ran/m, what);
  }
  t.equal((await startBundle(join(app.path, "nowhere"), app.path).finished).code, 1);
});

t.test("a syntax error names its line", async (t) => {
  await writeFile(join(app.path, "main.js"), "const a = 1;\nconst = 2;\n");
  const { code, stderr } = await edgeRun(["--compile", join(app.path, "main.js"), "--out", join(app.path, "x")]);
  t.equal(code, 1);
  t.match(stderr, /SyntaxError[\s\S]*main\.js:2/);
});

t.test("an import of anything but the runtime's modules is refused when it is compiled", async (t) => {
  await t.rejects(compile(app.path, "import fs from 'node:fs';"), /no module "node:fs"/);
});

t.test("--app finds main.qjb, and -- ends the options", async (t) => {
  const bundle = await compile(app.path, "import { args } from 'edge:process';\nconsole.log(JSON.stringify(args));");
  await copyFile(bundle, join(app.path, "copy"));
  await rename(join(app.path, "copy"), join(app.path, "main.qjb"));
  const { code, stdout } = await edgeRun(["--app", app.path, "--", "--version", "x"]);
  t.equal(code, 0);
  t.equal(stdout, '["--version","x"]\n');
});

t.test("the command line is checked", async (t) => {
  for (const args of [
    ["--nonsense"],
    ["--compile", "x"],
    ["--memory-limit", "12x"],
    ["--stack-limit", "1"],
    ["a", "b"],
  ])
    t.equal((await edgeRun(args)).code, 2, args.join(" "));
  t.match((await edgeRun(["--version"])).stdout, /^edge-run \S+ quickjs \S+ libuv \S+\n$/);
});

t.test("memory and stack have limits", async (t) => {
  const greedy = "const all = []; for (;;) all.push(new Uint8Array(1 << 20));";
  const memory = await runSource(app.path, greedy, { flags: ["--memory-limit", "16"] });
  t.equal(memory.code, 1);
  t.match(memory.milestones[0], { edgeimg: "app-error", message: /out of memory/ });
  const deep = "const f = (n) => { try { return f(n + 1); } catch { return n; } }; console.log(f(0));";
  const depth = async (kb: string): Promise<number> =>
    Number((await runSource(app.path, deep, { flags: ["--stack-limit", kb] })).stdout);
  const small = await depth("128");
  const large = await depth("1024");
  t.ok(small > 10 && large > 4 * small, `${small} and ${large} calls`);
});
