import * as z from "../ground/zod.js";
import { name } from "./common.js";
import { toolEnvironment } from "./tool.js";

const word = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "lower-case letters, digits and dashes");
const path = z
  .string()
  .regex(/^(?!\/)(?!(?:[^/]*\/)*\.\.(?:\/|$))[^\0\n]+$/, "a relative path without ..")
  .max(1000);
/** A regular expression, as text. */
export const pattern = z.string().refine((text) => {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}, "a regular expression");

/** Element types of tensors, as model.edge names them. */
export const elementType = z.enum(["f32", "i8", "u8", "i32", "i64"]);

/** A format of models, as recipes name it: `onnx`, `ncnn`. Its files have roles. */
export const modelFormat = word;

/** Models of one shape each that may make up one: NN_MAX_FOLDERS of the reader on the device. */
export const fixedLimit = 16;

/** What a converter is shown of a model, known only when it runs, and what it refuses of one. */
export const trace = z.strictObject({
  input: z
    .string()
    .default("")
    .describe(
      "One input: {sizes} is `1,3,48,320`, {type} its word from `types`, {name} its name. Several are joined by `separator`.",
    ),
  separator: z.string().default(",").describe("Between the inputs."),
  types: z
    .partialRecord(elementType, z.string())
    .describe("Our element type -> the converter's. Inputs of other types are refused."),
  rank: z
    .strictObject({ min: z.int().min(0).max(8), max: z.int().min(0).max(8) })
    .optional()
    .describe("How many dimensions an input may have. Others are refused before the conversion."),
  batch: z
    .int()
    .min(1)
    .optional()
    .describe("The only size that the first of two or more dimensions of an input may have."),
  outputs: z
    .array(elementType)
    .min(1)
    .optional()
    .describe("Element types that an output may have. Others are refused before the conversion."),
  domains: z
    .array(z.string())
    .min(1)
    .optional()
    .describe(
      "Domains of ONNX operators that it knows, `ai.onnx` for ONNX's own. Operators of others are refused before the conversion.",
    ),
  unlike: z
    .array(
      z.strictObject({
        operator: z.string().describe("An operator of ONNX's own."),
        attribute: z.string().optional().describe("With this attribute alone, when it is one of `values`."),
        values: z
          .array(z.union([z.string(), z.int()]))
          .optional()
          .describe("Words or whole numbers."),
        inputs: z.int().min(1).optional().describe("With so many inputs or more alone."),
      }),
    )
    .default([])
    .describe(
      "What it translates to something that computes other numbers. It is refused before the conversion, not only by the check.",
    ),
  args: z
    .array(z.string())
    .max(2)
    .default([])
    .describe(
      "{shapes} is the joined inputs. The first is always given; the second too when an input may have several shapes, with another of them. None: the converter is shown nothing, and only what the rest refuses is refused.",
    ),
});
export type Trace = z.infer<typeof trace>;

/** How a layer looks in a converted text file when it could not be translated. */
export const unconverted = z.strictObject({
  role: word.describe("The file, by its role."),
  line: pattern.describe("A regular expression for one line, with groups `operator` and `layer`."),
});

/**
 * `recipes/converters/NAME/converter.yaml`: a program that makes a model of one format from one of another. It runs in a folder of its
 * own with a copy of the model's files below `model/`, which it may fill.
 */
export const converter = z.strictObject({
  format: z.literal(1).describe("Version of this file's format."),
  name: name.describe("The folder's name."),
  title: z.string().describe("What people call it."),
  version: z.string().describe("Its version."),
  from: modelFormat.describe("The format that it reads: `onnx`, or what another converter writes."),
  to: modelFormat.describe("The format that it writes."),
  tool: z.union([name, toolEnvironment]).describe("A tool of recipes/tools by name, or one described here."),
  script: path.optional().describe("For a Python tool without `module`: a file of this folder that is run."),
  args: z
    .array(z.string())
    .describe(
      "Its arguments: {model} the file of role `model` (`{model.ROLE}` of another role), {out} the folder for results, {work} one for the rest, {name} the model's name; of the board {cpu}, its core as GCC's -mcpu names it, and {triplet}, its GNU triplet as compilers and folders have it.",
    ),
  toolchain: z
    .boolean()
    .default(false)
    .describe(
      "Whether it compiles for the board: then an argument {cc} stands for several, the C compiler and its flags for the board's core.",
    ),
  shapes: z
    .enum(["declared", "fixed"])
    .default("declared")
    .describe(
      "`fixed`: each result serves one shape of every input. The model is then converted once for each shape that the project lists under `fixed`.",
    ),
  trace: trace.optional().describe("For a converter that must be shown shapes, or that does not take every model."),
  outputs: z.record(word, path).describe("The files that it writes, by role: {name} is the model's name."),
  inputBlob: z
    .string()
    .optional()
    .describe(
      "Names that the format gives to inputs, in the model's order: `in{index}`. When absent, those of the format before it, or the model's own.",
    ),
  outputBlob: z.string().optional().describe("The same for outputs."),
  unconverted: unconverted
    .optional()
    .describe("How a layer looks that could not be translated. Such a model is refused before it reaches the engine."),
});
export type Converter = z.infer<typeof converter>;
