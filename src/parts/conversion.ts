import { architectures } from "../catalog/architecture.js";
import type { Catalog, CatalogConverter } from "../catalog/catalog.js";
import type { Converter } from "../catalog/converter.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { nearest } from "../errors/nearest.js";
import type { Core } from "../image/request.js";
import { compilerCommand, type Toolchain } from "./compile.js";
import type { DebianContext } from "./roots.js";
import { localRecipe } from "./runtime.js";
import type { SysrootSources } from "./sysroot.js";
import { type NamedTool, toolCommand } from "./tools.js";

/** A model's files of one format, as a step's tree. */
export interface FormatFiles {
  readonly step: string;
  /** Role -> path in the tree. */
  readonly files: Readonly<Record<string, string>>;
  /** Names that the format gives to ports, or the one before it where a converter tells none; see recipes/converters. */
  readonly blobs?: Pick<Converter, "inputBlob" | "outputBlob">;
}

/** The converters that lead from a format to the first of an engine's that can be reached, by the fewest steps; undefined when none can. */
export function findPath(
  converters: Catalog["converters"],
  { from, accepts }: { readonly from: string; readonly accepts: readonly string[] },
): readonly CatalogConverter[] | undefined {
  const sorted = [...converters.values()].sort((a, b) => (a.converter.name < b.converter.name ? -1 : 1));
  const paths = new Map<string, readonly CatalogConverter[]>([[from, []]]);
  const queue = [from];
  for (let format = queue.shift(); format !== undefined; format = queue.shift()) {
    for (const one of sorted) {
      if (one.converter.from !== format || paths.has(one.converter.to)) continue;
      paths.set(one.converter.to, [...(paths.get(format) ?? []), one]);
      queue.push(one.converter.to);
    }
  }
  for (const format of accepts) {
    const path = paths.get(format);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** The same, which is none for an engine that reads the format itself. Throws ERR_EDGEIMG_MODEL_FORMAT when nothing leads there. */
export function conversionPath(
  converters: Catalog["converters"],
  job: { readonly model: string; readonly from: string; readonly engine: string; readonly accepts: readonly string[] },
): readonly CatalogConverter[] {
  const found = findPath(converters, job);
  if (found !== undefined) return found;
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_FORMAT",
    `Model ${job.model} is ${job.from}, and nothing makes what ${job.engine} reads of it: ${job.accepts.join(", ")}.`,
    {
      key: ["models", job.model, job.from === "onnx" ? "onnx" : "format"],
      hint: "Choose another engine, give the model in that format, or add a converter (docs/engines.md).",
    },
  );
}

/** Whether there are converters from a format to one that is accepted, or it is one itself. */
export function readsFormat(
  converters: Catalog["converters"],
  job: { readonly from: string; readonly accepts: readonly string[] },
): boolean {
  return findPath(converters, job) !== undefined;
}

/** A converter's tool. Throws ERR_EDGEIMG_CATALOG_INVALID when it names one that is not there. */
export function toolOf({ tools }: Pick<Catalog, "tools">, { converter, folder }: CatalogConverter): NamedTool {
  const { name, tool } = converter;
  if (typeof tool !== "string") return { name, environment: tool, folder, local: converterLocal(converter) };
  const found = tools.get(tool);
  if (found !== undefined)
    return { name: tool, environment: found.tool.environment, folder: found.folder, local: `tools/${tool}` };
  const close = nearest(tool, [...tools.keys()]);
  throw new EdgeimgError(
    "ERR_EDGEIMG_CATALOG_INVALID",
    `The converter ${name} names the tool ${tool}, which is not there.`,
    {
      hint: close === undefined ? "Add recipes/tools/NAME/tool.yaml." : `Did you mean ${close}?`,
    },
  );
}

const converterLocal = ({ name }: Pick<Converter, "name">): string => `converters/${name}`;

export interface ConversionOptions {
  /** The model's name in the project. */
  readonly model: string;
  readonly why: string;
  /** The engine's title, for messages. */
  readonly engine: string;
  readonly catalog: Pick<Catalog, "tools"> & SysrootSources;
  /** The root whose loader starts programs out of archives. */
  readonly hostTools: string;
  /** The step that knows the model's ports. */
  readonly ports: string;
  /** What tells one of several shapes from the others: the ends of the step's name and of its title. */
  readonly at?: { readonly id: string; readonly title: string };
  /** The key of the project that names the model's file. */
  readonly about: readonly string[];
  /** What it is converted for, and what compiles for it. */
  readonly board: Core;
  readonly tools: Toolchain;
}

/** Adds the step in which one converter works on a model. */
export function conversionStep(
  context: DebianContext,
  one: CatalogConverter,
  source: FormatFiles,
  options: ConversionOptions,
): FormatFiles {
  const { model, engine, catalog, hostTools, at = { id: "", title: "" } } = options;
  const { converter, folder } = one;
  const script =
    converter.script === undefined
      ? undefined
      : { step: localRecipe(context, converterLocal(converter), folder), path: converter.script };
  const tool = toolCommand(context, { ...toolOf(catalog, one), catalog, hostTools, script });
  const files = Object.fromEntries(
    Object.entries(converter.outputs).map(([role, file]) => [role, file.replaceAll("{name}", model)]),
  );
  const { unconverted, trace } = converter;
  const compiler = converter.toolchain ? compilerCommand(context, options) : undefined;
  const step = context.plan.add({
    id: `convert/${converter.name}/${model}${at.id}`,
    kind: "run",
    about: options.about,
    title: `Convert model ${model} with ${converter.title}${at.title}`,
    why: options.why,
    inputs: {
      model: source.step,
      ...(trace === undefined ? {} : { ports: options.ports }),
      ...tool.inputs,
      ...compiler?.inputs,
    },
    materials: [{ input: "model" }],
    params: {
      copies: { model: "model" },
      folders: ["tmp"],
      env: tool.env,
      ...(compiler === undefined ? {} : { path: compiler.path }),
      commands: [[...tool.command, ...converterArguments(one, source, { ...options, compiler: compiler?.command })]],
      outputs: Object.values(files),
      ...(trace === undefined ? {} : { late: { ports: "ports", trace, model } }),
      ...(unconverted === undefined
        ? {}
        : { refuse: { file: files[unconverted.role] ?? "", line: unconverted.line, model, engine } }),
      failure: {
        code: "ERR_EDGEIMG_MODEL_CONVERSION",
        message: `Model ${model} cannot be converted for ${engine}`,
        hint: `If the last lines name a shape or a dimension, declare sizes under models.${model}.inputs that the network accepts; else build with an engine that reads the file unconverted (\`edgeimg engines\`), or export the model with another opset.`,
      },
    },
  });
  return { step, files, blobs: portNames(converter, source.blobs) };
}

/** What a converter's result calls its ports: as the file before it did, where the converter tells nothing. */
export function portNames(
  { inputBlob, outputBlob }: Pick<Converter, "inputBlob" | "outputBlob">,
  before: FormatFiles["blobs"],
): Pick<Converter, "inputBlob" | "outputBlob"> {
  return { inputBlob: inputBlob ?? before?.inputBlob, outputBlob: outputBlob ?? before?.outputBlob };
}

/** A converter's arguments for one model; {cc} becomes several. */
function converterArguments(
  { converter }: CatalogConverter,
  { files }: FormatFiles,
  {
    model,
    board,
    compiler,
  }: Pick<ConversionOptions, "model" | "board"> & { readonly compiler?: readonly string[] | undefined },
): string[] {
  const { triplet } = architectures[board.arch];
  return converter.args.flatMap((text) =>
    text === "{cc}" && compiler !== undefined
      ? compiler
      : [fillArgument(text, model, files).replaceAll("{cpu}", board.cpu).replaceAll("{triplet}", triplet)],
  );
}

/** {model} is the file of role `model`, or the only one; {model.ROLE} that of another. All are paths in the step's folder. */
function fillArgument(text: string, name: string, files: FormatFiles["files"]): string {
  const [only] = Object.values(files);
  const fileOf = (role: string) => `model/${files[role] ?? (role === "model" ? only : undefined) ?? ""}`;
  return text
    .replace(/\{model(?:\.([a-z0-9-]+))?\}/g, (_, role: string | undefined) => fileOf(role ?? "model"))
    .replaceAll("{out}", "{cwd}/out")
    .replaceAll("{work}", "{cwd}/tmp")
    .replaceAll("{name}", name);
}
