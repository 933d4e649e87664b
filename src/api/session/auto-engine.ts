import { createHash } from "node:crypto";
import { relative } from "node:path";
import type { Catalog } from "../../catalog/catalog.js";
import { type MergedProject, withEngine } from "../../config/merge.js";
import { autoEngine, type ChooseBy } from "../../config/project-schema.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { readSmallFileIfAny, SmallFileError } from "../../ground/read-small-file.js";
import type { EngineChoice, Lock } from "../../lock/lock-file.js";
import { type BenchReport, benchReport } from "../../report/bench.js";
import { chooseMeasured } from "../../report/bench-choice.js";
import { findNamed } from "./find-named.js";
import { readLock } from "./read-lock.js";

/** Choices by board, as a lock keeps them. */
export type EngineChoices = NonNullable<Lock["engines"]>;

export interface AutoJob {
  readonly merged: MergedProject;
  readonly catalog: Catalog;
  /** Where a comparison of a board is, unless the project says. */
  readonly benchFile: (board: string) => string;
  /** Absolute path of a file of the project. */
  readonly localPath: (path: string) => string;
  readonly lockFile: string;
}

/** Larger than a comparison of all engines on hundreds of models. */
const largestReport = 2 ** 24;

/**
 * The project with an engine in the place of `auto`: that of the comparison's file where there is one, else that of the lock. The file need
 * not be kept: the lock has what it chose.
 * @throws EdgeimgError ERR_EDGEIMG_ENGINE_CHOICE
 */
export async function chooseEngine(
  job: AutoJob,
): Promise<{ readonly merged: MergedProject; readonly choices: EngineChoices | undefined }> {
  const { merged, catalog } = job;
  if (merged.engine !== autoEngine) return { merged, choices: undefined };
  const [first = ""] = merged.boards;
  const { engine } = merged.project;
  const { by = "instructions", bench } = typeof engine === "object" ? engine : {};
  const file = bench === undefined ? job.benchFile(first) : job.localPath(bench);
  const shown = bench ?? relative(job.localPath("."), file);
  const bytes = await readReport(file, shown);
  const choice =
    bytes === undefined
      ? await lockedChoice(job, { board: first, by, shown })
      : chosenBy(bytes, { ...job, by, shown, cpu: findNamed("board", first, catalog.boards, undefined).cpu });
  const cpus = merged.boards.map((board) => findNamed("board", board, catalog.boards, undefined).cpu);
  if (new Set(cpus).size > 1)
    throw refused("the boards have different cores, and one engine is chosen for all of them", {
      details: merged.boards.map((board, index) => `${board}: ${cpus[index]}`),
      hint: "Name one board with --board, or engines under `matrix.engines`.",
    });
  return {
    merged: withEngine(merged, choice.engine),
    choices: Object.fromEntries(merged.boards.map((board) => [board, choice])),
  };
}

async function readReport(file: string, shown: string): Promise<Uint8Array | undefined> {
  return await readSmallFileIfAny(file, largestReport).catch((cause: unknown) => {
    if (!(cause instanceof SmallFileError)) throw cause;
    throw refused(`${shown} cannot be read: ${cause.message}`, { cause, hint: "Run `edgeimg bench` anew." });
  });
}

/** What a comparison's file chooses. */
function chosenBy(
  bytes: Uint8Array,
  job: Pick<AutoJob, "merged" | "catalog"> & { readonly by: ChooseBy; readonly shown: string; readonly cpu: string },
): EngineChoice {
  const { merged, catalog, by, shown, cpu } = job;
  const report = parseReport(bytes, shown);
  if (report.cpu !== cpu)
    throw refused(`${shown} was measured on ${report.cpu} (${report.board}), and the board has ${cpu}`, {
      hint: "Run `edgeimg bench` with --board.",
    });
  if (by === "latency" && !merged.boards.includes(report.board))
    throw refused(`${shown} was timed on ${report.board}, and a time holds for that board alone`, {
      hint: "Run `edgeimg bench --ssh USER@HOST` with --board, or choose by something else.",
    });
  const { engine, reasons } = chooseMeasured(report, {
    models: Object.keys(merged.project.models),
    versions: new Map([...catalog.engines.values()].map(({ recipe }) => [recipe.name, recipe.version])),
    by,
  });
  if (engine === undefined)
    throw refused(`no engine of ${shown} can be taken`, { details: reasons, hint: "Run `edgeimg bench` anew." });
  const bench = createHash("sha256").update(bytes).digest("hex");
  return { engine, by, bench, why: reasons.join("; ").slice(0, 2000) };
}

function parseReport(bytes: Uint8Array, shown: string): BenchReport {
  try {
    return benchReport.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch (cause) {
    throw refused(`${shown} is no comparison of this edgeimg`, { cause, hint: "Run `edgeimg bench` anew." });
  }
}

/** What a former comparison chose, whose file is not here. */
async function lockedChoice(
  { lockFile }: AutoJob,
  asked: { readonly board: string; readonly by: ChooseBy; readonly shown: string },
): Promise<EngineChoice> {
  const { board, by, shown } = asked;
  const known = (await readLock(lockFile))?.engines?.[board];
  if (known?.by === by) return known;
  throw refused(`there is no comparison ${shown} that chooses one for ${board}, and the lock has none by ${by}`, {
    hint: `Run \`edgeimg bench --board ${board}\` first, or name an engine.`,
  });
}

function refused(
  what: string,
  options: { readonly hint: string; readonly details?: readonly string[]; readonly cause?: unknown },
): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_ENGINE_CHOICE", `\`engine: ${autoEngine}\`: ${what}.`, {
    key: ["engine"],
    ...options,
  });
}
