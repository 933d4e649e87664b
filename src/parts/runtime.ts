import { architectures } from "../catalog/architecture.js";
import type { RuntimeProgram, RuntimeRecipe } from "../catalog/runtime.js";
import type { Core } from "../image/request.js";
import { gccStep, type Toolchain } from "./compile.js";
import type { DebianContext } from "./roots.js";

export interface RuntimeOptions {
  readonly recipe: RuntimeRecipe;
  /** The folder `recipes` on this machine. */
  readonly recipes: string;
  readonly board: Core;
  readonly tools: Toolchain;
  /** The root of the recipe's `packages.libraries`. */
  readonly libraries?: string | undefined;
}

/** A compiled program: its step, and its file in the step's tree. */
export interface CompiledProgram {
  readonly step: string;
  readonly file: string;
}

/** One of a recipe's programs for the board's core, in `out/` under its name, with the headers it exports in `out/include/`. */
export function programStep(
  context: DebianContext,
  program: RuntimeProgram,
  { recipe, recipes, board, tools, libraries }: RuntimeOptions,
): string {
  const { output, title, why } = program;
  const { triplet } = architectures[context.arch];
  const archives = (root: string, paths: readonly string[]) =>
    paths.map((path) => `{cwd}/in/${root}/root/usr/lib/${triplet}/${path}`);
  const own = program.libraries.length > 0 && libraries !== undefined;
  return gccStep(context, {
    id: `compile/${output}`,
    title: `Compile ${title} for ${board.cpu}`,
    why,
    board,
    tools,
    inputs: {
      recipe: programSource(context, program, localRecipe(context, recipe.name, `${recipes}/${recipe.name}`)),
      ...(own ? { libraries } : {}),
      // Only their headers: a change of the rest is none of this step's business.
      ...Object.fromEntries(
        recipe.headers.map((name) => [
          `${name}-include`,
          localRecipe(context, `${name}/include`, `${recipes}/${name}/include`),
        ]),
      ),
    },
    materials: [
      { input: "recipe" },
      ...(program.static.length === 0
        ? []
        : [{ input: "sysroot", paths: program.static.map((path) => `usr/lib/${triplet}/${path}`) }]),
      ...(own ? [{ input: "libraries", paths: program.libraries.map((path) => `usr/lib/${triplet}/${path}`) }] : []),
    ],
    headers: program.exports.map((path) => ({ from: `in/recipe/${path}`, to: `include/${path.split("/").at(-1)}` })),
    programs: [
      {
        language: "c",
        output,
        arguments: [
          ...program.cflags,
          ...program.include.map((one) => `-Iin/recipe/${one}`),
          ...recipe.headers.map((name) => `-Iin/${name}-include`),
          ...(own ? ["-isystem", "{cwd}/in/libraries/root/usr/include"] : []),
          ...program.sources.map((one) => `in/recipe/${one}`),
          ...archives("libraries", program.libraries),
          ...archives("sysroot", program.static),
          ...program.libs.map((one) => `-l${one}`),
          ...program.ldflags,
        ],
      },
    ],
  });
}

/** The part of a recipe's folder that a program is compiled from. */
function programSource({ plan }: DebianContext, program: RuntimeProgram, recipe: string): string {
  if (program.files.length === 0) return recipe;
  return plan.add({
    id: `source/${program.output}`,
    kind: "compose",
    title: `Collect the source of ${program.output}`,
    why: "a change of the recipe's other files must not compile it again",
    inputs: { recipe },
    params: {
      parts: [...program.sources, ...program.files].sort().map((path) => ({ from: "recipe", path, to: path })),
    },
  });
}

/** A folder of the catalog, as an input. */
export function localRecipe(
  { plan, version }: Pick<DebianContext, "plan" | "version">,
  name: string,
  folder: string,
): string {
  return plan.add({
    id: `local/${name}`,
    kind: "local",
    title: `Read recipe ${name}`,
    why: "its files are compiled or put into the image",
    inputs: {},
    params: { path: folder, exclude: [] },
    origin: {
      kind: "recipe",
      name: `edgeimg-${name.startsWith("engines/") ? "adapter" : (name.split("/")[0] ?? name)}`,
      version,
      license: "MIT",
      need: `recipes/${name}`,
    },
  });
}
