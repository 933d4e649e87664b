import { z } from "zod";

const path = z.string().regex(/^[A-Za-z0-9._+/-]+$/);

/**
 * `recipes/runtime/recipe.yaml` and `recipes/kernels/recipe.yaml`: our own programs and libraries, each made by one command of
 * the target's C compiler.
 */
export const runtimeRecipe = z.strictObject({
  name: z.enum(["runtime", "kernels"]),
  title: z.string(),
  version: z.string(),
  license: z.string(),
  packages: z.strictObject({ sysroot: z.array(z.string()) }),
  /** Other recipes whose folder `include` is looked in for headers. */
  headers: z.array(z.enum(["runtime", "kernels"])).default([]),
  programs: z.array(
    z.strictObject({
      output: path,
      /** Path in the image; null for a program that runs at build time only. */
      install: path.nullable(),
      /** Folders and files of the recipe. */
      include: z.array(path),
      sources: z.array(path).min(1),
      cflags: z.array(z.string()),
      /** Static archives in the sysroot's library folder. */
      static: z.array(path),
      libs: z.array(z.string()),
      ldflags: z.array(z.string()),
    }),
  ),
});
export type RuntimeRecipe = z.infer<typeof runtimeRecipe>;
