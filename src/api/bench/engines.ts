import type { CatalogRecipe } from "../../catalog/catalog.js";
import { firstTarget, type Target } from "../../config/matrix.js";
import { givenModel } from "../../config/model-schema.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { readsFormat } from "../../parts/conversion.js";
import { findNamed } from "../session/find-named.js";
import type { OpenProject } from "../session/open-project.js";

/**
 * The targets of a comparison: the first board with the named engines, else with each verified one that reads the project's models.
 * Throws ERR_EDGEIMG_UNKNOWN_NAME, and ERR_EDGEIMG_USAGE when there is nothing to compare.
 */
export function benchTargets(project: OpenProject, named: readonly string[]): readonly Target[] {
  const { merged, catalog } = project;
  const { board } = firstTarget(merged);
  if (Object.keys(merged.project.models).length === 0)
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", "The project has no models to compare engines on.", {
      hint: "Name some under `models` in edgeimg.yaml.",
    });
  for (const name of named) requireEmulated(findNamed("engine", name, catalog.engines, undefined));
  const { arch } = findNamed("board", board, catalog.boards, undefined);
  const fitting = [...catalog.engines.values()].filter(
    (one) =>
      one.recipe.supports.arch.includes(arch) &&
      one.recipe.supports.accelerators.length === 0 &&
      one.recipe.notVerified === undefined &&
      readsAll(project, one),
  );
  const engines = named.length > 0 ? [...new Set(named)] : fitting.map(({ recipe }) => recipe.name).sort();
  if (engines.length > 0) return engines.map((engine) => ({ board, engine }));
  throw new EdgeimgError("ERR_EDGEIMG_USAGE", `No engine for ${board} reads all models of the project.`, {
    hint: "Name engines with --engines to see why each does not.",
  });
}

/** Whether an engine reads the formats of all models, or converters lead there. */
function readsAll({ merged, catalog }: OpenProject, { recipe }: CatalogRecipe): boolean {
  return Object.values(merged.project.models).every((model) =>
    readsFormat(catalog.converters, { from: givenModel(model).format, accepts: recipe.model.accepts }),
  );
}

/** Refuses an engine that needs more than a core: nothing on this machine runs its models, so there are no results to compare or to count. */
function requireEmulated({ recipe: { title, supports } }: CatalogRecipe): void {
  if (supports.accelerators.length === 0) return;
  throw new EdgeimgError(
    "ERR_EDGEIMG_USAGE",
    `${title} cannot be compared: it needs ${supports.accelerators.join(", ")}, which nothing emulates.`,
    { hint: "Leave it out of --engines, and measure it in the app on the board." },
  );
}
