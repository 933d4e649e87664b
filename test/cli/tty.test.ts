import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { packageHome } from "../../src/api/home.js";

/** What a terminal of 100 x 40 gets to see of some events, escape sequences taken away. */
async function onTerminal(events: string): Promise<string> {
  const module = JSON.stringify(join(packageHome, "dist/cli/render/tty.js"));
  const folder = t.testdir({
    "show.mjs": `import { ttyRenderer } from ${module};
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const write = (text) => process.stdout.write(text);
const renderer = ttyRenderer({ write, now: () => performance.now(), color: true, level: "normal" });
const emit = renderer.emit;
${events}
await renderer.finish();
console.log("the end");
`,
  });
  const command = `stty cols 100 rows 40; node ${join(folder, "show.mjs")}`;
  const { stdout } = await promisify(execFile)("script", ["-qec", command, "/dev/null"], {
    env: { PATH: process.env.PATH, TERM: "xterm" },
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is taken away
  return stdout.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "").replaceAll("\r", "");
}

t.test("a live list: header, finished steps, running ones with progress; then only the header stays", async (t) => {
  const shown = await onTerminal(`
emit({ type: "plan", steps: 3 });
emit({ type: "step-end", step: "a", title: "old", cached: true, ms: 1, digest: "00" });
emit({ type: "step-start", step: "b", title: "compile ncnn" });
emit({ type: "step-progress", step: "b", done: 30, total: 90, unit: "objects" });
await wait(700);
emit({ type: "step-end", step: "b", title: "compile ncnn", cached: false, ms: 61000, digest: "00" });
await wait(500);`);
  t.match(shown, /\n?. 1 of 3 steps, 1 from cache, \d+(\.\d)? s\n. compile ncnn {2}30 of 90 objects\n/);
  t.match(shown, /› compile ncnn {2}1 min 01 s\n/);
  t.match(shown, /✔ 2 of 3 steps, 1 from cache, \d+(\.\d)? s\n\s*the end\n$/);
});

t.test("what a board says after the build comes below the list, in order", async (t) => {
  const shown = await onTerminal(`
emit({ type: "plan", steps: 1 });
emit({ type: "step-start", step: "b", title: "build" });
await wait(300);
emit({ type: "step-end", step: "b", title: "build", cached: false, ms: 300, digest: "00" });
for (const line of ["Booting Linux", "second", "third"]) emit({ type: "console", line });
await wait(300);
emit({ type: "console", line: "fourth" });`);
  t.match(shown, /✔ 1 of 1 steps, \d+(\.\d)? s\n\s*Booting Linux\nsecond\nthird\nfourth\nthe end\n$/);
});

t.test("a failed step leaves a cross", async (t) => {
  const shown = await onTerminal(`
emit({ type: "plan", steps: 2 });
emit({ type: "step-start", step: "b", title: "build" });
await wait(300);
emit({ type: "step-failed", step: "b", title: "build", message: "no" });
await wait(600);`);
  t.match(shown, /› failed: build\n/);
  t.match(shown, /✖ 0 of 2 steps, \d+(\.\d)? s\n/);
});
