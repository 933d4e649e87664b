import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import t from "tap";
import typescript from "typescript";
import { execute } from "../../src/execute/execute.js";
import { globalsFile, missingGlobals } from "../../src/steps/app-globals.js";
import { testPlan, testServices } from "../helpers/services.js";

const home = fileURLToPath(new URL("../../", import.meta.url));
const globals = globalsFile.parse(JSON.parse(readFileSync(join(home, "recipes/runtime/globals.json"), "utf8")));

/** What the device lacks of code, as esbuild writes it. */
async function missing(code: string): Promise<string[]> {
  const stdin = { contents: code, resolveDir: home };
  const minify = { minifySyntax: true, minifyWhitespace: true };
  const options = { bundle: true, format: "esm", target: "es2022", treeShaking: false, logLevel: "silent" } as const;
  const { outputFiles } = await build({ stdin, ...options, ...minify, external: ["edge:*"], write: false });
  return missingGlobals(typescript, outputFiles[0]?.text ?? "", globals).map(({ name }) => name);
}

t.test("globals that the device lacks are found", async (t) => {
  const cases: [string, string][] = [
    ["new Intl.NumberFormat('de-DE')", "Intl"],
    ["Buffer.from('x')", "Buffer"],
    ["console.log(process.argv)", "process"],
    ["await fetch('http://x/')", "fetch"],
    ["new URL('http://x/')", "URL"],
    ["new URLSearchParams('a=b')", "URLSearchParams"],
    ["new AbortController().abort()", "AbortController"],
    ["setImmediate(() => {})", "setImmediate"],
    ["await crypto.subtle.digest('SHA-256', new Uint8Array(1))", "crypto.subtle"],
    ["class A extends EventTarget {}; new A()", "EventTarget"],
    ["console.log([Blob])", "Blob"],
    ["console.log({ navigator })", "navigator"],
    ["console.log([...location])", "location"],
    ["btoa(document.title)", "document"],
    ["somethingUnknown()", "somethingUnknown"],
    ["console.table([])", "console.table"],
    ["performance.mark('x')", "performance.mark"],
    ["globalThis.navigator.userAgent", "navigator"],
    ["new globalThis.Blob([])", "Blob"],
    ["globalThis.fetch('x')", "fetch"],
    ["const f = (a = Buffer) => a; f()", "Buffer"],
    ["{ const Buffer = 1; console.log(Buffer) } Buffer.from('x')", "Buffer"],
    ["function f() { var URL = 1; return URL } f(); new URL('x')", "URL"],
    ["x: for (const a of [1]) { break x; } window.x = 1", "window"],
    ["console.log((1.5).toLocaleString('de-DE'))", "toLocaleString with a locale or options"],
    [
      "console.log(new Date().toLocaleDateString(undefined, { month: 'long' }))",
      "toLocaleDateString with a locale or options",
    ],
    ["console.log('a'.localeCompare('b', 'sv'))", "localeCompare with a locale or options"],
    ["if (typeof Buffer === 'undefined') console.log(1); Buffer.from('x')", "Buffer"],
  ];
  for (const [code, name] of cases) t.same(await missing(code), [name], code);
});

t.test("what is asked for first, declared or set is fine", async (t) => {
  const cases = [
    "console.log(typeof Buffer, typeof process)",
    "if (typeof Buffer !== 'undefined') console.log(Buffer.from('x'))",
    "console.log(typeof process === 'object' ? process.env : {})",
    "console.log(typeof process !== 'undefined' && process.env && process.env.X)",
    "const has = typeof Buffer === 'function'; export const f = (x) => has && Buffer.isBuffer(x)",
    "export function f() { if (typeof URL === 'undefined') return 1; return new URL('x').href }",
    "export function f() { if (typeof URL === 'undefined') { throw new Error('x') } const u = new URL('x'); return () => new URL(u) }",
    "try { fetch('x') } catch { console.log(1) }",
    "switch (typeof crypto) { case 'object': crypto.getRandomValues(new Uint8Array(1)) }",
    "if ('crypto' in globalThis) crypto.randomUUID()",
    "if (globalThis.crypto) globalThis.crypto.randomUUID()",
    "console.log(globalThis.process?.env, globalThis.Buffer)",
    "globalThis.Buffer = class { static from() {} }; Buffer.from('x')",
    "Object.defineProperty(globalThis, 'fetch', { value: () => 1 }); fetch('x')",
    "if (console.table) console.table([]); console.group?.('x')",
    "import { env as process } from 'edge:process'; console.log(process.X)",
    "function f() { return g(); function g() { return Buffer } var Buffer } f()",
    "class Blob { static x = Blob; #fetch() { return this.#fetch } } console.log(Blob.x, { fetch: 1, URL() {} }.fetch)",
    "const { a: URL, ...Blob } = { a: 1 }; (function () { console.log(URL, Blob, arguments) })()",
    "try { throw 1 } catch (process) { console.log(process) }",
    "for (const fetch of [1]) console.log(fetch)",
    "console.log((1.5).toLocaleString(), 'a'.localeCompare('b'), performance.now(), structuredClone({}), crypto.randomUUID(), crypto.getRandomValues(new Uint8Array(1)))",
    "const e = new TextEncoder(); console.log(e.encode('x'), queueMicrotask, setTimeout, Float64Array, WeakRef)",
  ];
  for (const code of cases) t.same(await missing(code), [], code);
});

t.test("deep and long code is looked at in time that grows with it", async (t) => {
  const chain = Array.from({ length: 5000 }, (_, i) => `x${i % 7}()`).join("+");
  const names = Array.from({ length: 7 }, (_, i) => `const x${i} = () => ${i};`).join("");
  t.same(
    missingGlobals(typescript, `${names}console.log(${chain});Buffer.x()`, globals).map(({ name }) => name),
    ["Buffer"],
  );
});

t.test("the build names the package's file and line, and a remedy", async (t) => {
  const root = t.testdir({
    cache: {},
    project: { "main.ts": 'import { enc } from "useful";\nconsole.log(enc("x"));\n' },
    modules: {
      useful: {
        "package.json": '{ "name": "useful", "version": "1.0.0", "main": "index.js" }',
        "index.js": 'exports.enc = function (s) {\n  return Buffer.from(s).toString("base64");\n};\n',
      },
    },
  });
  const plan = testPlan([
    { id: "project", kind: "local", params: { path: join(root, "project") } },
    { id: "useful", kind: "local", params: { path: join(root, "modules") } },
    { id: "recipe", kind: "local", params: { path: join(home, "recipes/runtime") } },
    {
      id: "bundle",
      kind: "bundle",
      inputs: { project: "project", dependencies: "useful", runtime: "recipe" },
      params: { entry: "main.ts", esbuild: "x", typescript: "x" },
    },
  ]);
  await t.rejects(execute(plan, ["bundle"], await testServices(join(root, "cache"))), {
    code: "ERR_EDGEIMG_APP_GLOBAL",
    message: "The device has no Buffer.",
    place: { file: "node_modules/useful/index.js", line: 2, column: 10 },
    hint: /Uint8Array/,
  });
});

t.test("docs/apps.md lists what there is and what to use in place of the rest", async (t) => {
  const docs = readFileSync(join(home, "docs/apps.md"), "utf8");
  for (const [name, text] of Object.entries(globals.runtime))
    t.ok(docs.includes(`| \`${name}\` | yes | ${text} |`), name);
  for (const [name, text] of Object.entries(globals.missing))
    t.ok(docs.includes(`| \`${name}\` | no | ${text} |`), name);
});
