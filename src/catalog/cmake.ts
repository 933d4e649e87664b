import * as z from "../ground/zod.js";
import { inside } from "./source.js";

/** A cache entry's value. */
export const scalar = z.union([z.string(), z.boolean(), z.number()]);

/** Built from source with CMake: configure, build, install below `usr/`, strip. */
export const cmakeBuild = z.strictObject({
  kind: z.literal("cmake"),
  options: z.record(z.string(), scalar).default({}).describe("Cache entries; booleans become ON and OFF."),
  cflags: z.array(z.string()).default([]).describe("Added to -O2 and to the flag that names the core."),
  targets: z.array(z.string()).default([]).describe("What to build; everything when empty."),
  directory: inside.default(".").describe("Where the CMakeLists.txt is, within the source."),
});
