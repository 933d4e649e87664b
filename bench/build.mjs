// How long builds take and how large their results are, in one run on this machine:
//   npm run build && node bench/build.mjs [--board rpi4] [--keep CACHE]
// cold: empty store; warm: nothing changed; app edit: one line of the app changed; second engine: on top of the first.
// Prints a table for docs/benchmarks.md and the same as JSON. Times are wall-clock seconds, and seconds of processor time of all processes
// that took part, which other work of the machine changes less; sizes are bytes. With --keep, a store that is there is used and stays.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { timed } from "./timed.mjs";

const { values } = parseArgs({ options: { board: { type: "string", default: "rpi4" }, keep: { type: "string" } } });
const program = fileURLToPath(new URL("../dist/bundle/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "edgeimg-bench-"));
const cache = values.keep ?? join(folder, "cache");
const project = join(folder, "project");
const env = { ...process.env, XDG_CACHE_HOME: cache, CI: "true" };

function edgeimg(...words) {
  const run = timed([program, ...words], { cwd: words[0] === "init" ? folder : project, env });
  if (run.status !== 0) throw new Error(`edgeimg ${words.join(" ")}: exit ${run.status}\n${run.stdout.slice(-2000)}`);
  return {
    ...run,
    lines: run.stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line)),
  };
}

const build = (engine) => edgeimg("build", "--board", values.board, "--engine", engine, "--json");
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
/** Medians of several runs. */
const repeat = (times, run) => {
  const runs = Array.from({ length: times }, run);
  return {
    seconds: median(runs.map(({ seconds }) => seconds)),
    processor: median(runs.map(({ processor }) => processor)),
  };
};

edgeimg("init", project);
const cold = build("ncnn");
// In turns, so that other work of the machine weighs on both alike.
const bare = [];
const warm = repeat(7, () => {
  bare.push(timed(["-e", "0"], { cwd: project, env }));
  return build("ncnn");
});
const start = repeat(bare.length, (_, index) => bare[index]);
let edits = 0;
const edit = repeat(5, () => {
  appendFileSync(join(project, "src/main.ts"), `\nconsole.debug("edit ${edits++}");\n`);
  return build("ncnn");
});
const second = build("onnxruntime");

const steps = cold.lines
  .filter((line) => line.type === "step-end")
  .sort((a, b) => b.ms - a.ms)
  .slice(0, 8);
const out = join(project, "out", `${values.board}-ncnn`);
const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
const sum = (files) => files.reduce((total, file) => total + file.size, 0);
const models = manifest.files.filter((file) => file.part === "root" && file.path.startsWith("models/"));
const image = cold.lines.filter((line) => line.type === "artifact").find((line) => line.role === "image");
const packed = statSync(join(out, `${manifest.image.file}.zst`)).size;

const rows = [
  ["load at the end", loadavg()[0].toFixed(2)],
  ["cold build (s)", cold.seconds.toFixed(0)],
  ["node -e 0 (s)", start.seconds.toFixed(2)],
  ["nothing changed (s)", warm.seconds.toFixed(2)],
  ["nothing changed / node -e 0", `${(warm.seconds / start.seconds).toFixed(1)} (at most 3)`],
  ["app edit to new image (s)", `${edit.seconds.toFixed(2)} (at most 2 on a quiet machine)`],
  ["app edit, processor time (s)", edit.processor.toFixed(2)],
  ["app edit / node -e 0, processor time", (edit.processor / start.processor).toFixed(0)],
  ["second engine on top (s)", second.seconds.toFixed(0)],
  ["cold / app edit", (cold.seconds / edit.seconds).toFixed(0)],
  ["image (bytes)", image.bytes],
  ["compressed image (bytes)", packed],
  ["root file system, compressed (bytes)", manifest.root.bytes],
  ["root, uncompressed (bytes)", sum(manifest.files.filter((file) => file.part === "root"))],
  ["of it models (bytes)", sum(models)],
  ["boot partition's files (bytes)", sum(manifest.files.filter((file) => file.part === "boot"))],
];
console.log(`| ${values.board}, ncnn | |\n|---|---|`);
for (const [name, value] of rows) console.log(`| ${name} | ${value} |`);
console.log(`\n| longest steps of the cold build | s |\n|---|---|`);
for (const { title, ms } of steps) console.log(`| ${title} | ${(ms / 1000).toFixed(0)} |`);
console.log(`\n${JSON.stringify(Object.fromEntries(rows))}`);
rmSync(folder, { recursive: true, force: true });
