import { z } from "zod";
import { arch, name, sha256, source } from "./common.js";

const scalar = z.union([z.string(), z.boolean(), z.number()]);

/** Built from source with CMake. */
const cmakeBuild = z.strictObject({
  kind: z.literal("cmake"),
  /** Cache entries; booleans become ON and OFF. */
  options: z.record(z.string(), scalar).default({}),
  /** Added to -O2 and -mcpu, which come from the board. */
  cflags: z.array(z.string()).default([]),
  targets: z.array(z.string()).default([]),
  /** Where the CMakeLists.txt is, within the source. */
  directory: z.string().default("."),
});

/** Taken ready-made out of the source archive, per architecture. */
const prebuiltBuild = z.strictObject({
  kind: z.literal("prebuilt"),
  /** Path in the unpacked source -> path in the result (`lib/NAME`, `include/NAME`). */
  files: z.partialRecord(arch, z.record(z.string(), z.string())),
});

/** Our own C or C++ compiled file by file, no build system. */
const compileBuild = z.strictObject({
  kind: z.literal("compile"),
  cflags: z.array(z.string()).default([]),
  sources: z.array(z.string()).min(1),
  output: z.string(),
});

export const build = z.discriminatedUnion("kind", [cmakeBuild, prebuiltBuild, compileBuild]);

/** Placeholders in `args`: {model} {out} {shapes0} {shapes1} {tool}. */
const converter = z.strictObject({
  source,
  /** The program within the unpacked source. */
  program: z.string(),
  args: z.array(z.string()),
  /** Files the converter leaves, by role in model.edge; `{name}` is the model's name. */
  files: z.record(z.string(), z.string()),
  /** Names that the engine gives to inputs and outputs: `in{index}`. */
  inputBlob: z.string(),
  outputBlob: z.string(),
});

export const recipe = z.strictObject({
  format: z.literal(1),
  name,
  title: z.string(),
  version: z.string(),
  homepage: z.url(),
  license: z.strictObject({
    spdx: z.string(),
    /** Licence texts within the unpacked source. */
    files: z.record(z.string(), sha256).default({}),
  }),
  /** The folder's own files when absent. */
  source: source.extend({ strip: z.int().min(0).default(1) }).optional(),
  build,
  supports: z.strictObject({ arch: z.array(arch).min(1) }),
  packages: z
    .strictObject({
      /** -dev packages of the target needed to compile the engine or its adapter. */
      sysroot: z.array(z.string()).default([]),
      /** Packages whose libraries the closure may take. */
      rootfs: z.array(z.string()).default([]),
    })
    .default({ sysroot: [], rootfs: [] }),
  /** Files of the build's result that go to /usr/lib/edgeimg even when nothing links them (dlopen). */
  libraries: z.array(z.string()).default([]),
  adapter: z.strictObject({
    sources: z.array(z.string()).min(1),
    /** -l names of the engine's libraries, none when it is opened with dlopen. */
    link: z.array(z.string()).default([]),
  }),
  model: z.strictObject({
    /** The role and suffix of an unconverted model, for engines that read ONNX themselves. */
    native: z.enum(["onnx"]).optional(),
    converter: converter.optional(),
    /** Largest absolute difference allowed per output against the reference. */
    tolerance: z.number().positive(),
  }),
});
export type Recipe = z.infer<typeof recipe>;
