import { z } from "zod";
import { arch, name, sha256, source } from "./common.js";

const scalar = z.union([z.string(), z.boolean(), z.number()]);
const word = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "lower-case letters, digits and dashes");
/** A path that stays within its folder. */
const path = z
  .string()
  .regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$)).+$/, "a relative path without ..")
  .max(1000);
const pattern = z.string().refine((text) => {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}, "a regular expression");

/** Settings for some cores only, added to the general ones. */
const variant = z.strictObject({
  /** As boards name them: `cortex-a72`. */
  cpus: z.array(z.string()).min(1),
  options: z.record(z.string(), scalar).default({}),
  cflags: z.array(z.string()).default([]),
});

/** Built from source with CMake: configure, build, install below `usr/`, strip. */
const cmakeBuild = z.strictObject({
  kind: z.literal("cmake"),
  /** Cache entries; booleans become ON and OFF. */
  options: z.record(z.string(), scalar).default({}),
  /** Added to -O2 and -mcpu, which come from the board. */
  cflags: z.array(z.string()).default([]),
  targets: z.array(z.string()).default([]),
  /** Where the CMakeLists.txt is, within the source. */
  directory: path.default("."),
  variants: z.array(variant).default([]),
});

/** Taken ready-made out of the source archive, per architecture. */
const prebuiltBuild = z.strictObject({
  kind: z.literal("prebuilt"),
  /** Path in the unpacked source -> path in the result, below `usr/` (`lib/NAME`, `include/NAME`). */
  files: z.partialRecord(arch, z.record(path, path)),
});

/** C or C++ compiled and linked in one command to one shared library, no build system. */
const compileBuild = z.strictObject({
  kind: z.literal("compile"),
  cflags: z.array(z.string()).default([]),
  sources: z.array(path).min(1),
  /** Headers for the adapter: path in the source -> path in the result's `usr/include`. */
  headers: z.record(path, path).default({}),
  /** The library's file name in `usr/lib`, also its soname. */
  output: z.string(),
});

/** Nothing to build: the engine is in Debian packages, named under `packages`. */
const packagesBuild = z.strictObject({ kind: z.literal("packages") });

export const build = z.discriminatedUnion("kind", [cmakeBuild, prebuiltBuild, compileBuild, packagesBuild]);

/**
 * A program that translates ONNX. It runs with a copy of the model in a folder of its own, which it may fill.
 * Placeholders in `args` and `files`: {model} the ONNX file, {out} the result's folder, {work} a folder for what is
 * not wanted, {name} the model's name.
 */
const converter = z.strictObject({
  kind: z.literal("program"),
  /** Per host architecture, in Debian's words (amd64). */
  hosts: z.record(word, source.extend({ strip: z.int().min(0).default(0) })),
  version: z.string(),
  /** The program within the unpacked source. */
  program: path,
  args: z.array(z.string()),
  /** For a converter that must be shown shapes. */
  trace: z
    .strictObject({
      /** One input: {sizes} is `1,3,48,320`, {type} its word from `types`. Several are joined by `separator`. */
      input: z.string(),
      separator: z.string().default(","),
      /** Our element type -> the converter's. Inputs of other types are refused. */
      types: z.partialRecord(z.enum(["f32", "i8", "u8", "i32", "i64"]), z.string()),
      /**
       * {shapes} is the joined inputs. The first is always given; the second too when an input may have several
       * shapes, with another of them.
       */
      args: z.array(z.string()).min(1).max(2),
    })
    .optional(),
  /** What goes to the device, by role in model.edge. */
  files: z.record(word, path),
  /** Names that the engine gives to inputs and outputs, in the model's order: `in{index}`. The model's own when absent. */
  inputBlob: z.string().optional(),
  outputBlob: z.string().optional(),
  /**
   * How a layer looks in a text file that the converter wrote when it could not translate it: a regular expression for
   * one line, with groups `operator` and `layer`. Such a model is refused before it reaches the engine.
   */
  unconverted: z.strictObject({ role: word, line: pattern }).optional(),
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
    files: z.record(path, sha256).default({}),
    /** The Debian package whose copyright file stands in when the source has no text. */
    package: z.string().optional(),
  }),
  /** The folder's own files when absent. */
  source: source.extend({ strip: z.int().min(0).default(1) }).optional(),
  build,
  supports: z.strictObject({ arch: z.array(arch).min(1) }),
  packages: z
    .strictObject({
      /** -dev packages of the target needed to compile the engine or its adapter, with what they depend on. */
      sysroot: z.array(z.string()).default([]),
      /** Packages of which only the headers are needed: unpacked into the sysroot without what they depend on. */
      headers: z.array(z.string()).default([]),
      /** Packages whose libraries the closure may take. */
      rootfs: z.array(z.string()).default([]),
    })
    .default({ sysroot: [], headers: [], rootfs: [] }),
  /** Files of the result's `usr/lib` that go to /usr/lib/edgeimg even when nothing links them (dlopen). */
  libraries: z.array(z.string()).default([]),
  /**
   * Compiled with the shared nn_model.c to libedge_nn.so, which exports edge_nn_* only. The engine's headers are system
   * headers to it (-isystem), so that its warnings are about our code.
   */
  adapter: z.strictObject({
    /** Files of this folder; C by suffix .c, else C++. */
    sources: z.array(path).min(1),
    cflags: z.array(z.string()).default([]),
    /** -l names of the engine's libraries, none when it is opened with dlopen. */
    link: z.array(z.string()).default([]),
  }),
  model: z.strictObject({
    /** The role of an unconverted model in model.edge, for engines that read ONNX themselves. */
    native: z.strictObject({ role: word, suffix: z.string().startsWith(".") }).optional(),
    converter: converter.optional(),
    /** Written to model.edge as they are. */
    options: z.record(word, z.union([z.string(), z.number()])).default({}),
    /** Largest absolute difference allowed per output value against onnxruntime on the host. */
    tolerance: z.number().positive(),
  }),
  /** What a user should know, shown by `edgeimg engines`. */
  notes: z.array(z.string()).default([]),
});
export type Recipe = z.infer<typeof recipe>;
