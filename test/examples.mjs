// Builds examples for boards and engines, as `edgeimg init` writes them, boots the very images in QEMU, and keeps what came of them (docs/testing.md):
//   npm run build && node test/examples.mjs [--example X] [--engine E] [--board B] [--write]
//   node test/examples.mjs --table
// Without --example, --engine or --board it takes all that there are; --missing leaves out what is kept of the engine's version. --write keeps
// results; --lock FILE begins with that lock and leaves it as it was completed. --table makes the table in docs/engines.md of the kept ones.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

// As deep within the project as the program's own bundle: recipes and boards are found from there.
const outfile = new URL("../dist/booted/main.mjs", import.meta.url);
await build({
  entryPoints: [fileURLToPath(new URL("booted/main.ts", import.meta.url))],
  outfile: fileURLToPath(outfile),
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  packages: "external",
  logLevel: "warning",
});
const { main } = await import(outfile.href);
process.exitCode = await main(process.argv.slice(2));
