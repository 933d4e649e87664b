import * as z from "../ground/zod.js";
import { sha256 } from "./common.js";
import { dispatched } from "./dispatch.js";
import { compileBuild } from "./recipe.js";
import { pinnedFile } from "./source.js";

const path = z.string().regex(/^[A-Za-z0-9._+/-]+$/);

/**
 * `recipes/runtime/recipe.yaml` and `recipes/kernels/recipe.yaml`: our own programs and libraries, each made by one command of
 * the target's C compiler.
 */
/** A library that Buildroot has no package of: the tree brings one. */
const buildrootLibrary = z.strictObject({
  version: z.string(),
  homepage: z.url(),
  help: z.string(),
  license: z.strictObject({ spdx: z.string(), files: z.record(z.string(), sha256) }),
  source: pinnedFile.extend({ strip: z.int().min(0).default(1) }),
  build: compileBuild,
});
export type BuildrootLibrary = z.infer<typeof buildrootLibrary>;

/** Runs the app and compiles it to bytecode; runs a model once, at build time; what every engine's adapter is linked with; keeps what models are fed. */
const programRoles = ["app-host", "model-runner", "adapter-common", "recorder"] as const;

export const runtimeRecipe = z.strictObject({
  name: z.enum(["runtime", "kernels"]),
  title: z.string(),
  version: z.string(),
  license: z.string(),
  packages: z.strictObject({
    sysroot: z.array(z.string()),
    /** Of which only these programs are made: in a root of their own, so that engines need not be compiled again for them. */
    libraries: z.array(z.string()).default([]),
  }),
  /** Extensions of the instruction set that the programs ask for when they run. */
  dispatched,
  /** Other recipes whose folder `include` is looked in for headers. */
  headers: z.array(z.enum(["runtime", "kernels"])).default([]),
  /** What stands for the static archives in Buildroot. */
  buildroot: z
    .strictObject({
      /** Buildroot's packages, or names of `libraries`. */
      packages: z.array(z.string()).default([]),
      /** Flags of every program, in which make's variables may stand. */
      cflags: z.array(z.string()).default([]),
      /** Symbols that the programs depend on -> the word for it, or "" when menuconfig need not say it. */
      depends: z.record(z.string().regex(/^!?BR2_[A-Za-z0-9_]+$/), z.string()).default({}),
      /** What these packages put into the root although nothing there needs it. */
      unused: z.array(path).default([]),
      /** The host's program that compiles an app to bytecode: files of the recipe. */
      compiler: z
        .strictObject({ cflags: z.array(z.string()), sources: z.array(path), headers: z.array(path) })
        .default({ cflags: [], sources: [], headers: [] }),
      libraries: z.record(z.string(), buildrootLibrary).default({}),
    })
    .prefault({}),
  programs: z.array(
    z.strictObject({
      output: path,
      /** What edgeimg needs it for by itself; absent: it is only installed. */
      role: z.enum(programRoles).optional(),
      /** What it is and why an image needs it, in lists of steps. */
      title: z.string(),
      why: z.string(),
      /** Path in the image; null for a program that runs at build time only. */
      install: path.nullable(),
      /** Folders and files of the recipe. */
      include: z.array(path),
      sources: z.array(path).min(1),
      /** What it is compiled from beside `sources`: a change of other files is none of its business. The whole folder when empty. */
      files: z.array(path).default([]),
      /** Headers for those that link it, put beside it in `include/`. */
      exports: z.array(path).default([]),
      cflags: z.array(z.string()),
      /** Static archives in the sysroot's library folder. */
      static: z.array(path),
      /** Static archives of `packages.libraries`. */
      libraries: z.array(path).default([]),
      libs: z.array(z.string()),
      ldflags: z.array(z.string()),
    }),
  ),
});
export type RuntimeRecipe = z.infer<typeof runtimeRecipe>;
export type RuntimeProgram = RuntimeRecipe["programs"][number];
export type ProgramRole = (typeof programRoles)[number];

/** The program of a recipe that has a role. Throws when there is none. */
export function programOf(recipe: RuntimeRecipe, role: ProgramRole): RuntimeProgram {
  const found = recipe.programs.find((program) => program.role === role);
  if (found === undefined) throw new Error(`recipe ${recipe.name} has no program with the role ${role}`);
  return found;
}
