import * as z from "../ground/zod.js";
import { moduleName } from "./common.js";

/**
 * How far something is proven, the strongest first. `booted`: it works in QEMU's model of the board. `checked`: a reader that is not ours
 * found it in the image, or it was looked up in the device tree and the kernel's own lists. `documents`: it is written somewhere.
 */
export const proofLevels = ["booted", "checked", "documents"] as const;
const level = z.enum(proofLevels);

/** What is told of a board, in the order in which it is shown. */
export const factTopics = [
  "boot",
  "console",
  "storage",
  "network",
  "watchdog",
  "cpufreq",
  "thermal",
  "random",
] as const;

const fact = z.strictObject({
  from: z.string().min(1).describe("Where it comes from."),
  level: level.describe("How far it is proven: `booted`, `checked` or `documents`."),
  drivers: z
    .array(moduleName)
    .default([])
    .describe("The drivers that stand for it, which `kernel` names as well or the kernel has built in."),
  none: z.boolean().default(false).describe("That there is none, on the board or in the kernel: `from` says which."),
});

export const boardFacts = z.partialRecord(z.enum(factTopics), fact);
export type BoardFacts = z.infer<typeof boardFacts>;

/** How far the board's image as a whole is proven. */
export const proven = z.strictObject({
  level: level.describe(
    "`booted` in QEMU's model of the board, `checked` by a reader that is not edgeimg's, or from `documents` alone.",
  ),
  how: z.string().min(1).describe("What was done, one sentence."),
});
