import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { packageHome } from "../../src/ground/home.js";

/** What a terminal of 100 x 40 gets to see of some events, escape sequences taken away. */
async function onTerminal(events: string): Promise<string> {
  const module = JSON.stringify(join(packageHome, "dist/cli/render/tty.js"));
  const folder = t.testdir({
    "show.mjs": `let seen = "";
const toTerminal = process.stdout.write.bind(process.stdout);
process.stdout.write = (text, ...rest) => {
  seen += text;
  return toTerminal(text, ...rest);
};
/** Waits until the terminal has been shown a text. */
const shown = async (text) => {
  while (!seen.includes(text)) await new Promise((resolve) => setTimeout(resolve, 20));
};
const { ttyRenderer } = await import(${module});
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
await shown("30 of 90");
emit({ type: "step-end", step: "b", title: "compile ncnn", cached: false, ms: 61000, digest: "00" });
await shown("1 min 01 s");`);
  t.match(shown, /. 1 of 3 steps, 1 from cache, [\d.]+ s.*\n. compile ncnn {2}30 of 90 objects\n/);
  t.match(shown, /. 2 of 3 steps, 1 from cache, [\d.]+ s\n {2}› compile ncnn {2}1 min 01 s\n/);
  t.match(shown, /✔ 2 of 3 steps, 1 from cache, [\d.]+ s\n\s*the end\n$/);
});

t.test("what a board says after the build comes below the list, in order", async (t) => {
  const shown = await onTerminal(`
emit({ type: "plan", steps: 1 });
emit({ type: "step-start", step: "b", title: "compile" });
await shown("compile");
emit({ type: "step-end", step: "b", title: "compile", cached: false, ms: 300, digest: "00" });
for (const line of ["Booting Linux", "second", "third"]) emit({ type: "console", line });
await shown("third");
emit({ type: "console", line: "fourth" });`);
  t.match(shown, /✔ 1 of 1 steps, [\d.]+ s\n\s*Booting Linux\nsecond\nthird\nfourth\nthe end\n$/);
});

t.test("a failed step leaves a cross, even when it failed before anything was shown", async (t) => {
  const late = await onTerminal(`
emit({ type: "plan", steps: 2 });
emit({ type: "step-start", step: "b", title: "compile" });
emit({ type: "step-failed", step: "b", title: "compile", message: "no" });
await shown("failed: compile");`);
  t.match(late, /✖ 0 of 2 steps, [\d.]+ s, failed: compile\n/);
});
