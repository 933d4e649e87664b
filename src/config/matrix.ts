import { EdgeimgError } from "../errors/edgeimg-error.js";
import { nearest } from "../errors/nearest.js";
import type { YamlPath } from "../formats/yaml-path.js";
import { engineName, type MergedProject } from "./merge.js";

/** One image of a project. */
export interface Target {
  readonly board: string;
  readonly engine: string;
}

/** Name of a target, of its result folder, and of its job in CI. */
export const targetName = ({ board, engine }: Target): string => `${board}-${engine}`;

/** The board and engine of a build without `--matrix`: the first board, unless a flag names one. */
export function firstTarget({ boards, engine }: MergedProject): Target {
  return { board: boards[0] ?? "", engine };
}

/**
 * Every combination that the project's `matrix` asks for, board by board; a flag leaves only what it names.
 * @throws EdgeimgError ERR_EDGEIMG_CONFIG_INVALID when `exclude` names what is not there, or leaves nothing
 */
export function matrixTargets({ project, boards, engine, boardOrigin, engineOrigin, place }: MergedProject): Target[] {
  const { matrix } = project;
  const all = {
    board: matrix.boards ?? project.board ?? boards,
    engine: matrix.engines ?? [engineName(project) ?? engine],
  };
  for (const [index, exclude] of matrix.exclude.entries()) {
    for (const key of ["board", "engine"] as const) {
      const name = exclude[key];
      if (name !== undefined && !all[key].includes(name))
        throw notInMatrix({ key, name, known: all[key], place: place(["matrix", "exclude", index, key]) });
    }
  }
  const chosen = {
    board: boardOrigin.from === "flag" ? boards : all.board,
    engine: engineOrigin.from === "flag" ? [engine] : all.engine,
  };
  const targets = unique(chosen.board).flatMap((board) =>
    unique(chosen.engine).flatMap((name): Target[] => {
      const isExcluded = matrix.exclude.some((one) => (one.board ?? board) === board && (one.engine ?? name) === name);
      return isExcluded ? [] : [{ board, engine: name }];
    }),
  );
  if (targets.length > 0) return targets;
  throw new EdgeimgError("ERR_EDGEIMG_CONFIG_INVALID", "`matrix.exclude` leaves nothing to build.", {
    place: place(["matrix", "exclude"]),
    hint: "Take something out of `exclude`, or build with other flags.",
  });
}

/** Where in the file a target's board or engine stands. */
export function targetPath({ project }: MergedProject, key: "board" | "engine", name: string): YamlPath {
  const list = key === "board" ? project.matrix.boards : project.matrix.engines;
  const index = list?.indexOf(name) ?? -1;
  if (index < 0 && key === "engine" && typeof project.engine === "object") return ["engine", "name"];
  return index < 0 ? [key] : ["matrix", `${key}s`, index];
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

function notInMatrix(job: {
  readonly key: string;
  readonly name: string;
  readonly known: readonly string[];
  readonly place: ReturnType<MergedProject["place"]>;
}): EdgeimgError {
  const close = nearest(job.name, [...job.known]);
  return new EdgeimgError(
    "ERR_EDGEIMG_CONFIG_INVALID",
    `\`matrix.exclude\` names the ${job.key} "${job.name}", which is not in the matrix.`,
    {
      place: job.place,
      hint: close === undefined ? `In the matrix: ${job.known.join(", ")}.` : `Did you mean "${close}"?`,
    },
  );
}
