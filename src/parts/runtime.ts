import type { Board } from "../catalog/board.js";
import type { RuntimeRecipe } from "../catalog/runtime.js";
import { gccStep, type Toolchain } from "./compile.js";
import { archOf, type DebianContext } from "./roots.js";

export interface RuntimeOptions {
  readonly recipe: RuntimeRecipe;
  /** The folder `recipes` on this machine. */
  readonly recipes: string;
  readonly board: Board;
  readonly tools: Toolchain;
}

const purposes = {
  runtime: { title: "the app host", why: "it runs the app on the board" },
  kernels: { title: "the quantized kernels", why: "the project asks for them with `kernels: true`" },
} as const;

/** The programs of a recipe for the board's core: `out/edge-run` and its companions, or `out/libedge_kernels.so`. */
export function runtimeStep(context: DebianContext, { recipe, recipes, board, tools }: RuntimeOptions): string {
  const { title, why } = purposes[recipe.name];
  const { triplet } = archOf(context.distribution, context.arch);
  const libraries = `{cwd}/in/sysroot/root/usr/lib/${triplet}`;
  return gccStep(context, {
    id: `compile/${recipe.name}`,
    title: `Compile ${title} for ${board.cpu}`,
    why,
    board,
    tools,
    inputs: {
      recipe: localRecipe(context, recipe.name, `${recipes}/${recipe.name}`),
      // Only their headers: a change of the rest is none of this step's business.
      ...Object.fromEntries(
        recipe.headers.map((name) => [
          `${name}-include`,
          localRecipe(context, `${name}/include`, `${recipes}/${name}/include`),
        ]),
      ),
    },
    programs: recipe.programs.map(({ output, include, sources, cflags, static: archives, libs, ldflags }) => ({
      language: "c",
      output,
      arguments: [
        ...cflags,
        ...include.map((one) => `-Iin/recipe/${one}`),
        ...recipe.headers.map((name) => `-Iin/${name}-include`),
        ...sources.map((one) => `in/recipe/${one}`),
        ...archives.map((one) => `${libraries}/${one}`),
        ...libs.map((one) => `-l${one}`),
        ...ldflags,
      ],
    })),
  });
}

/** A folder of the catalog, as an input. */
export function localRecipe({ plan }: Pick<DebianContext, "plan">, name: string, folder: string): string {
  return plan.add({
    id: `local/${name}`,
    kind: "local",
    title: `Read recipe ${name}`,
    why: "its files are compiled or put into the image",
    inputs: {},
    params: { path: folder, exclude: [] },
  });
}
