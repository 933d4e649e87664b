import * as z from "../ground/zod.js";

const proof = z.discriminatedUnion("how", [
  z
    .strictObject({
      how: z.literal("booted"),
      board: z.string().describe("The board, emulated."),
      example: z.string().describe("The example whose image was built, booted and gave what it must."),
    })
    .describe("Whole images: `test/e2e/boot-*.test.ts` boot what is listed here, and nothing else."),
  z
    .strictObject({
      how: z.literal("models"),
      cpu: z.string().describe("The core that QEMU was told."),
      test: z
        .string()
        .regex(/^test\/[\w./-]+\.test\.ts$/, "a test file's path")
        .describe("The test that runs models in this engine, and names it."),
    })
    .describe("The engine's own library with models, without a kernel."),
]);
export type Proof = z.infer<typeof proof>;

/** What tests have shown of an engine. Nothing in here is a claim: each entry is read by, or compared with, the test that shows it. */
export const proven = z
  .strictObject({
    size: z
      .record(z.string(), z.int().positive())
      .default({})
      .describe(
        "Bytes in the root that are there because of the engine, uncompressed, by the board's core: library, adapter and what they need. `node bench/engines.mjs NAME` measures and writes it; the boot tests compare it. A core that is missing was not measured.",
      ),
    on: z.array(proof).default([]).describe("Where it has run, in which tests. Empty: not verified."),
  })
  .prefault({});
