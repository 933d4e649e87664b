import type { OperatorChoice } from "../catalog/operators.js";
import type { Recipe } from "../catalog/recipe.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { operatorsFile } from "../steps/operators.js";
import type { PreparedModel } from "./models.js";
import type { DebianContext } from "./roots.js";

/** A model whose operators count. */
export type ListedModel = Pick<PreparedModel, "folder" | "engineFiles"> & { readonly name: string };

/** A file of a step that a build reads its options from. */
export interface BuildFile {
  readonly step: string;
  readonly file: string;
}

export interface OperatorsOptions {
  readonly recipe: Pick<Recipe, "name" | "title">;
  readonly operators: OperatorChoice;
  readonly form: "cmake" | "compile";
  readonly models: readonly ListedModel[];
  /** The step with the engine's source. */
  readonly source: string;
}

/**
 * The step that turns the operators of the models into options of the engine's build. Models that use the same ones give the same result, so
 * that the engine is not compiled anew for another model of the same operators.
 */
export function operatorsStep(context: DebianContext, options: OperatorsOptions): BuildFile {
  const { recipe, operators, form, models, source } = options;
  const { list, known, always, needs, without } = operators;
  const step = context.plan.add({
    id: `operators/${recipe.name}`,
    kind: "operators",
    about: ["engine", "ops"],
    title: `Find the operators of the models for ${recipe.title}`,
    why: "the engine is built with these alone (`ops: model`)",
    inputs: { source, ...Object.fromEntries(models.map(({ name, folder }) => [`model/${name}`, folder])) },
    params: {
      ...{ engine: recipe.title, form, known, always, needs, without, line: list.line },
      models: models.map(({ name, engineFiles }) => ({
        name,
        input: `model/${name}`,
        files: engineFiles.map((files) => fileOf(files, list.role, recipe)),
      })),
    },
  });
  return { step, file: operatorsFile[form] };
}

/** Throws ERR_EDGEIMG_CATALOG_INVALID for a role that the engine's models do not have. */
function fileOf(files: Readonly<Record<string, string>>, role: string, { name }: Pick<Recipe, "name">): string {
  const file = files[role];
  if (file !== undefined) return file;
  throw new EdgeimgError(
    "ERR_EDGEIMG_CATALOG_INVALID",
    `The recipe of ${name} looks for operators in a model's file of the role ${role}, which its models do not have.`,
    { hint: `Name one of ${Object.keys(files).sort().join(", ")} under operators.list.role.` },
  );
}
