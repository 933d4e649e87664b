import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.js";
import { loaders } from "./loaders.js";

/** Damages files of each format, or of the one that is named, and loads them. Gives the exit code. */
export function main(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: {
      format: { type: "string" },
      count: { type: "string", default: "10000" },
      seed: { type: "string", default: "1" },
    },
  });
  // Bundled, this file lies as deep.
  const all = Object.entries(loaders(fileURLToPath(new URL("../../test/fixtures/npy", import.meta.url))));
  let faults = 0;
  for (const [format, loader] of all.filter(([name]) => values.format === undefined || name === values.format)) {
    const result = fuzz(loader, Number(values.count), Number(values.seed));
    const { accepted, refused, slowest } = result;
    console.log(
      `${format}: ${accepted} accepted, ${refused} refused, ${result.faults.length} faults; the slowest took ${slowest.toFixed(0)} ms`,
    );
    for (const { number, says } of result.faults.slice(0, 20)) console.log(`  file ${number}: ${says}`);
    faults += result.faults.length;
  }
  return faults === 0 ? 0 : 1;
}
