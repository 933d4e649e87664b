// What each engine adds to an image: builds an app without models for a board of each core, and writes the bytes into `proven.size` of the
// engine's recipe. The boot tests compare them with the images that they boot.
//   npm run build && node bench/engines.mjs [--board NAME] [ENGINE...]
// With --board, only the core of that board; sizes of others stay as they are.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadCatalog } from "../dist/catalog/catalog.js";
import { engineSize } from "../dist/report/engine-size.js";
import { manifestSchema } from "../dist/report/manifest.js";

const home = fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, "");
const program = join(home, "dist/bundle/main.js");
const { boards, engines } = await loadCatalog(home, undefined);
const { values, positionals } = parseArgs({ options: { board: { type: "string" } }, allowPositionals: true });
const names = positionals.length > 0 ? positionals : [...engines.keys()];
const folder = mkdtempSync(join(tmpdir(), "edgeimg-engines-"));
writeFileSync(join(folder, "main.ts"), 'import { report } from "edge:process";\nreport("ready");\n');
writeFileSync(join(folder, "edgeimg.yaml"), "format: 1\nname: small\napp: { entry: main.ts }\n");

/** One board of each core that an image can be built for. */
const byCore = new Map(
  [...boards.values()]
    .filter(({ name, debian }) => debian === undefined && (values.board === undefined || name === values.board))
    .map((one) => [one.cpu, one]),
);

function measured(board, engine) {
  const run = spawnSync(process.execPath, [program, "build", "--board", board, "--engine", engine], {
    cwd: folder,
    env: { ...process.env, CI: "true" },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0) throw new Error(`${board} with ${engine}: exit ${run.status}\n${run.stderr}${run.stdout}`);
  const file = join(folder, "out", `${board}-${engine}`, "manifest.json");
  return engineSize(manifestSchema.parse(JSON.parse(readFileSync(file, "utf8"))));
}

/** A recipe's text with other sizes: the line under `proven`, which comes before the notes when it is new. */
function withSizes(text, sizes) {
  const line = `  size: { ${Object.entries(sizes)
    .map(([cpu, bytes]) => `${cpu}: ${bytes}`)
    .join(", ")} }\n`;
  const without = text.replace(/^(proven:\n) {2}size:.*\n/m, "$1");
  if (/^proven:\n/m.test(without)) return without.replace(/^proven:\n/m, `proven:\n${line}`);
  const [before, notes = ""] = without.split(/^(?=notes:)/m);
  return `${before}proven:\n${line}${notes}`;
}

for (const name of names) {
  const { recipe, folder: own } = engines.get(name);
  const sizes = values.board === undefined ? {} : { ...recipe.proven.size };
  for (const [cpu, { name: board, arch }] of [...byCore].sort())
    if (recipe.supports.arch.includes(arch)) sizes[cpu] = measured(board, name);
  const file = join(own, "recipe.yaml");
  const sorted = Object.fromEntries(Object.entries(sizes).sort());
  writeFileSync(file, withSizes(readFileSync(file, "utf8"), sorted));
  console.log(`${name}: ${JSON.stringify(sorted)}`);
}
rmSync(folder, { recursive: true, force: true });
