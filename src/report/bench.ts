import * as z from "../ground/zod.js";

const count = z.int().nonnegative();

/** Wall-clock times of runs on a board, in nanoseconds. */
const latency = z.strictObject({
  runs: z.int().positive(),
  warmUp: count,
  threads: z.int().positive(),
  medianNs: count,
  p95Ns: count,
  /** Before the first run and after the last one; null where the board does not tell. */
  kHz: z.array(z.int()).length(2).nullable(),
  milliCelsius: z.array(z.int()).length(2).nullable(),
});
export type Latency = z.infer<typeof latency>;

const benchRun = z.strictObject({
  /** Input -> `1x3x48x320`. */
  shapes: z.record(z.string(), z.string()),
  /** Executed in one run outside of the kernel, on an emulated core of the board's kind, with one thread. */
  instructions: z.int().positive(),
  /** The most memory that the process had which loaded this model alone and ran it. */
  peakBytes: z.int().positive(),
  /** Of all outputs' values against the reference's; null where they cannot be compared: another shape, or a value that is no number. */
  largestError: z.number().nonnegative().nullable(),
  meanError: z.number().nonnegative().nullable(),
  /** On a board, where one was given. */
  latency: latency.optional(),
});
export type BenchRun = z.infer<typeof benchRun>;

const benchModel = z.strictObject({
  name: z.string(),
  /** On the image. */
  bytes: count,
  /** What its outputs are compared with: what runs ONNX on the host, or the project's golden outputs. */
  against: z.string(),
  /** Whether the build's own check passes. */
  passes: z.boolean(),
  runs: z.array(benchRun),
});
export type BenchModel = z.infer<typeof benchModel>;

const measuredEngine = z.strictObject({
  name: z.string(),
  version: z.string(),
  imageBytes: count,
  /** What of the root is there because of the engine, uncompressed. */
  engineBytes: count,
  models: z.array(benchModel),
});
export type MeasuredEngine = z.infer<typeof measuredEngine>;

/** An engine that cannot run the project's models, and what the build says of it. */
const refusedEngine = z.strictObject({ name: z.string(), version: z.string(), code: z.string(), refused: z.string() });
export type RefusedEngine = z.infer<typeof refusedEngine>;

/** What the figures are not, in the file itself. */
export const benchNotes = [
  "Instructions are counted on an emulated core, exactly. They are not time: a core runs some of them in parallel, and waits for memory in others.",
  "Emulation says nothing of speed, heat or power. Only a board does.",
  "Memory is the peak of a process that loads one model and runs it: without the app, its pictures and the other models.",
  "Errors are against float results on the machine that builds, on made inputs: how far the arithmetic differs, not how often an answer is wrong.",
] as const;

/** `bench.json`: engines compared on one project and board. */
export const benchReport = z.strictObject({
  format: z.literal(1),
  edgeimg: z.string(),
  project: z.string(),
  board: z.string(),
  cpu: z.string(),
  /** What the host runs models with, as a package URL. */
  reference: z.string(),
  /** The distribution and the date of its packages. */
  distribution: z.strictObject({ name: z.string(), date: z.string() }),
  /** How runs were measured on the emulated machine. */
  method: z.strictObject({ threads: z.int().positive(), warmUp: count }),
  engines: z.array(measuredEngine),
  refused: z.array(refusedEngine),
  notes: z.array(z.string()),
});
export type BenchReport = z.infer<typeof benchReport>;

/** The value below which `part` of a list's values lie, by the nearest rank: one of the values themselves. Throws for an empty list. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  if (found === undefined) throw new Error("there is no value");
  return found;
}
