import type { Catalog, CatalogRecipe } from "../catalog/catalog.js";
import { hostReference } from "../catalog/check.js";
import type { ModelConfig } from "../config/model-schema.js";
import type { ShapeSet } from "../model/shapes.js";
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
  const ports = plan.add({
    id: `model-ports/${name}`,
    kind: "model-ports",
    about: ["models", name, "onnx"],
    title: `Read what model ${name} takes and gives`,
    why,
    inputs: { onnx, reference: options.reference },
    params: { name, declared: declaredShapes(config) },
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
      files: namedFiles(files, path.length === 0 ? `${name}.${accepts[0]}` : undefined),
      ...(files.blobs?.inputBlob === undefined ? {} : { inputBlob: files.blobs.inputBlob }),
      ...(files.blobs?.outputBlob === undefined ? {} : { outputBlob: files.blobs.outputBlob }),
      options: { ...settings, ...(config.threads === undefined ? {} : { "threads-max": config.threads }) },
    },
  });
  return { onnx, ports, folder };
}

/** A model's files by role, with their names on the device. */
function namedFiles({ files }: FormatFiles, name: string | undefined) {
  return Object.fromEntries(Object.entries(files).map(([role, from]) => [role, { from, to: name ?? from }]));
}

/** The shapes that the project gives a model's inputs. */
function declaredShapes({ inputs }: ModelConfig): Readonly<Record<string, ShapeSet>> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([input, told]): [string, ShapeSet][] => {
      if ("dims" in told) return [[input, { dims: told.dims }]];
      return "shapes" in told ? [[input, { shapes: told.shapes }]] : [];
    }),
  );
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
