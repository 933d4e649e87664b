import type { Catalog, CatalogConverter, CatalogRecipe } from "../catalog/catalog.js";
import { hostReference } from "../catalog/check.js";
import { fixedLimit } from "../catalog/converter.js";
import type { ModelConfig } from "../config/model-schema.js";
import type { Core } from "../image/request.js";
import { checkFixed, type DeclaredInput, fixedShapes, together } from "../model/fixed-shapes.js";
import { type ShapeSet, shapeText } from "../model/shapes.js";
import type { AssembleEntry } from "../steps/assemble.js";
import type { Toolchain } from "./compile.js";
import { conversionPath, conversionStep, type FormatFiles } from "./conversion.js";
import { type CheckOptions, type CheckSteps, checkSteps } from "./model-check.js";
import { besides, type ModelPlace } from "./model-source.js";
import { type PortsJob, portsStep, type TakenModel, takeModel } from "./model-taking.js";
import { type AppRuns, checkQuantized } from "./quantize.js";
import type { DebianContext } from "./roots.js";

export interface PrepareOptions extends ModelPlace {
  readonly config: ModelConfig;
  readonly engine: CatalogRecipe;
  readonly catalog: Catalog;
  /** The step with what runs ONNX on the host. */
  readonly reference: string;
  readonly runs: AppRuns;
  /** A root of host programs, whose loader also starts the converter. */
  readonly hostTools: string;
  /** What the model runs on, and what compiles for it. */
  readonly board: Core;
  readonly tools: Toolchain;
}

export type ModelOptions = PrepareOptions & CheckOptions;

export interface PreparedModel extends TakenModel {
  /** The step that knows what the model takes and gives. */
  readonly ports: string;
  /** The model's folder on the device. */
  readonly folder: string;
  /** The engine's files in that folder, by role: of each shape, where they are made one by one. */
  readonly engineFiles: readonly Readonly<Record<string, string>>[];
}

export interface ModelSteps extends Pick<PreparedModel, "ports" | "folder"> {
  /** Undefined when nothing here can run the engine. */
  readonly check: string | undefined;
  /** Undefined for a model that is not quantized, or has no inputs to measure it with. */
  readonly loss: string | undefined;
  /** Undefined for a model that is not quantized, or not judged by what the app answers. */
  readonly accuracy: string | undefined;
  /** Undefined for a model that is not quantized. */
  readonly quantized: string | undefined;
  /** Adds the check on what all engines can run: the shapes that one of fixed shapes is given. */
  readonly common: () => CheckSteps & { readonly ports: string };
  /** Inputs and entries that bring the project's further files beside the model. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly entries: readonly AssembleEntry[];
}

/** Takes and converts one model. */
export function prepareModel(context: DebianContext, options: PrepareOptions): PreparedModel {
  const { name, config, engine, catalog } = options;
  const { recipe } = engine;
  if (config.quantize !== undefined) checkQuantized(name, config.quantize, engine, catalog.engines.values());
  const taken = takeModel(context, options);
  const { format, about, why } = taken;
  const { accepts } = recipe.model;
  const path = conversionPath(catalog.converters, { model: name, from: format, engine: recipe.title, accepts });
  const declared = declaredInputs(config);
  checkFixed(name, declared);
  const job = { taken, path };
  const portsOf = (of: PortsJob) => portsStep(context, options, taken, of);
  const whole = (shapes: Readonly<Record<string, ShapeSet>>): PreparedModel => {
    const ports = portsOf({ declared: shapes });
    const { step, files } = folderStep(context, options, { ...job, ports });
    return { ...taken, ports, folder: step, engineFiles: [files] };
  };
  if (!path.some(({ converter }) => converter.shapes === "fixed")) return whole(allowedShapes(declared));
  const variants = fixedShapes(name, declared);
  if (variants.length === 1) return whole(together(variants));
  const ports = portsOf({ declared: together(variants), together: true });
  const folders = variants.map((one, index) => {
    const shape = { index, text: Object.values(one).map(shapeText).join(", ") };
    const own = portsOf({ declared: together([one]), at: endsOf(shape) });
    return folderStep(context, options, { ...job, ports: own, shape });
  });
  const folder = context.plan.add({
    id: `model/${name}`,
    kind: "model-shapes",
    about,
    title: `Join the ${variants.length} shapes of model ${name}`,
    why,
    inputs: { ports, ...Object.fromEntries(folders.map(({ step }, index) => [`shape${index}`, step])) },
    materials: folders.map((_, index) => ({ input: `shape${index}` })),
    params: { engine: recipe.name, count: folders.length, options: modelSettings(options) },
  });
  const engineFiles = folders.map(({ files }, index) =>
    Object.fromEntries(Object.entries(files).map(([role, file]) => [role, `${index}/${file}`])),
  );
  return { ...taken, ports, folder, engineFiles };
}

/** One of several shapes that a model is converted for, each by itself. */
interface OneShape {
  readonly index: number;
  /** For people: `1x3x320x320`. */
  readonly text: string;
}

/** The end of a step's name for one of several shapes, and of its title. */
function endsOf(shape: OneShape | undefined): { readonly id: string; readonly title: string } {
  return shape === undefined ? { id: "", title: "" } : { id: `/${shape.index}`, title: ` at ${shape.text}` };
}

/** Adds the steps that convert a model and make its folder for the device. */
function folderStep(
  context: DebianContext,
  options: PrepareOptions,
  job: {
    readonly taken: TakenModel;
    readonly ports: string;
    readonly path: readonly CatalogConverter[];
    readonly shape?: OneShape;
  },
): { readonly step: string; readonly files: Readonly<Record<string, string>> } {
  const { name, engine } = options;
  const { recipe } = engine;
  const { taken, ports, path } = job;
  const { format, about, why } = taken;
  const at = endsOf(job.shape);
  const files = path.reduce<FormatFiles>(
    (from, converter) =>
      conversionStep(context, converter, from, {
        ...options,
        ...{ model: name, why, engine: recipe.title, ports, about, at },
      }),
    taken.files,
  );
  // A model that nothing converted keeps its format's ending.
  const named = namedFiles(files, path.length === 0 ? `${name}.${format}` : undefined);
  const step = context.plan.add({
    id: `model/${name}${at.id}`,
    kind: "model",
    about,
    title: `Prepare model ${name} for ${recipe.title}${at.title}`,
    why,
    inputs: { ports, files: files.step },
    materials: [{ input: "files" }],
    params: {
      engine: recipe.name,
      files: named,
      ...(files.blobs?.inputBlob === undefined ? {} : { inputBlob: files.blobs.inputBlob }),
      ...(files.blobs?.outputBlob === undefined ? {} : { outputBlob: files.blobs.outputBlob }),
      options: modelSettings(options),
    },
  });
  return { step, files: Object.fromEntries(Object.entries(named).map(([role, { to }]) => [role, to])) };
}

/** Options for model.edge: the engine's, and the project's. */
function modelSettings({ config, engine }: PrepareOptions): Readonly<Record<string, string | number>> {
  const { threads } = config;
  return { ...engine.recipe.model.options, ...(threads === undefined ? {} : { "threads-max": threads }) };
}

/** A model's files by role, with their names on the device. */
function namedFiles({ files }: FormatFiles, name: string | undefined) {
  return Object.fromEntries(Object.entries(files).map(([role, from]) => [role, { from, to: name ?? from }]));
}

/** What the project declares of a model's inputs. */
function declaredInputs({ inputs }: ModelConfig): Readonly<Record<string, DeclaredInput>> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([input, told]): [string, DeclaredInput][] => {
      if ("dims" in told) return [[input, { allowed: { dims: told.dims }, fixed: told.fixed }]];
      return "shapes" in told ? [[input, { allowed: { shapes: told.shapes } }]] : [];
    }),
  );
}

function allowedShapes(declared: Readonly<Record<string, DeclaredInput>>): Readonly<Record<string, ShapeSet>> {
  return Object.fromEntries(Object.entries(declared).map(([input, { allowed }]) => [input, allowed]));
}

/** Takes, converts and checks one model, where there is something to run it on. */
export function modelSteps(context: DebianContext, options: ModelOptions): ModelSteps {
  const prepared = prepareModel(context, options);
  const { ports, folder } = prepared;
  const instead = unconverting(options, prepared.format);
  const isRun = options.engine.recipe.supports.accelerators.length === 0;
  const check = isRun ? checkSteps(context, options, { ...prepared, instead, prefix: "model" }).check : undefined;
  const common = () => {
    const of = { ...prepared, ports: commonPorts(context, options, prepared), instead, prefix: "bench" } as const;
    return { ports: of.ports, ...checkSteps(context, options, of) };
  };
  const { loss, accuracy, quantized } = prepared;
  return { folder, ports, check, loss, accuracy, quantized, common, ...besides(context, options) };
}

/** The step with a model's ports in the shapes that an engine of fixed shapes is given, so that all engines run the same. */
function commonPorts(context: DebianContext, options: PrepareOptions, prepared: PreparedModel): string {
  const declared = declaredInputs(options.config);
  const counts = Object.values(declared).map(({ allowed }) => ("shapes" in allowed ? allowed.shapes.length : 1));
  if (counts.length === 0 || Math.max(...counts) > fixedLimit) return prepared.ports;
  const variants = fixedShapes(options.name, declared);
  return portsStep(context, options, prepared, {
    declared: together(variants),
    ...(variants.length === 1 ? {} : { together: true }),
    at: { id: "/bench", title: " for comparison" },
  });
}

/** The other engines of the catalog that take a model of this format for this board as it is. */
function unconverting(
  { catalog, board, engine }: Pick<ModelOptions, "catalog" | "board" | "engine">,
  format: string,
): string[] {
  const fits = [...catalog.engines.values()].filter(
    ({ recipe: { name, supports, model } }) =>
      name !== engine.recipe.name &&
      supports.arch.includes(board.arch) &&
      supports.accelerators.length === 0 &&
      model.accepts.includes(format),
  );
  // What the others are compared with comes first.
  const names = fits.map(({ recipe }) => recipe.name);
  return names.sort((a, b) => Number(b === hostReference) - Number(a === hostReference));
}

/** What models put into a root, below their names. */
export function modelFiles(
  models: readonly ({ readonly name: string } & Pick<ModelSteps, "folder" | "inputs" | "entries">)[],
): Pick<ModelSteps, "inputs" | "entries"> {
  return {
    inputs: {
      ...Object.fromEntries(models.map(({ name, folder }) => [`model/${name}`, folder])),
      ...Object.assign({}, ...models.map(({ inputs }) => inputs)),
    },
    entries: models.flatMap(({ name, entries }): AssembleEntry[] => [
      { type: "tree", path: `models/${name}`, from: { input: `model/${name}`, path: "" } },
      ...entries,
    ]),
  };
}
