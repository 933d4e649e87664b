import * as z from "../ground/zod.js";

/** What edge-nn-run says of the runs that it measured. */
export const measuredLine = z.object({
  measured: z.literal(true),
  threads: z.int(),
  warmUp: z.int(),
  /** Of the whole process; -1 where the kernel does not tell. */
  peakKb: z.int(),
  ns: z.array(z.int()),
  /** Of each run, outside of the kernel; null where the kernel has no counter. */
  instructions: z.array(z.int().nonnegative()).nullable(),
  /** Before the first run and after the last one; null where the board does not tell. */
  kHz: z.array(z.int()).length(2).nullable(),
  milliCelsius: z.array(z.int()).length(2).nullable(),
});

const runMeasure = z.strictObject({
  /** Input -> `1x3x48x320`. */
  shapes: z.record(z.string(), z.string()),
  /** Of one run, outside of the kernel. */
  instructions: z.int().positive(),
  /** The most that a process with this one model and this one run had in memory. */
  peakBytes: z.int().positive(),
});
export type RunMeasure = z.infer<typeof runMeasure>;

/** `measures.json`: what a model takes on an emulated machine. */
export const modelMeasures = z.strictObject({
  model: z.string(),
  engine: z.string(),
  cpu: z.string(),
  threads: z.int(),
  warmUp: z.int(),
  runs: z.array(runMeasure),
});
export type ModelMeasures = z.infer<typeof modelMeasures>;
