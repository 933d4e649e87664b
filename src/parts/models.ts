import type { Catalog, CatalogRecipe } from "../catalog/catalog.js";
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
  return { onnx, ports, folder };
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
  return fits.map(({ recipe }) => recipe.name);
}
