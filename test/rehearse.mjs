// Cuts the power of an emulated board at every write of recorded boots, and boots each card that this leaves (docs/testing.md):
//   npm run build && node test/rehearse.mjs [--record first|settings|clock] [--points 6-20] [--every N] [--folder DIR]
// Exit code 0 when no cut left a board without its data, its settings or its app.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

// As deep within the project as the program's own bundle: recipes and boards are found from there.
const outfile = new URL("../dist/rehearsal/main.mjs", import.meta.url);
await build({
  entryPoints: [fileURLToPath(new URL("rehearsal/main.ts", import.meta.url))],
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
