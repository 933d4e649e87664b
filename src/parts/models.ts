import type { Catalog, CatalogConverter, CatalogRecipe } from "../catalog/catalog.js";
import { hostReference } from "../catalog/check.js";
import type { ModelConfig } from "../config/model-schema.js";
import { type DeclaredInput, fixedShapes, together } from "../model/fixed-shapes.js";
import { type ShapeSet, shapeText } from "../model/shapes.js";
import type { AssembleEntry } from "../steps/assemble.js";
import { conversionPath, conversionStep, type FormatFiles } from "./conversion.js";
import { type CheckOptions, checkSteps } from "./model-check.js";
import { besides, locate, type ModelPlace } from "./model-source.js";
import type { DebianContext } from "./roots.js";

export interface PrepareOptions extends ModelPlace {
  readonly config: ModelConfig;
  readonly engine: CatalogRecipe;
  readonly catalog: Catalog;
  /** The step with what runs ONNX on the host. */
  readonly reference: string;
  /** A root of host programs, whose loader also starts the converter. */
  readonly hostTools: string;
}

export type ModelOptions = PrepareOptions & CheckOptions;

export interface PreparedModel {
  readonly onnx: string;
  /** The step that knows what the model takes and gives. */
  readonly ports: string;
  /** The model's folder on the device. */
  readonly folder: string;
}

export interface ModelSteps extends Pick<PreparedModel, "ports" | "folder"> {
  readonly check: string;
  /** Inputs and entries that bring the project's further files beside the model. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly entries: readonly AssembleEntry[];
}

/** Takes and converts one model. */
export function prepareModel(context: DebianContext, options: PrepareOptions): PreparedModel {
  const { plan } = context;
  const { name, config, engine } = options;
  const { recipe } = engine;
  const why = `the app loads the model "${name}"`;
  const source = locate(context, options, {
    location: config.onnx,
    id: `model-source/${name}`,
    why,
    about: ["models", name, "onnx"],
    model: `Model ${name}`,
  });
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
  const { accepts } = recipe.model;
  const path = conversionPath(options.catalog.converters, { model: name, from: "onnx", engine: recipe.title, accepts });
  const variants = fixedShapes(name, declaredInputs(config));
  const job = { onnx, path, why };
  if (!path.some(({ converter }) => converter.shapes === "fixed")) {
    const ports = portsStep(context, options, { ...job, declared: declaredShapes(config) });
    return { onnx, ports, folder: folderStep(context, options, { ...job, ports }) };
  }
  if (variants.length === 1) {
    const ports = portsStep(context, options, { ...job, declared: together(variants) });
    return { onnx, ports, folder: folderStep(context, options, { ...job, ports }) };
  }
  const ports = portsStep(context, options, { ...job, declared: together(variants), together: true });
  const folders = variants.map((one, index) => {
    const shape = { index, text: Object.values(one).map(shapeText).join(", ") };
    const own = portsStep(context, options, { ...job, declared: together([one]), shape });
    return folderStep(context, options, { ...job, ports: own, shape });
  });
  const folder = plan.add({
    id: `model/${name}`,
    kind: "model-shapes",
    about: ["models", name, "onnx"],
    title: `Join the ${variants.length} shapes of model ${name}`,
    why,
    inputs: { ports, ...Object.fromEntries(folders.map((step, index) => [`shape${index}`, step])) },
    materials: folders.map((_, index) => ({ input: `shape${index}` })),
    params: { engine: recipe.name, count: folders.length, options: modelSettings(options) },
  });
  return { onnx, ports, folder };
}

/** One of several shapes that a model is converted for, each by itself. */
interface OneShape {
  readonly index: number;
  /** For people: `1x3x320x320`. */
  readonly text: string;
}

interface ModelJob {
  readonly onnx: string;
  readonly why: string;
  readonly shape?: OneShape;
}

/** The end of a step's name for one of several shapes, and of its title. */
const idEnd = (shape: OneShape | undefined) => (shape === undefined ? "" : `/${shape.index}`);
const titleEnd = (shape: OneShape | undefined) => (shape === undefined ? "" : ` at ${shape.text}`);

/** Adds the step that knows what a model takes and gives, with the shapes that are declared. */
function portsStep(
  { plan }: DebianContext,
  { name, reference }: PrepareOptions,
  job: ModelJob & { readonly declared: Readonly<Record<string, ShapeSet>>; readonly together?: boolean },
): string {
  const { onnx, why, declared, shape, together } = job;
  return plan.add({
    id: `model-ports/${name}${idEnd(shape)}`,
    kind: "model-ports",
    about: ["models", name, "onnx"],
    title: `Read what model ${name} takes and gives${titleEnd(shape)}`,
    why,
    inputs: { onnx, reference },
    params: { name, declared, ...(together === undefined ? {} : { together }) },
  });
}

/** Adds the steps that convert a model and make its folder for the device. */
function folderStep(
  context: DebianContext,
  options: PrepareOptions,
  job: ModelJob & { readonly ports: string; readonly path: readonly CatalogConverter[] },
): string {
  const { name, engine } = options;
  const { recipe } = engine;
  const { onnx, ports, path, why, shape } = job;
  const files = path.reduce<FormatFiles>(
    (from, converter) =>
      conversionStep(context, converter, from, {
        ...options,
        ...{ model: name, why, engine: recipe.title, ports },
        ...(shape === undefined ? {} : { at: { id: idEnd(shape), title: titleEnd(shape) } }),
      }),
    { step: onnx, files: { model: "model.onnx" } },
  );
  return context.plan.add({
    id: `model/${name}${idEnd(shape)}`,
    kind: "model",
    about: ["models", name, "onnx"],
    title: `Prepare model ${name} for ${recipe.title}${titleEnd(shape)}`,
    why,
    inputs: { ports, files: files.step },
    materials: [{ input: "files" }],
    params: {
      engine: recipe.name,
      // A model that nothing converted keeps its format's ending.
      files: namedFiles(files, path.length === 0 ? `${name}.${recipe.model.accepts[0]}` : undefined),
      ...(files.blobs?.inputBlob === undefined ? {} : { inputBlob: files.blobs.inputBlob }),
      ...(files.blobs?.outputBlob === undefined ? {} : { outputBlob: files.blobs.outputBlob }),
      options: modelSettings(options),
    },
  });
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

/** The shapes that the project gives a model's inputs. */
function declaredShapes(config: ModelConfig): Readonly<Record<string, ShapeSet>> {
  return Object.fromEntries(Object.entries(declaredInputs(config)).map(([input, { allowed }]) => [input, allowed]));
}

/** Takes, converts and checks one model. */
export function modelSteps(context: DebianContext, options: ModelOptions): ModelSteps {
  const { onnx, ports, folder } = prepareModel(context, options);
  const check = checkSteps(context, options, {
    onnx,
    ports,
    folder,
    instead: unconverting(options),
  });
  return { folder, ports, check, ...besides(context, options) };
}

/** The other engines of the catalog that take an ONNX file for this board as it is. */
function unconverting({ catalog, board, engine }: Pick<ModelOptions, "catalog" | "board" | "engine">): string[] {
  const fits = [...catalog.engines.values()].filter(
    ({ recipe: { name, supports, model } }) =>
      name !== engine.recipe.name && supports.arch.includes(board.arch) && model.accepts.includes("onnx"),
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
