import { againstText, checkAgainst, checkMetric, hostReference, metricText } from "../catalog/check.js";
import { sha256 } from "../catalog/common.js";
import * as z from "../ground/zod.js";

/** Sizes that one dimension may have: min, min + step, ..., max. */
export interface Dimension {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

const dimensionSize = z.int().min(1).max(1_000_000);

/** `3`, `32..1280`, or `32..1280/32`; the same words as in model.edge. */
const dimension = z
  .union([
    dimensionSize,
    z.string().regex(/^\d{1,7}(\.\.\d{1,7}(\/\d{1,7})?)?$/, "a number, or a range like 32..640/32"),
  ])
  .transform((value, context): Dimension => {
    const [, min = "", max = min, step = "1"] = /^(\d+)(?:\.\.(\d+))?(?:\/(\d+))?$/.exec(String(value)) ?? [];
    const result = { min: Number(min), max: Number(max), step: Number(step) };
    if (result.min < 1 || result.step < 1 || result.max < result.min) {
      context.addIssue({ code: "custom", message: "a range goes from a smaller to a larger size, both at least 1" });
    } else if ((result.max - result.min) % result.step !== 0) {
      const last = result.max - ((result.max - result.min) % result.step);
      context.addIssue({
        code: "custom",
        message: `steps of ${result.step} from ${result.min} never reach ${result.max}; the last is ${last}`,
      });
    }
    return result;
  });

const rank = 8;

/** Shapes of one model that are made for an engine of fixed shapes: NN_MAX_FOLDERS of the reader on the device. */
const fixedLimit = 16;

/** Whether each percent sign starts an encoded byte of UTF-8. */
function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

const location = z.union([
  z.string().min(1).max(4096),
  z.strictObject({
    purl: z
      .string()
      .regex(/^pkg:[a-z]+\/[^\s\\]+@[^\s\\]+$/, "a package URL with version, like pkg:npm/%40scope/name@1.2.3")
      .refine(isPercentEncoded, "a package URL with version, like pkg:npm/%40scope/name@1.2.3")
      .meta({ description: "Package URL with version.", examples: ["pkg:npm/%40gutenye/ocr-models@1.4.2"] }),
    file: z
      .string()
      .optional()
      .meta({ description: "Which file of the package version, where a registry has several (PyPI)." }),
    path: z
      .string()
      .min(1)
      .meta({ description: "Path in the unpacked package.", examples: ["assets/det.onnx"] }),
    sha256: sha256
      .optional()
      .meta({ description: "Hash of the package's archive. Without it edgeimg.lock pins it at the first build." }),
  }),
]);

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

const wholeShape = z.array(dimensionSize).min(1).max(rank);

const input = z.union([
  z.strictObject({
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

export const modelSchema = z.strictObject({
  onnx: location.meta({
    description: "The ONNX file: a path, or a package URL and a path in it.",
    examples: ["models/det.onnx", { purl: "pkg:npm/%40gutenye/ocr-models@1.4.2", path: "assets/det.onnx" }],
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

export type ModelConfig = z.infer<typeof modelSchema>;
export type ModelInput = z.infer<typeof input>;
