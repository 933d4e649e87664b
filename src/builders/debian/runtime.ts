import type { Board } from "../../catalog/board-schema.js";
import type { RuntimeRecipe } from "../../catalog/runtime-schema.js";
import { gccStep, type Toolchain } from "./compile.js";
import { archOf, type DebianContext } from "./roots.js";

export interface RuntimeOptions {
  readonly recipe: RuntimeRecipe;
  /** recipes/runtime on this machine. */
  readonly folder: string;
  readonly board: Board;
  readonly tools: Toolchain;
}

/** The app host and its companions for the board's core: `out/edge-run`, `out/edge-nn-run`. */
export function runtimeStep(context: DebianContext, { recipe, folder, board, tools }: RuntimeOptions): string {
  const { triplet } = archOf(context.distribution, context.arch);
  const libraries = `{cwd}/in/sysroot/root/usr/lib/${triplet}`;
  return gccStep(context, {
    id: "compile/runtime",
    title: `Compile the app host for ${board.cpu}`,
    why: "it runs the app on the board",
    board,
    tools,
    inputs: { recipe: localRecipe(context, "runtime", folder) },
    programs: recipe.programs.map(({ output, include, sources, cflags, static: archives, libs, ldflags }) => ({
      language: "c",
      output,
      arguments: [
        ...cflags,
        ...include.map((one) => `-Iin/recipe/${one}`),
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
