import * as z from "../ground/zod.js";
import { pattern } from "./converter.js";

/** What an operator may be called where its name becomes part of a build's options. */
const operatorName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,79}$/, "letters, digits and underscores");

const line = pattern
  .refine((text) => text.includes("(?<operator>"), "a regular expression with a group `operator`")
  .describe("A regular expression for one line, with a group `operator`.");

const path = z
  .string()
  .regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$)).+$/, "a relative path without ..")
  .max(1000);

/** How an engine is built with some of its operators. */
export const operatorChoice = z.strictObject({
  list: z
    .strictObject({
      role: z.string().describe("The role of a model's text file that names them."),
      line,
    })
    .describe("How the operators of a converted model are found."),
  known: z
    .strictObject({ path: path.describe("A text file of the engine's source."), line })
    .describe("How all operators of the engine are found."),
  always: z
    .array(operatorName)
    .default([])
    .describe("Operators that the engine makes by itself whatever the model is, or that small parts of it share."),
  needs: z
    .record(operatorName, z.array(operatorName))
    .default({})
    .describe("Operators that the engine makes by itself for one that a model names."),
  without: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*(\{operator\}|\{lower\})[A-Za-z0-9_]*=[A-Za-z0-9_]+$/, "NAME{operator}=VALUE")
    .describe(
      "What leaves one operator out: a cache entry of CMake or a definition of the C preprocessor. {operator} is its name, {lower} the same in small letters.",
    ),
});
export type OperatorChoice = z.infer<typeof operatorChoice>;

/** Whether an engine can be built with the operators of the models alone. */
export const engineOperators = z.union([
  operatorChoice,
  z
    .strictObject({ why: z.string().min(1).describe("Why it cannot, as the end of a sentence: `because ...`.") })
    .describe("It is always whole."),
]);
export type EngineOperators = z.infer<typeof engineOperators>;
