import { type Comparison, compareOutputs } from "./compare.js";
import { type KeptRun, readRuns } from "./kept-runs.js";
import type { Tensor } from "./tensor.js";

/** The folders of a model's steps: what its check gave and had from the reference, what the engine made of it, and what the project expects. */
export interface RunFolders {
  readonly cases: string;
  readonly actual: string;
  /** Read where the reference gave nothing. */
  readonly golden: () => Promise<string | undefined>;
}

export interface ComparedRun {
  readonly inputs: KeptRun["inputs"];
  readonly expected: readonly Tensor[];
  readonly outputs: readonly Comparison[];
}

export interface ComparedRuns {
  readonly against: "reference" | "golden";
  readonly runs: readonly ComparedRun[];
}

/**
 * How far each run of an engine is from what it should give: by the reference, or by the project where nothing on the host runs the model.
 * Outputs that are not expected are not looked at. Throws when a run is missing on one side.
 */
export async function comparedRuns(folders: RunFolders): Promise<ComparedRuns> {
  const [cases, actual] = await Promise.all([readRuns(folders.cases), readRuns(folders.actual)]);
  const isReferred = cases.some(({ outputs }) => outputs.length > 0);
  const golden = isReferred ? undefined : await folders.golden();
  const wanted = isReferred ? cases : golden === undefined ? [] : await readRuns(golden);
  const runs = wanted.map(({ outputs: expected }, index): ComparedRun => {
    const [given, made] = [cases[index], actual[index]];
    if (given === undefined || made === undefined) throw new Error(`run ${index} is expected and was not made`);
    const names = new Set(expected.map(({ name }) => name));
    const judged = made.outputs.filter(({ name }) => names.has(name));
    return { inputs: given.inputs, expected, outputs: compareOutputs(expected, judged, () => anyError) };
  });
  if (runs.length === 0) throw new Error("nothing is expected of the model");
  return { against: isReferred ? "reference" : "golden", runs };
}

/** Errors are told, not judged. */
const anyError = { metric: "max-abs", tolerance: 0 } as const;
