import * as z from "../../src/ground/zod.js";

/** How far a model of an image is from what it should give, in the engine's own library on the board's core (`model-check`). */
const modelError = z.strictObject({
  model: z.string(),
  /** What the results were compared with. */
  against: z.enum(["onnxruntime", "golden"]),
  /** The largest difference of all outputs and runs, and the largest value of that output. */
  error: z.number().nonnegative(),
  of: z.number().nonnegative(),
});

const key = { example: z.string(), engine: z.string(), board: z.string() };

const result = z.union([
  z.strictObject({
    ...key,
    /** The engine's. */
    version: z.string(),
    /** Of the image that was booted: console lines and HTTP answers that `tests` of the example asks for, and the start. */
    checks: z.strictObject({ passed: z.int().nonnegative(), of: z.int().positive() }),
    models: z.array(modelError).min(1),
    /** Shapes that a model was given in place of the example's. */
    fixed: z.record(z.string(), z.array(z.array(z.int()).readonly()).readonly()).optional(),
  }),
  z.strictObject({
    ...key,
    version: z.string(),
    /** No image was built. */
    refused: z.strictObject({ code: z.string(), message: z.string() }),
  }),
]);

/** What came of one example on one board with one engine. */
export type Result = z.infer<typeof result>;
export type ModelError = z.infer<typeof modelError>;
export type Key = Pick<Result, "example" | "engine" | "board">;

export const results = z.array(result);

export const isSame = (a: Key, b: Key): boolean =>
  a.example === b.example && a.engine === b.engine && a.board === b.board;

/** By example, engine and board. */
export function sorted(list: readonly Result[]): Result[] {
  const text = ({ example, engine, board }: Key) => `${example} ${engine} ${board}`;
  return [...list].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

/** Whether the image did all that the example asks for. */
export const isRight = (one: Result): boolean => "checks" in one && one.checks.passed === one.checks.of;
