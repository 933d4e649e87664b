// What `edgeimg build --matrix` saves: three boards with two engines as one graph, against the sum of six builds by themselves.
//   npm run build && node bench/matrix.mjs [--blobs CACHE] [--small]
// Each build begins with a store of its own that holds the downloads and nothing else: networks are not measured. They are taken from
// the store in CACHE as far as it has them. --small takes an app without models, which have to be converted and checked. Writes its
// table into docs/benchmarks.md. Times are wall-clock seconds.
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeSection } from "./section.mjs";

const { values } = parseArgs({
  options: {
    small: { type: "boolean", default: false },
    blobs: { type: "string" },
    folder: { type: "string", default: tmpdir() },
  },
});
const home = new URL("../", import.meta.url);
const program = fileURLToPath(new URL("dist/bundle/main.js", home));
const folder = mkdtempSync(join(values.folder, "edgeimg-bench-"));
const project = join(folder, "project");
const boards = ["rpi4", "rpi3", "qemu-a72"];
const engines = ["ncnn", "onnxruntime"];

function edgeimg(cache, ...words) {
  const began = performance.now();
  const run = spawnSync(process.execPath, [program, ...words], {
    cwd: words[0] === "init" ? folder : project,
    env: { ...process.env, XDG_CACHE_HOME: cache, CI: "true" },
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (run.status !== 0)
    throw new Error(`edgeimg ${words.join(" ")}: exit ${run.status}\n${run.stderr}${run.stdout.slice(-2000)}`);
  const events = run.stdout.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
  const starts = events.filter(({ type }) => type === "step-start").map(({ step }) => step);
  if (new Set(starts).size < starts.length) throw new Error("a step ran more than once");
  return {
    seconds: (performance.now() - began) / 1000,
    ran: events.filter(({ type, cached }) => type === "step-end" && !cached).length,
  };
}

const blobsOf = (cache) => join(cache, "edgeimg/v1/blobs");

/** A store with the downloads of another one. */
function storeWith(blobs, name) {
  const cache = join(folder, name);
  mkdirSync(blobsOf(cache), { recursive: true });
  for (const file of readdirSync(blobs)) {
    if (/^[0-9a-f]{64}$/.test(file)) linkSync(join(blobs, file), join(blobsOf(cache), file));
  }
  return cache;
}

/** Builds with a store of its own, which is removed. */
function measured(blobs, ...words) {
  const cache = storeWith(blobs, "cache");
  rmSync(join(project, "out"), { recursive: true, force: true });
  const result = edgeimg(cache, "build", "--json", "--locked", ...words);
  rmSync(cache, { recursive: true, force: true });
  return result;
}

edgeimg(folder, "init", project);
const file = join(project, "edgeimg.yaml");
if (values.small) {
  writeFileSync(join(project, "src/main.ts"), 'import { report } from "edge:process";\nreport("ready");\n');
  writeFileSync(file, "format: 1\nname: small\napp: { entry: src/main.ts }\n");
}
appendFileSync(file, `\nmatrix: ${JSON.stringify({ boards, engines })}\n`);
// Brings every download and the lock.
const full = values.blobs === undefined ? join(folder, "full") : values.blobs;
edgeimg(full, "build", "--json", "--matrix");
const blobs = join(folder, "blobs");
mkdirSync(blobs);
for (const file of readdirSync(blobsOf(full)))
  if (/^[0-9a-f]{64}$/.test(file)) spawnSync("cp", ["--reflink=auto", join(blobsOf(full), file), join(blobs, file)]);

const matrix = measured(blobs, "--matrix");
const singles = boards.flatMap((board) =>
  engines.map((engine) => ({ board, engine, ...measured(blobs, "--board", board, "--engine", engine) })),
);
const sum = (key) => singles.reduce((total, one) => total + one[key], 0);
const row = (name, { seconds, ran }) => `| ${name} | ${seconds.toFixed(0)} | ${ran} |`;
const { version } = JSON.parse(readFileSync(new URL("package.json", home), "utf8"));
const table = [
  `Measured on ${new Date().toISOString().slice(0, 10)} with edgeimg ${version} on ${cpus().length} cores by \`node bench/matrix.mjs\`: an empty store, downloads there.`,
  "",
  `| ${values.small ? "an app without models" : "the bundled example"} | s | steps run |`,
  "|---|---:|---:|",
  ...singles.map((one) => row(`${one.board} with ${one.engine} by itself`, one)),
  row("sum of the six", { seconds: sum("seconds"), ran: sum("ran") }),
  row("`build --matrix`", matrix),
  `| sum / matrix | ${(sum("seconds") / matrix.seconds).toFixed(1)} | ${(sum("ran") / matrix.ran).toFixed(1)} |`,
].join("\n");
writeSection("matrix", table);
console.log(table);
rmSync(folder, { recursive: true, force: true });
