// Takes ONNX's own node tests through an engine, by the steps that a build of a model takes (docs/operators.md, docs/testing.md):
//   npm run build && node test/conformance.mjs --engine NAME [--only PATTERN] [--sample N] [--rest] [--jobs N] [--compare | --write]
//   node test/conformance.mjs --table
// --write keeps what came of them, --rest leaves out those that are kept; with --compare the exit code is 0 when each is as the kept list says.
// --table makes docs/operators.md of the kept lists.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

// As deep within the project as the program's own bundle: recipes and boards are found from there.
const outfile = new URL("../dist/conformance/main.mjs", import.meta.url);
await build({
  entryPoints: [fileURLToPath(new URL("conformance/main.ts", import.meta.url))],
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
