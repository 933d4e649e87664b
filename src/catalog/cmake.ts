import * as z from "../ground/zod.js";
import { inside } from "./source.js";

/** A cache entry's value. */
export const scalar = z.union([z.string(), z.boolean(), z.number()]);

const target = z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/, "no name of a target");
const header = z.string().regex(/^<[A-Za-z0-9_./-]{1,200}>$/, "no header as `#include` names it: <folder/name.h>");

/** Built from source with CMake: configure, build, install below `usr/`, strip. */
export const cmakeBuild = z.strictObject({
  kind: z.literal("cmake"),
  options: z.record(z.string(), scalar).default({}).describe("Cache entries; booleans become ON and OFF."),
  cflags: z.array(z.string()).default([]).describe("Added to -O2 and to the flag that names the core."),
  precompile: z
    .record(target, z.array(header).min(1))
    .default({})
    .describe(
      "By target, headers that are read once for all of its C++ sources, which compiles faster. Where each source includes them anyway the library stays the same, byte for byte; compare it.",
    ),
  targets: z.array(z.string()).default([]).describe("What to build; everything when empty."),
  directory: inside.default(".").describe("Where the CMakeLists.txt is, within the source."),
});
