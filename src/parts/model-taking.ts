import type { Catalog } from "../catalog/catalog.js";
import { type GivenModel, givenModel, type ModelConfig } from "../config/model-schema.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { declaredPorts } from "../model/declared-ports.js";
import type { ShapeSet } from "../model/shapes.js";
import type { FormatFiles } from "./conversion.js";
import { locate, type ModelPlace } from "./model-source.js";
import { type AppRuns, quantizeSteps } from "./quantize.js";
import type { DebianContext } from "./roots.js";

/** A model as the project gives it, before anything converts it. */
export interface TakenModel {
  readonly format: string;
  readonly files: FormatFiles;
  /** The step with `model.onnx`; undefined for a model of another format, which nothing on the host can run. */
  readonly onnx: string | undefined;
  /** The step that measures what it loses by being quantized, where it is, and that can be measured. */
  readonly loss?: string | undefined;
  /** The step that compares what the app answers, where it is quantized and judged by that. */
  readonly accuracy?: string | undefined;
  /** The step that makes it one of whole numbers, and tells how (`layers.json`), where it is quantized. */
  readonly quantized?: string | undefined;
  /** The key of the project that names the model's file. */
  readonly about: readonly string[];
  readonly why: string;
}

interface TakeOptions extends ModelPlace {
  readonly config: ModelConfig;
  readonly catalog: Pick<Catalog, "reference" | "converters">;
  /** The step with what runs ONNX on the host. */
  readonly reference: string;
  readonly runs: AppRuns;
}

/** Takes a model's file. Throws ERR_EDGEIMG_MODEL_FORMAT. */
export function takeModel(context: DebianContext, options: TakeOptions): TakenModel {
  const job = takeJob(context, options);
  return job.given.format === "onnx" ? takeOnnx(context, options, job) : takeOther(context, options, job);
}

/** An ONNX model as it is given, whatever the project would make of it: the step with `model.onnx`. Undefined for another format. */
export function takeFloat(context: DebianContext, options: TakeOptions): string | undefined {
  const job = takeJob(context, options);
  return job.given.format === "onnx" ? floatStep(context, options, job) : undefined;
}

function takeJob(context: DebianContext, options: TakeOptions): TakeJob {
  const given = givenModel(options.config);
  const why = `the app loads the model "${options.name}"`;
  const about = ["models", options.name, given.key];
  const source = locate(context, options, {
    location: given.location,
    id: `model-source/${options.name}`,
    why,
    about,
    ...(given.format === "onnx" ? { model: `Model ${options.name}` } : {}),
  });
  return { source, given, why, about };
}

interface TakeJob {
  readonly source: { readonly step: string; readonly path: string };
  readonly given: GivenModel;
  readonly why: string;
  readonly about: readonly string[];
}

function takeOnnx(context: DebianContext, options: TakeOptions, job: TakeJob): TakenModel {
  const { why, about } = job;
  const { quantize } = options.config;
  const float = floatStep(context, options, job);
  const taken = { format: "onnx", about, why };
  if (quantize === undefined) return { ...taken, files: { step: float, files: { model: "model.onnx" } }, onnx: float };
  const { quantized, ...measured } = quantizeSteps(context, { ...options, quantize, onnx: float });
  return {
    ...taken,
    files: { step: quantized, files: { model: "model.onnx" } },
    onnx: quantized,
    ...measured,
    quantized,
  };
}

/** Adds the step with an ONNX file as it is given, `model.onnx`. */
function floatStep({ plan }: DebianContext, options: TakeOptions, { source, why, about }: TakeJob): string {
  const { name, catalog } = options;
  const { version, newest } = catalog.reference;
  return plan.add({
    id: `model-onnx/${name}`,
    kind: "onnx",
    about,
    title: `Take the ONNX file of ${name}`,
    why,
    inputs: { source: source.step },
    params: { name, path: source.path, newest: { version, ...newest } },
  });
}

/** A file that nothing on the host reads. */
function takeOther({ plan }: DebianContext, options: TakeOptions, { source, given, why, about }: TakeJob): TakenModel {
  const { name, catalog } = options;
  const { format } = given;
  const file = plan.add({
    id: `model-file/${name}`,
    kind: "model-file",
    about,
    title: `Take the ${format} file of ${name}`,
    why,
    inputs: { source: source.step },
    params: { name, format, path: source.path },
  });
  const files = { [roleOf(catalog.converters, name, format)]: `model.${format}` };
  return { format, files: { step: file, files }, onnx: undefined, about, why };
}

/** What the only file of a format is called in model.edge: as the converters that make it call it. */
function roleOf(converters: Catalog["converters"], model: string, format: string): string {
  const made = [...converters.values()].find(({ converter }) => converter.to === format);
  const [role = "model", ...more] = Object.keys(made?.converter.outputs ?? {}).sort();
  if (more.length === 0) return role;
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_FORMAT",
    `Model ${model}: a model of the format ${format} is several files (${[role, ...more].join(", ")}), and \`file\` is one.`,
    {
      key: ["models", model, "format"],
      hint: "Give the ONNX file that they were made of as `onnx: FILE`: the build converts it.",
    },
  );
}

/** The shapes that a step is told of a model's inputs. */
export interface PortsJob {
  readonly declared: Readonly<Record<string, ShapeSet>>;
  /** Whether the n-th shapes of all inputs go together. */
  readonly together?: boolean;
  /** The ends of the step's name and of its title, for one of several shapes. */
  readonly at?: { readonly id: string; readonly title: string };
}

/** Adds the step that knows what a model takes and gives, with the shapes that are declared. Throws ERR_EDGEIMG_MODEL_PORTS. */
export function portsStep(
  { plan }: DebianContext,
  { name, config, reference }: TakeOptions,
  { onnx, about, why }: TakenModel,
  job: PortsJob,
): string {
  const { declared, together, at = { id: "", title: "" } } = job;
  const id = `model-ports/${name}${at.id}`;
  if (onnx !== undefined)
    return plan.add({
      ...{ id, kind: "model-ports", about, why },
      title: `Read what model ${name} takes and gives${at.title}`,
      inputs: { onnx, reference },
      params: { name, declared, ...(together === undefined ? {} : { together }) },
    });
  // Only the project knows.
  const told = { ...declaredPorts(name, config, declared), ...(together === undefined ? {} : { together }) };
  return plan.add({
    ...{ id, kind: "compose", about: ["models", name, "inputs"], why },
    title: `Read what the project tells of model ${name}${at.title}`,
    inputs: {},
    params: { parts: [], files: { "ports.json": `${JSON.stringify(told, null, 1)}\n` } },
  });
}
