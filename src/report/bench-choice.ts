import type { ChooseBy } from "../config/project-schema.js";
import type { BenchReport, MeasuredEngine } from "./bench.js";

export interface ChoiceJob {
  /** The project's models: an engine must have been measured on each. */
  readonly models: readonly string[];
  /** Versions of the engines that a build would take, by name. */
  readonly versions: ReadonlyMap<string, string>;
  readonly by: ChooseBy;
}

/** An engine that passed, with its figure. */
interface Candidate {
  readonly engine: MeasuredEngine;
  readonly figure: number;
}

export interface Chosen {
  /** Undefined when none can be taken. */
  readonly engine: string | undefined;
  /** The figures that decided, and what put others aside: a line an engine. */
  readonly reasons: readonly string[];
}

const units: Readonly<Record<ChooseBy, string>> = {
  instructions: "instructions",
  memory: "bytes of memory",
  image: "bytes of image",
  latency: "ns",
};

/**
 * Chooses by a comparison: of the engines that passed the check of every model in the version that a build takes, the one with the least
 * figure; of equal ones the one that adds least to the image, then the first by name. The same file gives the same engine.
 */
export function chooseMeasured(report: BenchReport, job: ChoiceJob): Chosen {
  const candidates: Candidate[] = [];
  const aside: string[] = report.refused.map(({ name, refused }) => `${name} cannot run the models: ${refused}`);
  for (const engine of report.engines) {
    const why = obstacle(engine, job);
    const figure = figureOf(engine, job.by);
    if (why !== undefined) aside.push(`${engine.name} ${why}`);
    else if (figure === undefined) aside.push(`${engine.name} was not timed on a board`);
    else candidates.push({ engine, figure });
  }
  candidates.sort(
    (a, b) =>
      a.figure - b.figure || a.engine.engineBytes - b.engine.engineBytes || (a.engine.name < b.engine.name ? -1 : 1),
  );
  const told = candidates.map(({ engine, figure }) => `${engine.name} ${figure} ${units[job.by]}`);
  return { engine: candidates[0]?.engine.name, reasons: [...told, ...aside.sort()] };
}

/** Why an engine cannot be taken; undefined when it can. */
function obstacle({ name, version, models }: MeasuredEngine, job: ChoiceJob): string | undefined {
  const here = job.versions.get(name);
  if (here === undefined) return "is not an engine of this edgeimg";
  if (here !== version) return `was measured as ${version}, and ${here} would be built`;
  const byName = new Map(models.map((model) => [model.name, model]));
  for (const model of job.models) {
    const measured = byName.get(model);
    if (measured === undefined) return `was not measured on the model ${model}`;
    if (!measured.passes) return `is too far off on the model ${model}`;
  }
  return undefined;
}

/** All runs of all models together; of memory, the model that takes most. Undefined where runs were not timed. */
function figureOf({ imageBytes, models }: MeasuredEngine, by: ChooseBy): number | undefined {
  const runs = models.flatMap((model) => model.runs);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  if (by === "image") return imageBytes;
  if (by === "memory") return Math.max(0, ...runs.map(({ peakBytes }) => peakBytes));
  if (by === "instructions") return sum(runs.map(({ instructions }) => instructions));
  const timed = runs.flatMap(({ latency }) => (latency === undefined ? [] : [latency.medianNs]));
  return timed.length === runs.length ? sum(timed) : undefined;
}
