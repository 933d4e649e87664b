import type { QuantizeConfig } from "../../config/quantize-schema.js";
import { hasCalibration, quantizeMethods } from "../../config/quantize-schema.js";
import type { AppRequest } from "../../image/request.js";
import type { Lock } from "../../lock/lock-file.js";
import { referenceStep } from "../../parts/model-source.js";
import { takeFloat } from "../../parts/model-taking.js";
import { quantizeSteps } from "../../parts/quantize.js";
import { appRuns } from "../../parts/recording.js";
import { planContext } from "../../parts/roots.js";
import type { Plan } from "../../plan/step.js";

/** One way to quantize a model: by its name, what it has in place of the project's settings. */
export interface QuantizeWay {
  readonly name: string;
  readonly settings: Partial<QuantizeConfig>;
}

/** All that differ in more than degree; each is a row of a comparison. */
export const quantizeWays: readonly QuantizeWay[] = [
  ...quantizeMethods.map((method): QuantizeWay => ({ name: method, settings: { activations: 8, method } })),
  { name: "tensor", settings: { scales: "tensor" } },
  { name: "tensor-equalized", settings: { scales: "tensor", equalize: true, correct: "data" } },
  { name: "7-bit", settings: { weights: 7 } },
  { name: "corrected", settings: { correct: "data" } },
  { name: "asymmetric", settings: { codes: "asymmetric" } },
  { name: "power-of-two", settings: { scaling: "power-of-two" } },
  { name: "log", settings: { codes: "log", activations: "float" } },
  { name: "k-means-4-bit", settings: { codes: "k-means", weights: 4, activations: "float" } },
  { name: "weights-only", settings: { activations: "float" } },
];

/** The targets of a model quantized in a way; `ownWay` is the project's. */
export const quantizeTargets = (model: string, way: string) => ({
  quantized: `quantized/${model}/${way}`,
  loss: `loss/${model}/${way}`,
  accuracy: `accuracy/${model}/${way}`,
});
export const ownWay = "own";

/**
 * The graph of what quantizes a project's models, as it says and in further ways: pure. Which engine would run them does not matter. Targets are
 * those of quantizeTargets; a loss is there where there are inputs to measure it with, an accuracy where answers are judged. In a comparison no loss is too large.
 */
export function planQuantize(request: AppRequest, lock: Lock, comparison?: readonly QuantizeWay[]): Plan {
  const context = planContext(request, lock);
  const { project, catalog, localPath } = request;
  const targets: Record<string, string> = {};
  for (const [name, config] of Object.entries(project.models)) {
    const { quantize } = config;
    if (quantize === undefined) continue;
    const reference = referenceStep(context, request);
    const runs = appRuns(context, request);
    const onnx = takeFloat(context, { name, config, catalog, reference, localPath, runs });
    if (onnx === undefined) continue;
    const add = (way: string, steps: ReturnType<typeof quantizeSteps>) => {
      const names = quantizeTargets(name, way);
      targets[names.quantized] = steps.quantized;
      if (steps.loss !== undefined) targets[names.loss] = steps.loss;
      if (steps.accuracy !== undefined) targets[names.accuracy] = steps.accuracy;
    };
    const options = { name, localPath, onnx, reference, runs };
    const told = withoutLimits(quantize);
    add(ownWay, quantizeSteps(context, { ...options, quantize: comparison === undefined ? quantize : told }));
    for (const { name: way, settings } of comparison ?? []) {
      // Activations cannot be tried without inputs.
      if (!hasCalibration(quantize) && settings.activations !== "float") continue;
      add(way, quantizeSteps(context, { ...options, way, quantize: { ...told, ...settings } }));
    }
  }
  return { format: 1, steps: [...context.plan.steps.values()], targets };
}

/** The same settings, whatever is lost. */
function withoutLimits({ maxLoss: _, accuracy, ...told }: QuantizeConfig): QuantizeConfig {
  if (accuracy === undefined) return told;
  const { maxLoss: __, ...judged } = accuracy;
  return { ...told, accuracy: judged };
}
