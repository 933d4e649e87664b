import * as z from "../ground/zod.js";
import { location } from "./model-values.js";

/** How ranges of activations are chosen: the words of src/quantize/ranges.ts, which a test compares with these. */
export const quantizeMethods = ["min-max", "moving-average", "percentile", "mse", "kl", "aciq"] as const;

/** What codes of weights stand for: the words of src/quantize/weights.ts, which a test compares with these. */
export const quantizeCodes = ["symmetric", "asymmetric", "log", "k-means"] as const;

const codesText =
  "`symmetric`: even steps about 0. `asymmetric`: even steps from the least weight to the largest, which not every engine runs quickly. `log`: powers of two, in fifteen codes. `k-means`: as many values for each layer as `weights` has codes, chosen for it. The last two are kept in bytes: a compressed image gains by them, speed does not.";

const methodText =
  "`min-max` takes all values, `moving-average` the extremes of each input, averaged, `percentile` all but one of 10,000, `mse` the range with the least squared error, `kl` the one that keeps most of the distribution (Kullback and Leibler), `aciq` the one with the least squared error if they were distributed as Laplace or Gauss has it, `batch-norm` needs no calibration: it is six deviations about the mean, as batch norms tell them.";

/** How answers of the app are judged: the words of src/quantize/accuracy.ts, which a test compares with these. */
export const accuracyMetrics = ["exact", "characters"] as const;

/** `models.NAME.quantize.accuracy`: what the app answers with the model in floating point and with the quantized one, judged by what is right. */
const accuracySchema = z.strictObject({
  pictures: location.meta({
    description: "A folder of pictures, which are sent in the order of their names.",
    examples: ["tests/pictures"],
  }),
  labels: location.meta({
    description: 'A JSON file with what is right: `{ "PICTURE": "ANSWER" }`, one for each picture.',
    examples: ["tests/labels.json"],
  }),
  to: z
    .string()
    .startsWith("/", "a path, like /read")
    .max(1000)
    .meta({ description: "The path that each picture is posted to.", examples: ["/read"] }),
  answer: z
    .string()
    .min(1)
    .max(200)
    .meta({
      description: "The key of the app's JSON answer that is compared with the label. `a.b` is the key b within a.",
      examples: ["text"],
    }),
  metric: z
    .enum(accuracyMetrics)
    .default("exact")
    .meta({
      description:
        "`exact`: the part of pictures whose answer is the label. `characters`: 1 minus the characters that would have to be changed, left out or put in, divided by those of the labels.",
      examples: ["characters"],
    }),
  maxLoss: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .meta({
      description:
        "The most that the quantized model may be below the one in floating point, 0.01 for a point of a hundred: the build fails beyond it.",
      examples: [0.003],
    }),
});

/** `models.NAME.quantize`: how whole numbers are made of a model in floating point. */
export const quantizeSchema = z
  .strictObject({
    weights: z
      .union([z.literal(8), z.literal(7), z.literal(4)])
      .default(8)
      .meta({
        description:
          "Bits of weights, kept in bytes. Seven leave sums of 16 bits more room; with four a compressed image gets smaller, and more is lost.",
        examples: [8],
      }),
    codes: z
      .enum(quantizeCodes)
      .default("symmetric")
      .meta({ description: `What codes of weights stand for. ${codesText}`, examples: ["k-means"] }),
    activations: z
      .union([z.literal(8), z.literal("float")])
      .default(8)
      .meta({
        description:
          "Bits of what goes from layer to layer. `float`: weights alone become whole numbers, which needs no calibration; the file is smaller, memory and speed are as before.",
        examples: ["float"],
      }),
    scales: z
      .enum(["channel", "tensor"])
      .default("channel")
      .meta({ description: "One scale of weights for each channel, or one for a whole layer.", examples: ["channel"] }),
    method: z
      .enum([...quantizeMethods, "batch-norm"])
      .default("min-max")
      .meta({ description: `How the range of activations is chosen. ${methodText}`, examples: ["mse"] }),
    scaling: z
      .enum(["any", "power-of-two"])
      .default("any")
      .meta({
        description: "Scales are any numbers, or powers of two (Ristretto): a shift does what a product does else.",
        examples: ["power-of-two"],
      }),
    equalize: z
      .boolean()
      .default(false)
      .meta({
        description:
          "Bring the ranges of channels nearer to one another, where a convolution follows another with nothing but Relu between: what one is divided by, the next is multiplied with. It helps most with `scales: tensor`.",
        examples: [true],
      }),
    correct: z
      .enum(["none", "batch-norm", "data"])
      .default("none")
      .meta({
        description:
          "Let biases take back what rounded weights make wrong on average, with the means that batch norms tell, or those of the calibration inputs.",
        examples: ["data"],
      }),
    calibration: z
      .record(z.string().min(1).max(256), location)
      .optional()
      .meta({
        description:
          "What the app feeds to the model, by input name: a NumPy file (.npy), or a folder of them, one a run. The n-th files of all inputs go together.",
        examples: [{ x: "calibration/det" }],
      }),
    record: z
      .strictObject({
        pictures: location.meta({
          description: "A folder of pictures, which are sent in the order of their names.",
          examples: ["calibration/pictures"],
        }),
        to: z
          .string()
          .startsWith("/", "a path, like /read")
          .max(1000)
          .meta({ description: "The path that each picture is posted to.", examples: ["/read"] }),
      })
      .optional()
      .meta({
        description:
          "In place of `calibration`: the app runs on the machine that builds and answers these pictures over HTTP; what it feeds to the model meanwhile is the calibration. Its models are those in floating point.",
        examples: [{ pictures: "calibration/pictures", to: "/read" }],
      }),
    accuracy: accuracySchema.optional().meta({
      description:
        "Judge the model by what the app answers: it runs on the machine that builds, once with the models in floating point and once with this one quantized, and its answers to these pictures are compared with what is right.",
      examples: [{ pictures: "tests/pictures", labels: "tests/labels.json", to: "/read", answer: "text" }],
    }),
    keep: z
      .array(z.string().min(1).max(1000))
      .max(10_000)
      .default([])
      .meta({
        description:
          "Layers that stay in floating point, by their names in the ONNX file; `edgeimg quantize` lists them.",
        examples: [["Conv_0"]],
      }),
    metric: z
      .enum(["cosine", "top-1"])
      .default("cosine")
      .meta({
        description:
          "How an output's loss is measured: 1 minus the cosine of the angle between it and that of the model in floating point, or the part of rows whose largest value is at another place. The mean over all calibration inputs.",
        examples: ["top-1"],
      }),
    maxLoss: z
      .number()
      .nonnegative()
      .optional()
      .meta({
        description: "The most that the output which loses most may lose: the build fails beyond it.",
        examples: [0.01],
      }),
  })
  .superRefine(({ activations, method, correct, calibration, record, maxLoss }, context) => {
    const say = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if (record !== undefined && calibration !== undefined) say("record", "give either `calibration` or `record`");
    if (hasCalibration({ calibration, record })) return;
    const needs = (path: string, message: string) => say(calibration === undefined ? path : "calibration", message);
    if (activations === 8 && method !== "batch-norm")
      needs(
        "activations",
        "8-bit activations need `calibration`: .npy files of what the app feeds to the model; or `record`: pictures that the app answers; `activations: float` does without",
      );
    else if (maxLoss !== undefined) needs("maxLoss", "a loss is measured on inputs: give `calibration` or `record`");
    else if (correct === "data") needs("correct", "`data` are calibration inputs: give `calibration` or `record`");
  })
  .meta({
    description: "Make the model one of whole numbers when it is built (docs/quantization.md).",
    examples: [{ calibration: { x: "calibration/det" }, maxLoss: 0.01 }],
  });

export type QuantizeConfig = z.infer<typeof quantizeSchema>;
export type RecordConfig = NonNullable<QuantizeConfig["record"]>;
export type AccuracyConfig = NonNullable<QuantizeConfig["accuracy"]>;

/** Whether there are inputs to calibrate a model with. */
export function hasCalibration({ calibration, record }: Pick<QuantizeConfig, "calibration" | "record">): boolean {
  return record !== undefined || Object.keys(calibration ?? {}).length > 0;
}
