import * as z from "../ground/zod.js";
import { againstText, checkAgainst, checkMetric, hostReference } from "./check.js";
import { cmakeBuild, scalar } from "./cmake.js";
import { accelerator, arch, name, sha256 } from "./common.js";
import { modelFormat } from "./converter.js";
import { dispatched } from "./dispatch.js";
import { engineOperators } from "./operators.js";
import { proven } from "./proven.js";
import { sources } from "./source.js";

const word = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "lower-case letters, digits and dashes");
/** A path that stays within its folder. */
const path = z
  .string()
  .regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$)).+$/, "a relative path without ..")
  .max(1000);
/** A shared library's file name, as dlopen is given it. */
const libraryName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}$/, "a library's file name, like libfoo.so.1");
/** Settings for some cores only, added to the general ones. */
const variant = z.strictObject({
  cpus: z.array(z.string()).min(1).describe("As boards name them: `cortex-a72`."),
  options: z.record(z.string(), scalar).default({}),
  cflags: z.array(z.string()).default([]),
});

/** Recipes of edgeimg's own libraries: `recipes/NAME/recipe.yaml`. */
const ownLibrary = z.enum(["kernels"]);

const engineCmakeBuild = cmakeBuild.extend({
  variants: z.array(variant).default([]).describe("Settings for some cores only, added to the general ones."),
});

/** Taken ready-made out of the source archive, per architecture. */
const prebuiltBuild = z.strictObject({
  kind: z.literal("prebuilt"),
  files: z
    .partialRecord(arch, z.record(path, path))
    .describe("Path in the unpacked source -> path in the result, below `usr/` (`lib/NAME`, `include/NAME`)."),
});

/** C or C++ compiled and linked in one command to one shared library, no build system. */
export const compileBuild = z.strictObject({
  kind: z.literal("compile"),
  cflags: z.array(z.string()).default([]),
  sources: z.array(path).min(1),
  headers: z
    .record(path, path)
    .default({})
    .describe("Headers for the adapter: path in the source -> path in the result's `usr/include`."),
  output: z.string().describe("The library's file name in `usr/lib`, also its soname."),
});

/** Nothing to build: the engine is in Debian packages, named under `packages`. */
const packagesBuild = z.strictObject({ kind: z.literal("packages") });

/** Nothing to build: the adapter's own files, and those that it `uses`, are the engine. */
const adapterBuild = z.strictObject({ kind: z.literal("adapter") });

/** What Buildroot must know of an engine beyond the rest of its recipe. */
const buildrootEngine = z.strictObject({
  name: name
    .optional()
    .describe("The package's name, where Buildroot has one of the engine's name. Default: the engine's name."),
  selects: z
    .array(z.string().regex(/^BR2_[A-Za-z0-9_]+$/))
    .default([])
    .describe("Symbols that the package selects."),
  depends: z
    .record(z.string().regex(/^!?BR2_[A-Za-z0-9_]+$/), z.string())
    .default({})
    .describe("Symbols that the package depends on -> the word for it in the comment that menuconfig shows otherwise."),
  packages: z.array(z.string()).default([]).describe("Buildroot packages that must be built before it."),
});

export const build = z.discriminatedUnion("kind", [
  engineCmakeBuild,
  prebuiltBuild,
  compileBuild,
  packagesBuild,
  adapterBuild,
]);

export const recipe = z.strictObject({
  format: z.literal(1).describe("Version of this file's format."),
  name: name.describe("The name for --engine, and the folder's."),
  title: z.string().describe("What people call the engine."),
  version: z.string().describe("The engine's own version."),
  homepage: z.url().optional().describe("Where the engine is at home; absent for one of edgeimg's own."),
  license: z.strictObject({
    spdx: z.string().describe("SPDX licence expression."),
    files: z.record(path, sha256).default({}).describe("Licence texts within the unpacked source."),
    package: z
      .string()
      .optional()
      .describe("The Debian package whose copyright file stands in when the source has no text."),
  }),
  sources: sources
    .default({})
    .describe(
      "Archives that the engine is made of, by name, laid into one tree; `main` is the engine's own. The folder's own files when empty.",
    ),
  build: build.describe("How the source becomes a library."),
  supports: z
    .strictObject({
      arch: z.array(arch).min(1).describe("Of boards."),
      host: z
        .array(arch)
        .default([])
        .describe(
          "Of machines that build: there `edgeimg run --host` runs the app with this engine. Needs no more than `build` gives for them.",
        ),
      accelerators: z
        .array(accelerator)
        .default([])
        .describe(
          "Without which it does not run, as boards name them. Nothing emulates them: models are neither run nor compared by a build, which warns of it.",
        ),
    })
    .describe("Debian's names of the architectures that it runs on, and what else a board must have."),
  packages: z
    .strictObject({
      sysroot: z
        .array(z.string())
        .default([])
        .describe("-dev packages of the target needed to compile the engine or its adapter, with what they depend on."),
      headers: z
        .array(z.string())
        .default([])
        .describe(
          "Packages of which only the headers are needed: unpacked into the sysroot without what they depend on.",
        ),
      rootfs: z.array(z.string()).default([]).describe("Packages whose libraries the closure may take."),
    })
    .default({ sysroot: [], headers: [], rootfs: [] }),
  libraries: z
    .array(libraryName)
    .default([])
    .describe(
      "Libraries that nothing links (dlopen): files of the result's `usr/lib`, which go to /usr/lib/edgeimg, or of `packages.rootfs`, which keep their folder.",
    ),
  plugins: z
    .array(path)
    .default([])
    .describe(
      "Folders of `packages.rootfs` from which the engine opens libraries by itself, like `usr/lib/{triplet}/NAME`: whole on the image, in their place, with what they need.",
    ),
  adapter: z
    .strictObject({
      of: name
        .optional()
        .describe("The engine whose folder `sources` are in: releases with one interface share an adapter."),
      sources: z.array(path).min(1).describe("Files of this folder; C by suffix .c, else C++."),
      headers: z
        .array(path)
        .default([])
        .describe("Files of the same folder that they include, such as own declarations of an interface."),
      uses: z
        .array(ownLibrary)
        .default([])
        .describe("Libraries of edgeimg's own, by their recipes, whose sources are compiled into the adapter."),
      cflags: z.array(z.string()).default([]),
      link: z
        .array(z.string())
        .default([])
        .describe("-l names of the engine's libraries, none when it is opened with dlopen."),
    })
    .describe(
      "Defines the five functions nn_adapter_* of nn_model.h in C or C++, and is linked with what adapters have in common (compiled once, as C) to libedge_nn.so, which exports edge_nn_* only. The engine's headers are system headers to it (-isystem), so that its warnings are about our code.",
    ),
  model: z.strictObject({
    accepts: z
      .array(modelFormat)
      .min(1)
      .describe(
        "Formats of models that the engine reads, the best first. From what the project has, converters lead to one of them (`recipes/converters`); the adapter finds the format's files by role.",
      ),
    options: z
      .record(word, z.union([z.string(), z.number()]))
      .default({})
      .describe("Written to model.edge as they are."),
    quantized: z
      .strictObject({
        activations: z
          .array(z.union([z.literal(8), z.literal("float")]))
          .default([])
          .describe("What may go from layer to layer beside 8-bit weights: 8 bits, or float."),
        why: z.string().min(1).optional().describe("Why the engine does not run the rest."),
      })
      .optional()
      .describe(
        "Which quantized models (`models.NAME.quantize`) the engine runs. Absent: nobody has tried, and none is built.",
      ),
    tolerance: z
      .number()
      .positive()
      .describe("Largest difference allowed, by the metric: docs/models.md says of what."),
    check: z
      .strictObject({
        against: checkAgainst.default(hostReference).describe(`What results are compared with. ${againstText}`),
        metric: checkMetric.default("agreement").describe("By what they are judged, unless the project says."),
      })
      .prefault({})
      .describe(
        `How models are checked, unless the project says: \`against: golden\` for formats that ${hostReference} cannot read.`,
      ),
  }),
  operators: engineOperators
    .optional()
    .describe(
      "How the engine is built with the operators of the project's models alone (`ops: model`), or why it cannot be. Absent: nobody has looked.",
    ),
  dispatched: dispatched.describe(
    "Extensions of the instruction set that the engine's code asks for when it runs: the build looks through each file of an image, and refuses what the board's core lacks otherwise.",
  ),
  buildroot: buildrootEngine
    .prefault({})
    .describe("What Buildroot must know beyond the rest of this file: toolchain features, packages."),
  notVerified: z
    .string()
    .min(1)
    .optional()
    .describe(
      "What was not tried of this engine, and why: each build with it warns of that, and `edgeimg engines` says so.",
    ),
  proven: proven.describe("What was measured and shown of the engine, and by which test."),
  notes: z.array(z.string()).default([]).describe("What a user should know, shown by `edgeimg engines`."),
});
export type Recipe = z.infer<typeof recipe>;

/** What the engine's package is called in a Buildroot tree. */
export function buildrootName({ name, buildroot }: Pick<Recipe, "name" | "buildroot">): string {
  return buildroot.name ?? name;
}
