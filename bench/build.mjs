// How long builds take and how large their results are, in one run on this machine:
//   npm run build && node bench/build.mjs [--board rpi4] [--keep CACHE]
// cold: empty store; warm: nothing changed; app edit: one line of the app changed; second engine: on top of the first.
// Prints a table for docs/benchmarks.md and the same as JSON. Times are wall-clock seconds; sizes are bytes.
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { board: { type: "string", default: "rpi4" }, keep: { type: "string" } } });
const program = fileURLToPath(new URL("../dist/bundle/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "edgeimg-bench-"));
const cache = values.keep ?? join(folder, "cache");
const project = join(folder, "project");
const env = { ...process.env, XDG_CACHE_HOME: cache, CI: "true" };

function edgeimg(...words) {
  const began = performance.now();
  const run = spawnSync(process.execPath, [program, ...words], {
    cwd: words[0] === "init" ? folder : project,
    env,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0)
    throw new Error(`edgeimg ${words.join(" ")}: exit ${run.status}\n${run.stderr}${run.stdout.slice(-2000)}`);
  return {
    seconds: (performance.now() - began) / 1000,
    lines: run.stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line)),
  };
}

const build = (engine) => edgeimg("build", "--board", values.board, "--engine", engine, "--json");
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const repeat = (times, run) => median(Array.from({ length: times }, run));

edgeimg("init", project);
const cold = build("ncnn");
// In turns, so that other work of the machine weighs on both alike.
const bare = [];
const warm = repeat(7, () => {
  const began = performance.now();
  spawnSync(process.execPath, ["-e", "0"], { env });
  bare.push((performance.now() - began) / 1000);
  return build("ncnn").seconds;
});
const start = median(bare);
let edits = 0;
const edit = repeat(5, () => {
  appendFileSync(join(project, "src/main.ts"), `\nconsole.debug("edit ${edits++}");\n`);
  return build("ncnn").seconds;
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
  ["cold build (s)", cold.seconds.toFixed(0)],
  ["node -e 0 (s)", start.toFixed(2)],
  ["nothing changed (s)", warm.toFixed(2)],
  ["nothing changed / node -e 0", `${(warm / start).toFixed(1)} (at most 3)`],
  ["app edit to new image (s)", `${edit.toFixed(2)} (at most 2 on a quiet machine)`],
  ["app edit / node -e 0", (edit / start).toFixed(1)],
  ["second engine on top (s)", second.seconds.toFixed(0)],
  ["cold / app edit", (cold.seconds / edit).toFixed(0)],
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
