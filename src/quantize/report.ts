/** What is told of a quantized model: `layers.json` when it is made, `loss.json` when it is compared. */
import * as z from "../ground/zod.js";
import { type RangeMethod, rangeMethods } from "./ranges.js";
import { type WeightCodes, weightCodes } from "./weights.js";

const words = <Word extends string>(table: Readonly<Record<Word, unknown>>) =>
  z.enum(Object.keys(table) as [Word, ...Word[]]);

/** How a model is quantized. */
export const quantizeSettings = z.strictObject({
  /** Bits. */
  weights: z.int().min(2).max(8),
  scales: z.enum(["channel", "tensor"]),
  codes: words<WeightCodes>(weightCodes),
  /** Whether scales are powers of two. */
  powers: z.boolean(),
  /** Whether layers are equalized beforehand. */
  equalize: z.boolean(),
  /** Where the means are from that biases are corrected with. */
  correct: z.enum(["none", "batch-norm", "data"]),
  /** How ranges of activations are chosen; absent: they stay in floating point. */
  method: z.union([words<RangeMethod>(rangeMethods), z.literal("batch-norm")]).optional(),
  keep: z.array(z.string()),
});

const bytes = z.strictObject({ float: z.int(), quantized: z.int() });

const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const layersFile = z.strictObject({
  /** What it was made of, by sha256: the model in floating point, and all that it was calibrated with, where its making needs that. */
  of: z.strictObject({ model: hash, calibration: hash.nullable() }),
  /** How it was made. */
  settings: quantizeSettings,
  /** Of the ONNX files. */
  bytes,
  layers: z.array(
    z.strictObject({
      name: z.string(),
      op: z.string(),
      input: z.string(),
      output: z.string(),
      /** Whether it computes with whole numbers; else only its weights are some. */
      integers: z.boolean(),
      /** Whether its bias takes back what its rounded weights make wrong on average. */
      isCorrected: z.boolean(),
      weights: z.strictObject({
        /** Signal to noise in decibels; null when nothing was lost. */
        sqnr: z.number().nullable(),
        /** Channels whose weights are all 0. */
        dead: z.int(),
        /** Scales. */
        channels: z.int(),
        values: z.int(),
      }),
    }),
  ),
  /** Nodes that multiply and stay in floating point. */
  floats: z.array(z.strictObject({ name: z.string(), op: z.string(), why: z.string() })),
  /** What is rounded between layers, each with its scale or with that of another tensor. */
  tensors: z.array(
    z.strictObject({
      tensor: z.string(),
      root: z.string(),
      scale: z.number(),
      zeroPoint: z.int(),
      min: z.number(),
      max: z.number(),
    }),
  ),
});
export type LayersFile = z.infer<typeof layersFile>;

const loss = z.strictObject({
  name: z.string(),
  /** Signal to noise in decibels; null when nothing was lost. */
  sqnr: z.number().nullable(),
  cosine: z.number(),
  /** The part of values beyond what codes reach. */
  saturated: z.number(),
});

export const lossFile = z.strictObject({
  /** How many inputs both models were run with. */
  inputs: z.int().positive(),
  metric: z.enum(["cosine", "top-1"]),
  /** The mean over inputs, of the output that loses most. */
  loss: z.number(),
  outputs: z.array(loss.extend({ loss: z.number(), worst: z.number(), worstInput: z.string() })),
  tensors: z.array(loss),
});
export type LossFile = z.infer<typeof lossFile>;
