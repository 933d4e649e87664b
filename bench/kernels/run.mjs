// Counts all kernels and rewrites the tables of docs/kernels.md:  node bench/kernels/run.mjs [--tables]
// With --tables from the results.json of the last run.
import { rm } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL("./", import.meta.url));
// Beside the sources, so that packages and the project's files are found from there.
const bundle = `${here}.run-bundle.mjs`;
await build({
  entryPoints: [`${here}main.ts`],
  outfile: bundle,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
});
try {
  const { main } = await import(pathToFileURL(bundle).href);
  await main(process.argv.includes("--tables"));
} finally {
  await rm(bundle);
}
