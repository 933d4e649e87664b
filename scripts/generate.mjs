// Writes schemas/*.json, docs/reference/*.md, docs/errors.md and the table in docs/engines.md. A test checks that they are fresh.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { listEngines } from "../dist/api/session/catalog.js";
import { withEngineTable } from "../dist/api/session/engine-table.js";
import { generatedFiles } from "../dist/config/generated.js";

const home = fileURLToPath(new URL("../", import.meta.url));

for (const [path, text] of generatedFiles()) {
  const file = `${home}${path}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
const page = `${home}docs/engines.md`;
// The built-in engines alone: a folder without recipes.
writeFileSync(page, withEngineTable(readFileSync(page, "utf8"), await listEngines({ cwd: `${home}docs` })));
