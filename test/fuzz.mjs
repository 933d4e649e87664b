// Damages model files and loads them with the readers of this program, 10,000 of each format (docs/testing.md):
//   node test/fuzz.mjs [--format onnx|npy] [--count N] [--seed N]
// Exit code 0 when each was loaded or refused with an error that says why.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

// As deep within the project as its source: fixtures are found from there.
const outfile = new URL("../dist/fuzz/main.mjs", import.meta.url);
await build({
  entryPoints: [fileURLToPath(new URL("fuzz/main.ts", import.meta.url))],
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
