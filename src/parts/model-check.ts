import { architectures } from "../catalog/architecture.js";
import type { CatalogRecipe } from "../catalog/catalog.js";
import {
  type CheckAgainst,
  type CheckMetric,
  hostReference,
  metricTolerance,
  quantizedCheck,
} from "../catalog/check.js";
import type { ModelConfig } from "../config/model-schema.js";
import type { Location } from "../config/model-values.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { Core } from "../image/request.js";
import type { Criterion } from "../model/compare.js";
import { locate, type ModelPlace } from "./model-source.js";
import type { TakenModel } from "./model-taking.js";
import type { DebianContext } from "./roots.js";

export interface CheckOptions extends ModelPlace {
  readonly config: ModelConfig;
  readonly engine: CatalogRecipe;
  readonly board: Core;
  /** The step with what runs ONNX on the host. */
  readonly reference: string;
  readonly check: {
    readonly qemu: string;
    readonly sysroot: string;
    readonly runner: string;
    readonly adapter: string;
    readonly engine: string | undefined;
    /** The step that lists the operators that the engine was built with; undefined for all. */
    readonly operators: string | undefined;
  };
}

/** What of a taken model its check needs. */
type Checked = Pick<TakenModel, "format" | "onnx" | "about" | "loss" | "accuracy"> & {
  readonly ports: string;
  /** The first word of the names of its steps. */
  readonly prefix: "model" | "bench";
};

/** The steps of a check. */
export interface CheckSteps {
  /** What the model is run on, with what onnxruntime makes of it. */
  readonly cases: string;
  /** What the image's engine makes of it. */
  readonly actual: string;
  /** Compares both. */
  readonly check: string;
  readonly golden: string | undefined;
  readonly against: CheckAgainst;
}

/** Runs a prepared model in the image's engine and compares what comes of it. */
export function checkSteps(
  context: DebianContext,
  options: CheckOptions,
  of: Checked & {
    readonly folder: string;
    /** Engines that a user may take in the place of one whose results are wrong. */
    readonly instead: readonly string[];
  },
): CheckSteps {
  const { plan, arch } = context;
  const { ports, about, folder, instead, prefix } = of;
  const { name, config, engine, board, check } = options;
  const { recipe } = engine;
  const { against, cases, golden } = caseSteps(context, options, of);
  const actual = plan.add({
    id: `${prefix}-run/${name}`,
    kind: "run-model",
    about,
    title: `Run model ${name} on ${board.cpu}`,
    why: "a converted model that gives other results must not reach a board",
    inputs: {
      cases,
      ports,
      model: folder,
      qemu: check.qemu,
      sysroot: check.sysroot,
      runner: check.runner,
      adapter: check.adapter,
      ...(check.engine === undefined ? {} : { engine: check.engine }),
    },
    params: {
      name,
      engine: recipe.name,
      qemu: architectures[arch].qemu,
      cpu: board.cpu,
      ...(check.operators === undefined ? {} : { reduced: true }),
    },
    instead,
  });
  const compared = plan.add({
    id: `${prefix}-check/${name}`,
    kind: "check-model",
    about,
    title: `Compare results of model ${name}`,
    why: "a converted model that gives other results must not reach a board",
    // A quantized model that loses too much is not compared.
    inputs: {
      ...{ cases, actual },
      ...(golden === undefined ? {} : { golden }),
      ...(of.loss === undefined ? {} : { loss: of.loss }),
      ...(of.accuracy === undefined ? {} : { accuracy: of.accuracy }),
    },
    params: { name, engine: recipe.name, cpu: board.cpu, against, ...criteria(config, recipe) },
    instead,
  });
  return { cases, actual, check: compared, golden, against };
}

/** By what outputs are judged: the project's word, then the recipe's. A tolerance belongs to the metric it is given with. */
function criteria(
  config: ModelConfig,
  { model }: CatalogRecipe["recipe"],
): Criterion & { readonly outputs?: Readonly<Record<string, Criterion>> } {
  const rounded = config.quantize?.activations === 8 ? quantizedCheck : undefined;
  const metric = config.check.metric ?? rounded?.metric ?? model.check.metric;
  const usual = (one: CheckMetric) =>
    (one === rounded?.metric ? rounded.tolerance : metricTolerance[one]) ?? model.tolerance;
  const tolerance = config.tolerance ?? usual(metric);
  const outputs = Object.entries(config.outputs).flatMap(([output, told]): [string, Criterion][] => {
    if (told.metric === undefined && told.tolerance === undefined) return [];
    const own = told.metric ?? metric;
    return [[output, { metric: own, tolerance: told.tolerance ?? (own === metric ? tolerance : usual(own)) }]];
  });
  return { metric, tolerance, ...(outputs.length === 0 ? {} : { outputs: Object.fromEntries(outputs) }) };
}

/** What the project gives a model's inputs in a check. */
function testValues({ inputs }: ModelConfig) {
  const tests = Object.entries(inputs).map(([input, { test }]) => [input, test] as const);
  const ranges = Object.fromEntries(
    tests.flatMap(([input, test]) =>
      test?.range === undefined ? [] : [[input, { min: test.range[0], max: test.range[1] }]],
    ),
  );
  const values = Object.fromEntries(
    tests.flatMap(([input, test]) => (test?.values === undefined ? [] : [[input, test.values]])),
  );
  return {
    files: tests.map(([input, test]) => [input, test?.file] as const),
    ...(Object.keys(ranges).length === 0 ? {} : { ranges }),
    ...(Object.keys(values).length === 0 ? {} : { values }),
  };
}

/** The steps that say what a model is checked with, and what must come of it. Throws ERR_EDGEIMG_MODEL_GOLDEN. */
function caseSteps(
  context: DebianContext,
  options: CheckOptions,
  { format, onnx, ports, about, prefix }: Checked,
): { readonly against: CheckAgainst; readonly cases: string; readonly golden: string | undefined } {
  const { name, config, engine } = options;
  const { plan } = context;
  const against = onnx === undefined ? "golden" : (config.check.against ?? engine.recipe.model.check.against);
  const { files: inputFiles, ...told } = testValues(config);
  const given = valuesStep(context, options, {
    side: "inputs",
    files: inputFiles,
    ports,
    prefix,
  });
  const golden = valuesStep(context, options, {
    side: "outputs",
    files: Object.entries(config.outputs).map(([output, told]) => [output, told.golden]),
    ports,
    prefix,
    all: against === "golden",
    // Nothing else judges such a model: the step is there without files, to say so when it runs. What the engine gives can be had before.
    ...(onnx === undefined ? { only: format } : {}),
  });
  if (against === "golden" && golden === undefined)
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_GOLDEN",
      `Model ${name} is to be compared with golden outputs alone, and none is given.`,
      {
        key: ["models", name, "check", "against"],
        hint: `Give each output its file: models.${name}.outputs.OUTPUT.golden.`,
      },
    );
  const isReferred = against === hostReference;
  const cases = plan.add({
    id: `${prefix}-cases/${name}`,
    kind: "model-cases",
    about,
    title: `Choose inputs for model ${name}${isReferred ? `, and run ${hostReference} on them` : ""}`,
    why: "what the engine makes of them is checked",
    inputs: {
      ...(onnx === undefined ? {} : { onnx }),
      ports,
      ...(given === undefined ? {} : { given }),
      ...(isReferred ? { reference: options.reference } : {}),
    },
    params: {
      name,
      ...told,
      ...(golden === undefined ? {} : { golden: true }),
    },
  });
  return { against, cases, golden };
}

/** The step that reads a project's .npy files of one side of a model; undefined when there are none. */
function valuesStep(
  context: DebianContext,
  options: CheckOptions,
  job: {
    readonly side: "inputs" | "outputs";
    readonly files: readonly (readonly [string, Location | undefined])[];
    readonly ports: string;
    readonly prefix: Checked["prefix"];
    readonly all?: boolean;
    /** The format of a model that nothing on the host runs. */
    readonly only?: string;
  },
): string | undefined {
  const { name } = options;
  const { side, ports, prefix } = job;
  const files: Record<string, { input: string; path: string }> = {};
  const inputs: Record<string, string> = {};
  for (const [index, [port, location]] of job.files.entries()) {
    if (location === undefined) continue;
    const why = `the project checks the model "${name}" with it`;
    const about = ["models", name, side, port, ...(side === "inputs" ? ["test", "file"] : ["golden"])];
    const source = locate(context, options, { location, id: `model-${side}/${name}/${index}`, why, about });
    inputs[`file${index}`] = source.step;
    files[port] = { input: `file${index}`, path: source.path };
  }
  if (Object.keys(files).length === 0 && job.only === undefined) return undefined;
  return context.plan.add({
    id: `${prefix}-${side}/${name}`,
    kind: "model-values",
    about: ["models", name, side],
    title: `Read the ${side === "inputs" ? "inputs" : "golden outputs"} of model ${name}`,
    why: "the project gives files to check the model with",
    inputs: { ports, ...inputs },
    params: {
      ...{ name, side, files },
      ...(job.all === true ? { all: true } : {}),
      ...(job.only === undefined ? {} : { only: job.only }),
    },
  });
}
