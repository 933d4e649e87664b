/** What is told of a quantized model: `layers.json` when it is made, `loss.json` when it is compared. */
import * as z from "../ground/zod.js";

const bytes = z.strictObject({ float: z.int(), quantized: z.int() });

export const layersFile = z.strictObject({
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
