import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hostReference } from "../../catalog/check.js";
import { compareOutputs } from "../../model/compare.js";
import { type KeptRun, readRuns } from "../../model/kept-runs.js";
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
  const { runs, against } = await comparedRuns(trees);
  const measures = modelMeasures.parse(JSON.parse(await readFile(join(trees.measured, "measures.json"), "utf8")));
  const files = manifest.files.filter(({ part, path }) => part === "root" && path.startsWith(`models/${name}/`));
  return {
    name,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    against,
    passes,
    runs: measures.runs.map((one) => benchRun(one, runs)),
  };
}

interface ComparedRun {
  readonly shapes: string;
  readonly expected: KeptRun["outputs"];
  readonly actual: KeptRun["outputs"];
}

/** What was given beside what should have been: by the reference, or by the project where nothing on the host runs the model. */
async function comparedRuns(trees: ModelTrees): Promise<{ readonly runs: ComparedRun[]; readonly against: string }> {
  const [cases, actual] = await Promise.all([readRuns(trees.cases), readRuns(trees.actual)]);
  const golden = trees.golden === undefined ? [] : await readRuns(trees.golden);
  const isReferred = cases.some(({ outputs }) => outputs.length > 0);
  const expected = isReferred ? cases : golden;
  const runs = expected.flatMap(({ outputs }, index): ComparedRun[] => {
    const [given, made] = [cases[index], actual[index]];
    if (given === undefined || made === undefined) return [];
    const names = new Set(outputs.map(({ name }) => name));
    const shapes = shapesKey(Object.fromEntries(given.inputs.map(({ name, shape }) => [name, shapeText(shape)])));
    return [{ shapes, expected: outputs, actual: made.outputs.filter(({ name }) => names.has(name)) }];
  });
  return { runs, against: isReferred ? hostReference : "golden" };
}

/** What was measured for some shapes, with the errors of all runs that have them. */
function benchRun(measure: ModelMeasures["runs"][number], runs: readonly ComparedRun[]): BenchRun {
  const outputs = runs
    .filter(({ shapes }) => shapes === shapesKey(measure.shapes))
    .flatMap(({ expected, actual }) => compareOutputs(expected, actual, () => ({ metric: "max-abs", tolerance: 0 })));
  const values = outputs.reduce((sum, one) => sum + one.values, 0);
  const known = (error: number) => (outputs.length > 0 && Number.isFinite(error) ? error : null);
  return {
    ...measure,
    largestError: known(Math.max(...outputs.map(({ maxAbsolute }) => maxAbsolute))),
    meanError: known(outputs.reduce((sum, one) => sum + one.meanAbsolute * (one.values / Math.max(1, values)), 0)),
  };
}
