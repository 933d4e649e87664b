import * as z from "../ground/zod.js";

/** What runs ONNX on the host (`recipes/reference`), by the word of recipes, projects and messages. */
export const hostReference = "onnxruntime";

/** How a model's results are judged, in words that recipes and projects share. */
export const checkAgainst = z.enum([hostReference, "golden"]);
export type CheckAgainst = z.infer<typeof checkAgainst>;

export const checkMetric = z.enum(["agreement", "max-abs", "cosine", "top-1"]);
export type CheckMetric = z.infer<typeof checkMetric>;

export const againstText = `\`${hostReference}\` runs the ONNX file on the host; \`golden\` compares with the files under \`outputs\` alone, and runs nothing on the host.`;
export const metricText =
  "`agreement` judges each value and the output's own size, `max-abs` the largest difference, `cosine` 1 minus the cosine of the angle between both outputs, `top-1` the part of rows whose largest value is at another place in the last dimension.";

/**
 * How models with 8-bit activations are judged, unless the project says. Engines round the same sums differently, by one code of some hundred values; each such
 * step goes on through the network. The direction of an output is what remains: engines that compute the same codes are far nearer.
 */
export const quantizedCheck = { metric: "cosine", tolerance: 0.01 } as const;

/** What a difference may be where neither recipe nor project say, for metrics whose unit is not that of a value. */
export const metricTolerance: Readonly<Partial<Record<CheckMetric, number>>> = { cosine: 0.001, "top-1": 0 };
