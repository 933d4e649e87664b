import { againstText, checkAgainst, checkMetric, hostReference, metricText } from "../catalog/check.js";
import { elementType, fixedLimit, modelFormat } from "../catalog/converter.js";
import * as z from "../ground/zod.js";
import { explainMixture } from "./model-mixture.js";
import { dimension, dimensionSize, type Location, location, rank } from "./model-values.js";
import { quantizeSchema } from "./quantize-schema.js";

const testValues = z
  .strictObject({
    range: z
      .tuple([z.number(), z.number()])
      .refine(([min, max]) => min <= max, "a range goes from the smaller to the larger value")
      .optional()
      .meta({ description: "Smallest and largest value, both possible.", examples: [[0, 1]] }),
    values: z
      .array(z.number())
      .min(1)
      .max(65_536)
      .optional()
      .meta({ description: "Values in order, again and again until the input is full.", examples: [[101, 7592, 102]] }),
    file: location
      .optional()
      .meta({ description: "A NumPy file (.npy) with the whole input.", examples: ["tests/ids.npy"] }),
  })
  .refine(
    (test) => Object.values(test).filter((one) => one !== undefined).length === 1,
    "give one of `range`, `values` and `file`",
  )
  .meta({
    description:
      "Values that the build checks the model with. Default: pictures and numbers from -1 to 1; for whole numbers what the model says, else 0 to 9, 0 to 1, or one of them, the first that it accepts.",
    examples: [{ range: [0, 1] }],
  });

const test = testValues.optional();
const type = elementType
  .optional()
  .meta({ description: "Type of its elements, where `format` is given: an ONNX file tells it.", examples: ["u8"] });

const wholeShape = z.array(dimensionSize).min(1).max(rank);

const input = z.union([
  z.strictObject({
    type,
    test,
    fixed: z
      .array(wholeShape)
      .min(1)
      .max(fixedLimit)
      .optional()
      .meta({
        description:
          "For engines whose models have one shape each: the shapes among `dims` that are made, for which the app asks with `fit`. The n-th shapes of several inputs go together. Default: the largest.",
        examples: [
          [
            [1, 3, 320, 320],
            [1, 3, 640, 640],
          ],
        ],
      }),
    dims: z
      .array(dimension)
      .min(1)
      .max(rank)
      .meta({
        description: "One entry a dimension: a size, or MIN..MAX/STEP. Each combination is allowed.",
        examples: [[1, 3, "32..640/32", "32..640/32"]],
      }),
  }),
  z.strictObject({
    type,
    test,
    shapes: z
      .array(wholeShape)
      .min(1)
      .max(64)
      .meta({
        description: "Whole shapes, for engines or models that take only these.",
        examples: [
          [
            [1, 3, 48, 320],
            [1, 3, 48, 640],
          ],
        ],
      }),
  }),
  z.strictObject({ test: testValues }),
]);

const any = z.literal("any").transform(() => ({ min: 0, max: 2 ** 31 - 1, step: 1 }));
const outputSize = z.union([dimension, any]);

const model = z.strictObject({
  onnx: location.optional().meta({
    description: "The ONNX file: a path, or a package URL and a path in it.",
    examples: ["models/det.onnx", { purl: "pkg:npm/%40gutenye/ocr-models@1.4.2", path: "assets/det.onnx" }],
  }),
  format: modelFormat.optional().meta({
    description:
      "In place of `onnx`, with `file`: the format of a model that is not ONNX. One that the engine reads (`edgeimg engines`), or that a converter does. What it takes and gives is told under `inputs` and `outputs`, and golden outputs judge it.",
    examples: ["tflite"],
  }),
  file: location.optional().meta({
    description: "The model's file of that format: a path, or a package URL and a path in it.",
    examples: ["models/faces.tflite"],
  }),
  inputs: z
    .record(z.string().min(1).max(256), input)
    .default({})
    .meta({
      description:
        "Shapes that the app uses, by input name, and values to check the model with. Shapes are needed for inputs whose shape is open in the model; others are refused on the device.",
      examples: [{ x: { dims: [1, 3, "32..640/32", "32..640/32"] } }],
    }),
  files: z
    .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "a file name"), location)
    .default({})
    .meta({
      description:
        "Further files that the app needs with the model, by the name they get beside it in /models/NAME on the device: labels, a dictionary.",
      examples: [{ "labels.txt": { purl: "pkg:npm/%40gutenye/ocr-models@1.4.2", path: "assets/ppocr_keys_v1.txt" } }],
    }),
  outputs: z
    .record(
      z.string().min(1).max(256),
      z.strictObject({
        type,
        dims: z
          .array(outputSize)
          .max(rank)
          .optional()
          .meta({
            description: "Its shape, where `format` is given: a size, MIN..MAX/STEP, or `any`. Default: not known.",
            examples: [["any", 5]],
          }),
        golden: location.optional().meta({
          description: "A NumPy file (.npy) with what this output must be for the inputs that `test` gives whole.",
          examples: ["tests/scores.npy"],
        }),
        metric: checkMetric
          .optional()
          .meta({ description: "For this output, instead of the model's.", examples: ["top-1"] }),
        tolerance: z
          .number()
          .positive()
          .optional()
          .meta({ description: "The same.", examples: [0.05] }),
      }),
    )
    .default({})
    .meta({
      description: "What outputs must be and how they are judged, by output name.",
      examples: [{ scores: { golden: "tests/scores.npy" } }],
    }),
  quantize: quantizeSchema.optional(),
  check: z
    .strictObject({
      against: checkAgainst.optional().meta({
        description: `What results are compared with. ${againstText} Default: the engine's, ${hostReference}. Golden outputs are compared in any case.`,
        examples: ["golden"],
      }),
      metric: checkMetric
        .optional()
        .meta({ description: `By what results are judged. ${metricText} Default: agreement.`, examples: ["cosine"] }),
      where: z
        .enum(["qemu", "device"])
        .refine(
          (where) => where !== "device",
          "a build cannot run a model on a device yet; without this key it runs on QEMU's model of the board's core",
        )
        .default("qemu")
        .meta({ description: "Where the engine runs. `device` is refused: nothing runs a model on a real board yet." }),
    })
    .prefault({})
    .meta({ description: "How the build checks the model.", examples: [{ metric: "cosine" }] }),
  tolerance: z
    .number()
    .positive()
    .optional()
    .meta({
      description:
        "Largest difference by the metric. For agreement: of each value against the larger of 1 and itself, of the whole output against its largest value and its RMS (root mean square). Default: the engine's; 0.001 for cosine, 0 for top-1.",
      examples: [0.01],
    }),
  threads: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: "Threads for this model. Default: one a core.", examples: [2] }),
});

/** A model: an ONNX file, or a file of another format with what it takes and gives. */
export const modelSchema = model.superRefine(explainMixture);

export type ModelConfig = z.infer<typeof modelSchema>;

/** What the project gives as a model: the file, its format, and the key that names it. */
export interface GivenModel {
  readonly format: string;
  readonly location: Location;
  readonly key: "onnx" | "file";
}

/** The one file of a model, whichever way it is given. */
export function givenModel({ onnx, format, file }: Pick<ModelConfig, "onnx" | "format" | "file">): GivenModel {
  if (onnx !== undefined) return { format: "onnx", location: onnx, key: "onnx" };
  // The schema refuses one without the other.
  if (format === undefined || file === undefined) throw new Error("a model has no file");
  return { format, location: file, key: "file" };
}
export type ModelInput = z.infer<typeof input>;
