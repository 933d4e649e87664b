import { architectures } from "../catalog/architecture.js";
import type { Board } from "../catalog/board.js";
import type { Catalog, CatalogRecipe } from "../catalog/catalog.js";
import { type CheckAgainst, type CheckMetric, hostReference, metricTolerance } from "../catalog/check.js";
import { sourceKey, stripOf } from "../catalog/source.js";
import type { ModelConfig } from "../config/model-schema.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { Criterion } from "../model/compare.js";
import type { ShapeSet } from "../model/shapes.js";
import type { AssembleEntry } from "../steps/assemble.js";
import { conversionPath, conversionStep, type FormatFiles } from "./conversion.js";
import type { DebianContext } from "./roots.js";
import { archiveSteps } from "./source.js";

export interface ModelOptions {
  readonly name: string;
  readonly config: ModelConfig;
  readonly engine: CatalogRecipe;
  readonly catalog: Catalog;
  readonly board: Board;
  /** The step with what runs ONNX on the host. */
  readonly reference: string;
  /** A root of host programs, whose loader also starts the converter. */
  readonly hostTools: string;
  /** Absolute path of a file of the project. */
  readonly localPath: (path: string) => string;
  readonly check: {
    readonly qemu: string;
    readonly sysroot: string;
    readonly runner: string;
    readonly adapter: string;
    readonly engine: string | undefined;
  };
}

export interface ModelSteps {
  /** The model's folder on the device. */
  readonly folder: string;
  /** The step that knows what the model takes and gives. */
  readonly ports: string;
  readonly check: string;
  /** Inputs and entries that bring the project's further files beside the model. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly entries: readonly AssembleEntry[];
}

type Location = ModelConfig["onnx"];

/** Takes, converts and checks one model. */
export function modelSteps(context: DebianContext, options: ModelOptions): ModelSteps {
  const { plan, arch } = context;
  const { name, config, engine, board } = options;
  const { recipe } = engine;
  const why = `the app loads the model "${name}"`;
  const source = locate(context, options, {
    location: config.onnx,
    id: `model-source/${name}`,
    why,
    about: ["models", name, "onnx"],
    model: `Model ${name}`,
  });
  const entries = Object.entries(config.inputs);
  const declared: Readonly<Record<string, ShapeSet>> = Object.fromEntries(
    entries.flatMap(([input, told]): [string, ShapeSet][] => {
      if ("dims" in told) return [[input, { dims: told.dims }]];
      return "shapes" in told ? [[input, { shapes: told.shapes }]] : [];
    }),
  );
  const { version, newest } = options.catalog.reference;
  const onnx = plan.add({
    id: `model-onnx/${name}`,
    kind: "onnx",
    about: ["models", name, "onnx"],
    title: `Take the ONNX file of ${name}`,
    why,
    inputs: { source: source.step },
    params: { name, path: source.path, newest: { version, ...newest } },
  });
  const ports = plan.add({
    id: `model-ports/${name}`,
    kind: "model-ports",
    about: ["models", name, "onnx"],
    title: `Read what model ${name} takes and gives`,
    why,
    inputs: { onnx, reference: options.reference },
    params: { name, declared },
  });
  const { accepts, options: settings } = recipe.model;
  const path = conversionPath(options.catalog.converters, { model: name, from: "onnx", engine: recipe.title, accepts });
  const files = path.reduce<FormatFiles>(
    (from, converter) =>
      conversionStep(context, converter, from, { ...options, model: name, why, engine: recipe.title, ports }),
    { step: onnx, files: { model: "model.onnx" } },
  );
  const folder = plan.add({
    id: `model/${name}`,
    kind: "model",
    about: ["models", name, "onnx"],
    title: `Prepare model ${name} for ${recipe.title}`,
    why,
    inputs: { ports, files: files.step },
    materials: [{ input: "files" }],
    params: {
      engine: recipe.name,
      // A model that nothing converted keeps its format's ending.
      files: Object.fromEntries(
        Object.entries(files.files).map(([role, from]) => [
          role,
          { from, to: path.length === 0 ? `${name}.${accepts[0]}` : from },
        ]),
      ),
      ...(files.blobs?.inputBlob === undefined ? {} : { inputBlob: files.blobs.inputBlob }),
      ...(files.blobs?.outputBlob === undefined ? {} : { outputBlob: files.blobs.outputBlob }),
      options: { ...settings, ...(config.threads === undefined ? {} : { "threads-max": config.threads }) },
    },
  });
  const { check } = options;
  const instead = path.length === 0 ? [] : unconverting(options);
  const { against, cases, golden } = caseSteps(context, options, { onnx, ports });
  const actual = plan.add({
    id: `model-run/${name}`,
    kind: "run-model",
    about: ["models", name, "onnx"],
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
    params: { name, engine: recipe.name, qemu: architectures[arch].qemu, cpu: board.cpu },
    instead,
  });
  const checked = plan.add({
    id: `model-check/${name}`,
    kind: "check-model",
    about: ["models", name, "onnx"],
    title: `Compare results of model ${name}`,
    why: "a converted model that gives other results must not reach a board",
    inputs: { cases, actual, ...(golden === undefined ? {} : { golden }) },
    params: { name, engine: recipe.name, cpu: board.cpu, against, ...criteria(config, recipe) },
    instead,
  });
  return { folder, ports, check: checked, ...besides(context, options) };
}

/** The engines of the catalog that take an ONNX file for this board as it is. */
function unconverting({ catalog, board }: Pick<ModelOptions, "catalog" | "board">): string[] {
  const fits = [...catalog.engines.values()].filter(
    ({ recipe: { supports, model } }) => supports.arch.includes(board.arch) && model.accepts.includes("onnx"),
  );
  return fits.map(({ recipe }) => recipe.name);
}

/** By what outputs are judged: the project's word, then the recipe's. A tolerance belongs to the metric it is given with. */
function criteria(
  config: ModelConfig,
  { model }: CatalogRecipe["recipe"],
): Criterion & { readonly outputs?: Readonly<Record<string, Criterion>> } {
  const metric = config.check.metric ?? model.check.metric;
  const usual = (one: CheckMetric) => metricTolerance[one] ?? model.tolerance;
  const tolerance = config.tolerance ?? usual(metric);
  const outputs = Object.entries(config.outputs).flatMap(([output, told]): [string, Criterion][] => {
    if (told.metric === undefined && told.tolerance === undefined) return [];
    const own = told.metric ?? metric;
    return [[output, { metric: own, tolerance: told.tolerance ?? (own === metric ? tolerance : usual(own)) }]];
  });
  return { metric, tolerance, ...(outputs.length === 0 ? {} : { outputs: Object.fromEntries(outputs) }) };
}

/** The steps that say what a model is checked with, and what must come of it. Throws ERR_EDGEIMG_MODEL_GOLDEN. */
function caseSteps(
  context: DebianContext,
  options: ModelOptions,
  { onnx, ports }: { readonly onnx: string; readonly ports: string },
): { readonly against: CheckAgainst; readonly cases: string; readonly golden: string | undefined } {
  const { name, config, engine } = options;
  const { plan } = context;
  const against = config.check.against ?? engine.recipe.model.check.against;
  const tests = Object.entries(config.inputs).map(([input, { test }]) => [input, test] as const);
  const ranges = Object.fromEntries(
    tests.flatMap(([input, test]) =>
      test?.range === undefined ? [] : [[input, { min: test.range[0], max: test.range[1] }]],
    ),
  );
  const values = Object.fromEntries(
    tests.flatMap(([input, test]) => (test?.values === undefined ? [] : [[input, test.values]])),
  );
  const given = valuesStep(context, options, {
    side: "inputs",
    files: tests.map(([input, test]) => [input, test?.file]),
    ports,
  });
  const golden = valuesStep(context, options, {
    side: "outputs",
    files: Object.entries(config.outputs).map(([output, told]) => [output, told.golden]),
    ports,
    all: against === "golden",
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
    id: `model-cases/${name}`,
    kind: "model-cases",
    about: ["models", name, "onnx"],
    title: `Choose inputs for model ${name}${isReferred ? `, and run ${hostReference} on them` : ""}`,
    why: "what the engine makes of them is checked",
    inputs: {
      onnx,
      ports,
      ...(given === undefined ? {} : { given }),
      ...(isReferred ? { reference: options.reference } : {}),
    },
    params: {
      name,
      ...(Object.keys(ranges).length === 0 ? {} : { ranges }),
      ...(Object.keys(values).length === 0 ? {} : { values }),
      ...(golden === undefined ? {} : { golden: true }),
    },
  });
  return { against, cases, golden };
}

/** The step that reads a project's .npy files of one side of a model; undefined when there are none. */
function valuesStep(
  context: DebianContext,
  options: ModelOptions,
  job: {
    readonly side: "inputs" | "outputs";
    readonly files: readonly (readonly [string, Location | undefined])[];
    readonly ports: string;
    readonly all?: boolean;
  },
): string | undefined {
  const { name } = options;
  const { side, ports } = job;
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
  if (Object.keys(files).length === 0) return undefined;
  return context.plan.add({
    id: `model-${side}/${name}`,
    kind: "model-values",
    about: ["models", name, side],
    title: `Read the ${side === "inputs" ? "inputs" : "golden outputs"} of model ${name}`,
    why: "the project gives files to check the model with",
    inputs: { ports, ...inputs },
    params: { name, side, files, ...(job.all === true ? { all: true } : {}) },
  });
}

/** Files that the project wants beside the model, such as a dictionary. */
function besides(context: DebianContext, options: ModelOptions): Pick<ModelSteps, "inputs" | "entries"> {
  const inputs: Record<string, string> = {};
  const entries: AssembleEntry[] = [];
  for (const [file, location] of Object.entries(options.config.files)) {
    const why = `the project puts ${file} beside the model "${options.name}"`;
    const about = ["models", options.name, "files", file];
    const source = locate(context, options, { location, id: `model-file/${options.name}/${file}`, why, about });
    inputs[source.step] = source.step;
    entries.push({
      type: "file",
      path: `models/${options.name}/${file}`,
      mode: 0o644,
      from: { input: source.step, path: source.path },
    });
  }
  return { inputs, entries };
}

/** The step that has a file of the project or of a package, and the file's path in it. */
function locate(
  context: DebianContext,
  options: ModelOptions,
  job: { location: Location; id: string; why: string; about: readonly string[]; model?: string },
): { step: string; path: string } {
  const { location, id, why, about, model } = job;
  const { plan, lock } = context;
  if (typeof location === "string") {
    const step = plan.add({
      id,
      kind: "local",
      about,
      title: `Read ${location}`,
      why,
      inputs: {},
      params: { path: options.localPath(location), exclude: [], ...(model === undefined ? {} : { model }) },
      origin: {
        kind: "project",
        name: `model/${options.name}`,
        version: "0",
        license: "LicenseRef-project",
        need: "the project's models",
      },
    });
    return { step, path: location.split("/").at(-1) ?? location };
  }
  const key = sourceKey(location);
  const pinned = lock.sources[key];
  const sha256 = location.sha256 ?? pinned?.sha256;
  if (sha256 === undefined) throw new Error(`the lock does not pin ${key}`);
  const name = `sources/${key.replace(/^pkg:/, "").replaceAll("%40", "@")}`;
  const step = archiveSteps(context, {
    name,
    source: {
      purl: location.purl,
      sha256,
      strip: stripOf(location.purl),
      ...(location.file === undefined ? {} : { file: location.file }),
    },
    why,
  });
  return { step, path: location.path };
}
