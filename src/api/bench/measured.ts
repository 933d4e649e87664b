import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hostReference } from "../../catalog/check.js";
import { type ComparedRun, comparedRuns } from "../../model/compared-runs.js";
import { type ModelMeasures, modelMeasures } from "../../model/measures.js";
import { shapesKey, shapeText } from "../../model/shapes.js";
import type { BenchModel, BenchRun } from "../../report/bench.js";
import type { Manifest } from "../../report/manifest.js";

/** The folders of a model's steps in the store. */
export interface ModelTrees {
  readonly cases: string;
  readonly actual: string;
  readonly golden: string | undefined;
  readonly measured: string;
}

/** A model's row: what was measured, and how far off it was. */
export async function measuredModel(
  name: string,
  { manifest, passes, trees }: { readonly manifest: Manifest; readonly passes: boolean; readonly trees: ModelTrees },
): Promise<BenchModel> {
  const { runs, against } = await comparedRuns({ ...trees, golden: async () => trees.golden });
  const measures = modelMeasures.parse(JSON.parse(await readFile(join(trees.measured, "measures.json"), "utf8")));
  const files = manifest.files.filter(({ part, path }) => part === "root" && path.startsWith(`models/${name}/`));
  return {
    name,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    against: against === "reference" ? hostReference : against,
    passes,
    runs: measures.runs.map((one) => benchRun(one, runs)),
  };
}

const shapesOf = ({ inputs }: ComparedRun): string =>
  shapesKey(Object.fromEntries(inputs.map(({ name, shape }) => [name, shapeText(shape)])));

/** What was measured for some shapes, with the errors of all runs that have them. */
function benchRun(measure: ModelMeasures["runs"][number], runs: readonly ComparedRun[]): BenchRun {
  const outputs = runs.filter((one) => shapesOf(one) === shapesKey(measure.shapes)).flatMap((one) => one.outputs);
  const values = outputs.reduce((sum, one) => sum + one.values, 0);
  const known = (error: number) => (outputs.length > 0 && Number.isFinite(error) ? error : null);
  return {
    ...measure,
    largestError: known(Math.max(...outputs.map(({ maxAbsolute }) => maxAbsolute))),
    meanError: known(outputs.reduce((sum, one) => sum + one.meanAbsolute * (one.values / Math.max(1, values)), 0)),
  };
}
