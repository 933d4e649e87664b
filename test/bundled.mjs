// Runs a program of the tests, test/NAME/main.ts, with the words of the command line.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export async function runBundled(name) {
  // As deep within the project as the program's own bundle: recipes and boards are found from there.
  const outfile = new URL(`../dist/${name}/main.mjs`, import.meta.url);
  await build({
    entryPoints: [fileURLToPath(new URL(`${name}/main.ts`, import.meta.url))],
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
}
