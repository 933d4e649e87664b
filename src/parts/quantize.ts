import type { CatalogRecipe } from "../catalog/catalog.js";
import type { AccuracyConfig, QuantizeConfig, RecordConfig } from "../config/quantize-schema.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { locate, type ModelPlace } from "./model-source.js";
import type { DebianContext } from "./roots.js";

/** Adds steps that run the app on pictures. `model` is one of those that ask for it. */
export interface AppRuns {
  /** Keeps what the app feeds to its models. */
  readonly record: (record: RecordConfig, model: string) => string;
  /** Keeps what the app answers: with all models in floating point, or with one of them quantized in some way. */
  readonly answers: (accuracy: AccuracyConfig, model: string, quantized?: { step: string; way: string }) => string;
}

export interface QuantizeOptions extends ModelPlace {
  readonly quantize: QuantizeConfig;
  /** The step with the model in floating point, `model.onnx`, and the one with what runs it on the host. */
  readonly onnx: string;
  readonly reference: string;
  readonly runs: AppRuns;
  /** Ends the names of the steps, where one model is quantized in several ways. */
  readonly way?: string;
}

export interface QuantizeSteps {
  /** `model.onnx` and `layers.json`. */
  readonly quantized: string;
  /** `loss.json`; undefined without inputs to measure it with. */
  readonly loss: string | undefined;
  /** `accuracy.json`; undefined where the app's answers are not judged. */
  readonly accuracy: string | undefined;
}

/**
 * Adds the steps that make a model one of whole numbers: what its values are like with the calibration inputs, which any method takes; the model, which is
 * a pure function of that; and what it loses.
 */
export function quantizeSteps(context: DebianContext, options: QuantizeOptions): QuantizeSteps {
  const { plan } = context;
  const { name, quantize, onnx, reference, way } = options;
  const { weights, activations, scales, codes, scaling, equalize, correct, method, keep, metric, maxLoss } = quantize;
  const end = way === undefined ? "" : `/${way}`;
  const about = ["models", name, "quantize"];
  const why = `the project quantizes the model "${name}"`;
  const given = calibrationInputs(context, options);
  const isFloat = activations === "float";
  const needsData = (!isFloat && method !== "batch-norm") || correct === "data";
  // Whatever is done with it afterwards, unless its layers are others.
  const which = equalize ? "/equalized" : "";
  const statistics =
    !needsData || given === undefined
      ? undefined
      : plan.add({
          ...{ id: `calibrate/${name}${which}`, kind: "calibrate-model", about: [...about, given.key], why },
          title: `Run model ${name} with the calibration inputs${equalize ? " (equalized)" : ""}`,
          inputs: { onnx, reference, ...given.inputs },
          params: { name, calibration: given.calibration, equalize },
        });
  const powers = scaling === "power-of-two";
  const quantized = plan.add({
    ...{ id: `quantize/${name}${end}`, kind: "quantize-model", about, why },
    title: `Quantize model ${name}${way === undefined ? "" : ` (${way})`}`,
    inputs: { onnx, ...(statistics === undefined ? {} : { statistics }) },
    // What ran it is no part of it.
    materials: [{ input: "onnx" }],
    params: { name, weights, scales, codes, powers, equalize, correct, keep, ...(isFloat ? {} : { method }) },
  });
  const accuracy = accuracyStep(context, options, quantized);
  if (given === undefined) return { quantized, loss: undefined, accuracy };
  const loss = plan.add({
    ...{ id: `quantize-loss/${name}${end}`, kind: "quantize-loss", about, why },
    title: `Measure what model ${name} loses${way === undefined ? "" : ` (${way})`}`,
    inputs: { onnx, quantized, reference, ...given.inputs },
    params: { name, calibration: given.calibration, equalize, metric, ...(maxLoss === undefined ? {} : { maxLoss }) },
  });
  return { quantized, loss, accuracy };
}

/** Adds the step that compares the app's answers with the model in floating point and with the quantized one, where the project has some that are right. */
function accuracyStep(context: DebianContext, options: QuantizeOptions, quantized: string): string | undefined {
  const { name, quantize, runs, way } = options;
  const { accuracy } = quantize;
  if (accuracy === undefined) return undefined;
  const { metric, maxLoss } = accuracy;
  return context.plan.add({
    ...{ id: `quantize-accuracy/${name}${way === undefined ? "" : `/${way}`}`, kind: "quantize-accuracy" },
    ...{ about: ["models", name, "quantize", "accuracy"], why: `the app is judged with the model "${name}" quantized` },
    title: `Compare the app's answers with model ${name} in floating point and quantized${way === undefined ? "" : ` (${way})`}`,
    inputs: {
      float: runs.answers(accuracy, name),
      quantized: runs.answers(accuracy, name, { step: quantized, way: way ?? "own" }),
    },
    params: { name, metric, ...(maxLoss === undefined ? {} : { maxLoss }) },
  });
}

/** The steps that have the calibration inputs, where in them they are, and the key that names them. */
function calibrationInputs(context: DebianContext, options: QuantizeOptions) {
  const { name, quantize, runs } = options;
  if (quantize.record !== undefined)
    return {
      inputs: { recorded: runs.record(quantize.record, name) },
      calibration: { recorded: "recorded" },
      key: "record",
    };
  const given = Object.entries(quantize.calibration ?? {});
  if (given.length === 0) return undefined;
  const inputs: Record<string, string> = {};
  const files: Record<string, { input: string; path: string; local: boolean }> = {};
  for (const [index, [port, location]] of given.entries()) {
    const why = `the model "${name}" is calibrated with it`;
    const about = ["models", name, "quantize", "calibration", port];
    const source = locate(context, options, { location, id: `calibration/${name}/${index}`, why, about });
    inputs[`calibration${index}`] = source.step;
    files[port] = { input: `calibration${index}`, path: source.path, local: typeof location === "string" };
  }
  return { inputs, calibration: { files }, key: "calibration" };
}

/** Refuses what an engine's recipe does not say that it runs. Throws ERR_EDGEIMG_MODEL_QUANTIZE_ENGINE. */
export function checkQuantized(
  name: string,
  { activations }: QuantizeConfig,
  { recipe }: CatalogRecipe,
  engines: Iterable<CatalogRecipe>,
): void {
  const { activations: known = [], why } = recipe.model.quantized ?? {};
  if (known.includes(activations)) return;
  const what = activations === "float" ? "8-bit weights alone" : "8-bit activations";
  const others = [...engines].flatMap((one) =>
    one.recipe.model.quantized?.activations.includes(activations) ? [one.recipe.name] : [],
  );
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_QUANTIZE_ENGINE",
    `Model ${name}: ${recipe.title} does not run models with ${what} here: ${why ?? "nobody has tried"}.`,
    {
      key: ["models", name, "quantize"],
      hint: `${others.length === 0 ? "No engine of the catalog does" : `These do: ${others.sort().join(", ")}`}. Choose one with --engine, or take \`quantize\` out; docs/quantization.md has a table.`,
    },
  );
}
