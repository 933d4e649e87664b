import { a64Extensions } from "../formats/a64-features.js";
import * as z from "../ground/zod.js";

/** Names of instruction set extensions, as GCC's -march has them. */
export const extension = z.enum(a64Extensions);

const rule = z.strictObject({
  files: z
    .array(z.string().min(1))
    .min(1)
    .default(["**"])
    .describe("Globs of paths in the image; all files when absent."),
  extensions: z.array(extension).min(1).describe("What the code asks the processor for before it uses it."),
  reason: z.string().min(1).describe("How it asks: what people read who wonder why this is allowed."),
});

/** Code that uses instructions only where the processor has them: it may hold more than the board's core can run. */
export const dispatched = z.array(rule).default([]);

/** The same of a distribution: only files of these packages. */
export const dispatchedPackages = z
  .array(rule.extend({ packages: z.array(z.string().min(1)).min(1).describe("Globs of package names.") }))
  .default([]);
