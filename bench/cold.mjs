// How long all engines take from an empty store for one board's core, as one graph, and whether they have the same bytes as in the user's store:
//   npm run build && node bench/cold.mjs [--board NAME] [--jobs N] [--example NAME] [ENGINE...]
// An app without models, or an example: engines, their adapters, the tools that compile them, models, and an image each. Then the user's own
// store makes the same, in another folder, or has it, and every step's tree is compared. Exit code 1 when one differs. Times are wall-clock
// seconds, and seconds of processor time of all processes; the network takes part.
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, homedir, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadCatalog } from "../dist/catalog/catalog.js";
import { timed } from "./timed.mjs";

const { values, positionals } = parseArgs({
  options: {
    board: { type: "string", default: "qemu-a72" },
    jobs: { type: "string", default: `${cpus().length}` },
    example: { type: "string" },
  },
  allowPositionals: true,
});
const home = fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, "");
const program = join(home, "dist/bundle/main.js");
const catalog = await loadCatalog(home, undefined);
const { arch } = catalog.boards.get(values.board);
// What a user would have to bring cannot be built here.
const engines =
  positionals.length > 0
    ? positionals
    : [...catalog.engines.values()]
        .filter(({ recipe }) => recipe.notVerified === undefined && recipe.supports.arch.includes(arch))
        .map(({ recipe }) => recipe.name);
const folder = mkdtempSync(join(tmpdir(), "edgeimg-cold-"));
const own = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");

function build(cwd, cache) {
  const env = { ...process.env, CI: "true", XDG_CACHE_HOME: cache };
  mkdirSync(cwd, { recursive: true });
  if (values.example !== undefined) timed([program, "init", "--example", values.example], { cwd, env });
  else {
    writeFileSync(join(cwd, "main.ts"), 'import { report } from "edge:process";\nreport("ready");\n');
    writeFileSync(join(cwd, "edgeimg.yaml"), "format: 1\nname: small\napp: { entry: main.ts }\n");
  }
  appendFileSync(join(cwd, "edgeimg.yaml"), `matrix: ${JSON.stringify({ boards: [values.board], engines })}\n`);
  const run = timed([program, "build", "--matrix", "--json", "--jobs", values.jobs], { cwd, env });
  if (run.status !== 0) throw new Error(`exit ${run.status}\n${run.stdout.slice(-3000)}`);
  return run;
}

/** Of each step that a store has made: its key and the hash of what it gave. */
function actions(cache) {
  const place = join(cache, "edgeimg/v1/actions");
  return new Map(readdirSync(place).map((name) => [name, readFileSync(join(place, name), "utf8").trim()]));
}

const cold = build(join(folder, "cold"), join(folder, "cache"));
const load = loadavg()[0];
build(join(folder, "a", "second folder"), own);
const there = actions(own);
const made = [...actions(join(folder, "cache"))];
const differing = made.filter(([action, tree]) => there.get(action) !== tree);

console.log(`${engines.length} engines for ${values.board}: ${engines.join(", ")}`);
console.log(
  `from an empty store: ${cold.seconds.toFixed(0)} s, processor ${cold.processor.toFixed(0)} s, load at the end ${load.toFixed(1)}`,
);
const steps = cold.stdout
  .split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => JSON.parse(line))
  .filter(({ type }) => type === "step-end")
  .sort((one, other) => other.ms - one.ms)
  .slice(0, 12);
for (const { title, ms } of steps) console.log(`  ${(ms / 1000).toFixed(0)} s  ${title}`);
console.log(`${made.length} steps compared with the user's store: ${differing.length} differ`);
for (const [action] of differing) console.log(`  ${action}`);
rmSync(folder, { recursive: true, force: true });
process.exitCode = differing.length === 0 ? 0 : 1;
