import * as z from "../ground/zod.js";
import { pinnedFile } from "./source.js";

/** `recipes/reference/recipe.yaml`: what runs ONNX models on the host. */
export const referenceRecipe = z.strictObject({
  format: z.literal(1),
  name: z.literal("reference"),
  title: z.string(),
  version: z.string(),
  source: pinnedFile.extend({ strip: z.int().min(0).default(1) }),
  /** Node's name of the host's architecture -> glob of what is unpacked. */
  hosts: z.record(z.string(), z.string()),
  /** The newest ONNX files that it reads: their IR version, and the version of ONNX's own operator set. */
  newest: z.strictObject({ ir: z.int().positive(), opset: z.int().positive() }),
});
export type ReferenceRecipe = z.infer<typeof referenceRecipe>;
