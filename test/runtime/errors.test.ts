import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import t from "tap";
import { appFolder, compile, edgeRun, type Finished, runSource, startBundle } from "../helpers/edge-app.js";

const app = await appFolder();
t.teardown(app.remove);

/** Bundles TypeScript files as the build does and runs them; the first is the entry. */
async function runTypeScript(files: Readonly<Record<string, string>>, minify = false): Promise<Finished> {
  const [entry = ""] = Object.keys(files);
  await mkdir(join(app.path, "src"), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(app.path, "src", name), text);
  await build({
    absWorkingDir: app.path,
    entryPoints: [`src/${entry}`],
    outfile: join(app.path, "main.js"),
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    external: ["edge:*"],
    sourcemap: "external",
    minify,
    logLevel: "silent",
  });
  const bundle = await compile(app.path, await readFile(join(app.path, "main.js"), "utf8"));
  return startBundle(bundle, app.path).finished;
}

const helper = `export interface Box {
  width: number;
}

export function area(box: Box | undefined): number {
  // a comment, so that lines move
  if (box === undefined) throw new RangeError("no box");
  return box.width;
}
`;

for (const minify of [false, true])
  t.test(`an uncaught error names TypeScript file and line${minify ? ", minified" : ""}`, async (t) => {
    const main = `import { area, type Box } from "./helper.js";
type Unused = { a: number };
function main(box?: Box): void {
  console.log(area(box));
}

main();
`;
    const { code, milestones } = await runTypeScript({ "main.ts": main, "helper.ts": helper }, minify);
    t.equal(code, 1);
    t.match(milestones, [
      {
        edgeimg: "app-error",
        message: "RangeError: no box",
        stack: [/^src\/helper\.ts:7:\d+ /, /^src\/main\.ts:4:\d+ /, /^src\/main\.ts:7:1$/],
      },
    ]);
  });

t.test("a rejection that nobody handles names the line that waited", async (t) => {
  const main = `import { readText } from "edge:fs";
interface Nothing {}

async function work(): Promise<void> {
  await readText("/nowhere");
}
setTimeout(() => {
  void work();
}, 1);
`;
  const { code, milestones } = await runTypeScript({ "main.ts": main });
  t.equal(code, 1);
  t.match(milestones, [
    {
      edgeimg: "app-error",
      message: /^Error: ENOENT.*nowhere/,
      stack: [/^src\/main\.ts:5:\d+ work$/, /^src\/main\.ts:8:/],
    },
  ]);
});

t.test("rejections that are handled in the same turn are none", async (t) => {
  const { code, stdout } = await runSource(
    app.path,
    `const late = Promise.reject(new Error("x"));
     queueMicrotask(() => late.catch(() => console.log("caught")));
     await Promise.reject(new Error("y")).catch(() => {});`,
  );
  t.equal(code, 0);
  t.equal(stdout, "caught\n");
});

t.test("whatever is thrown is reported once, in valid JSON", async (t) => {
  await rm(join(app.path, "main.js.map"), { force: true });
  for (const [thrown, message] of [
    ['"text \\"q\\" \\n"', 'text "q" \n'],
    ["undefined", "undefined"],
    ["null", "null"],
    ["42n", "42"],
    ["Symbol('s')", /cannot be shown/],
    ["{ toString() { throw 1 } }", /cannot be shown/],
    ["new (class Mine extends Error { name = 'Mine' })('m')", "Mine: m"],
    ["new Error('\\ud800\\u0000é')", "Error: \ufffd\ufffd\ufffd"],
    ["new AggregateError([], 'all')", "AggregateError: all"],
    ["Object.create(Error.prototype)", /./],
  ] as const) {
    for (const code of [
      `throw ${thrown};`,
      `setTimeout(() => { throw ${thrown}; });`,
      `await Promise.reject(${thrown});`,
    ]) {
      const { milestones, code: exit } = await runSource(app.path, code);
      t.equal(exit, 1, code);
      t.equal(milestones.length, 1, code);
      t.match(milestones[0], { edgeimg: "app-error", message: thrown.includes("ud800") ? /^Error: / : message }, code);
    }
  }
});

t.test("a source map that is none does no harm", async (t) => {
  const bundle = await compile(app.path, "throw new Error('x');");
  const maps = [
    "",
    "{",
    "[]",
    "null",
    '{"version":3}',
    '{"sources":[],"mappings":"AAAA"}',
    '{"sources":{"length":4},"mappings":"AAAA"}',
    '{"sources":["a.ts"],"mappings":5}',
    '{"sources":["a.ts"],"mappings":"!!!"}',
    '{"sources":["a.ts"],"mappings":"ADDD"}',
    '{"sources":["a.ts"],"mappings":"AggggggggggggggggA"}',
    '{"sources":["a.ts"],"mappings":"AAAA,;,;,AAAAAAAAAA"}',
    '{"sources":[null],"mappings":"AAAA"}',
  ];
  for (const map of maps) {
    await writeFile(join(app.path, "main.js.map"), map);
    const { code, milestones } = await startBundle(bundle, app.path).finished;
    t.equal(code, 1, map);
    t.match(milestones[0], { edgeimg: "app-error", message: "Error: x" }, map);
  }
  await writeFile(join(app.path, "main.js.map"), '{"sourceRoot":"lib","sources":["../a.ts"],"mappings":"AAAA"}');
  t.match((await startBundle(bundle, app.path).finished).milestones[0], { stack: [/^lib\/\.\.\/a\.ts:1:1$/] });
});

t.test("--app finds the map beside its bundle", async (t) => {
  await compile(app.path, "throw new Error('x');");
  await writeFile(join(app.path, "main.js.map"), '{"sources":["here.ts"],"mappings":"AASA"}');
  t.match((await edgeRun(["--app", app.path])).milestones[0], { stack: [/^here\.ts:10:1$/] });
});
