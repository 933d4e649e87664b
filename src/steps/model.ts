import { access, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { recipe as recipeSchema } from "../catalog/recipe-schema.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { resolveInputs, resolveOutputs } from "../model/inputs.js";
import { inspectOnnx } from "../model/reference.js";
import { isDynamic, traceShapes } from "../model/shapes.js";
import { renderSidecar, type SidecarInput } from "../model/sidecar.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

const dimension = z.strictObject({ min: z.int(), max: z.int(), step: z.int() });
export const shapeSet = z.union([
  z.strictObject({ dims: z.array(dimension) }),
  z.strictObject({ shapes: z.array(z.array(z.int())) }),
]);

const modelParams = z.strictObject({
  name: z.string(),
  engine: z.string(),
  model: recipeSchema.shape.model,
  declared: z.record(z.string(), shapeSet),
  threads: z.int().optional(),
  /** The loader and library folders that a foreign host program is started with, within the `tools` input. */
  host: z.strictObject({ loader: z.string(), libraries: z.string() }),
});
type ModelParams = z.infer<typeof modelParams>;

/**
 * Makes one model's folder for the device: the engine's own files and `model.edge`. The ONNX file is first read by onnxruntime, which
 * knows the format best; then it is copied, or translated by the engine's converter.
 */
export const modelKind = defineKind({
  name: "model",
  version: 1,
  params: modelParams,
  async run(params, context) {
    const { name, engine, model } = params;
    const onnx = join(inputFolder(context.inputs, "onnx"), "model.onnx");
    const found = await inspectOnnx({
      runtime: inputFolder(context.inputs, "reference"),
      model: onnx,
      name: `model ${name}`,
      signal: context.services.signal,
    });
    const inputs = resolveInputs(name, found.inputs, params.declared);
    const outputs = resolveOutputs(name, found.outputs);
    const files =
      model.converter === undefined
        ? await native(params, onnx, context)
        : await convert(params, { onnx, inputs, context });
    const blob = (pattern: string | undefined, index: number) =>
      pattern === undefined ? {} : { blob: pattern.replace("{index}", String(index)) };
    const sidecar = renderSidecar({
      engine,
      files,
      inputs: inputs.map((input, index) => ({ ...input, ...blob(model.converter?.inputBlob, index) })),
      outputs: outputs.map((output, index) => ({ ...output, ...blob(model.converter?.outputBlob, index) })),
      options: { ...model.options, ...(params.threads === undefined ? {} : { "threads-max": params.threads }) },
    });
    await writeFile(join(context.out, "model.edge"), sidecar);
  },
});

async function native(
  { name, engine, model }: ModelParams,
  onnx: string,
  { out }: StepContext,
): Promise<Record<string, string>> {
  if (model.native === undefined) throw new Error(`recipe ${engine} has neither a converter nor a native format`);
  const file = `${name}${model.native.suffix}`;
  await copyFile(onnx, join(out, file));
  return { [model.native.role]: file };
}

interface Conversion {
  readonly onnx: string;
  readonly inputs: readonly SidecarInput[];
  readonly context: StepContext;
}

/** Runs the engine's converter in a folder of its own, on a copy of the model. */
async function convert(
  { name, model, host }: ModelParams,
  { onnx, inputs, context }: Conversion,
): Promise<Record<string, string>> {
  const { converter } = model;
  if (converter === undefined) throw new Error("no converter");
  const work = join(context.work, "convert");
  await mkdir(work, { recursive: true });
  const copy = join(work, `${name}.onnx`);
  await copyFile(onnx, copy);
  const fill = (text: string) =>
    text
      .replaceAll("{model}", copy)
      .replaceAll("{out}", context.out)
      .replaceAll("{work}", work)
      .replaceAll("{name}", name);
  const args = [...converter.args.map(fill), ...traceArguments(converter, name, inputs)];
  const tools = join(inputFolder(context.inputs, "tools"), "root");
  const program = join(inputFolder(context.inputs, "converter"), converter.program);
  const result = await execa(
    join(tools, host.loader),
    ["--library-path", join(tools, host.libraries), program, ...args],
    {
      cwd: work,
      env: { PATH: "", LC_ALL: "C", HOME: work },
      extendEnv: false,
      reject: false,
      all: true,
      cancelSignal: context.services.signal,
    },
  );
  context.services.signal.throwIfAborted();
  const files = Object.fromEntries(
    Object.entries(converter.files).map(([role, file]) => [role, file.replaceAll("{name}", name)]),
  );
  const lines = String(result.all ?? "")
    .split("\n")
    .filter((line) => line.trim() !== "");
  const missing = await firstMissing(context.out, Object.values(files));
  if (result.exitCode !== 0 || missing !== undefined) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_CONVERSION",
      `Model ${name} cannot be converted${missing === undefined ? "" : `: the converter wrote no ${missing}`}.`,
      {
        details: lines.slice(-6),
        hint: "Try another engine (`edgeimg engines`), or export the model with another opset.",
      },
    );
  }
  await refuseUnconverted({ name, converter, files, out: context.out });
  return files;
}

type Converter = NonNullable<ModelParams["model"]["converter"]>;

/** What a tracing converter is told of the inputs' shapes. */
function traceArguments({ trace }: Converter, name: string, inputs: readonly SidecarInput[]): string[] {
  if (trace === undefined) return [];
  const dynamic = inputs.some((input) => isDynamic(input.allowed));
  const shown = (index: 0 | 1) =>
    inputs
      .map((input) => {
        const type = trace.types[input.type];
        if (type === undefined) {
          throw new EdgeimgError(
            "ERR_EDGEIMG_MODEL_OPERATOR",
            `Model ${name}: input ${input.name} has elements of type ${input.type}, which this engine does not take.`,
            {
              hint: "Choose another engine (`edgeimg engines`).",
            },
          );
        }
        const [first, second = first] = traceShapes(input.allowed);
        return trace.input.replace("{sizes}", (index === 0 ? first : second).join(",")).replace("{type}", type);
      })
      .join(trace.separator);
  const [first = "", second] = trace.args;
  const args = [first.replace("{shapes}", shown(0))];
  if (dynamic && second !== undefined) args.push(second.replace("{shapes}", shown(1)));
  return args;
}

async function refuseUnconverted(job: {
  name: string;
  converter: Converter;
  files: Readonly<Record<string, string>>;
  out: string;
}): Promise<void> {
  const { unconverted } = job.converter;
  if (unconverted === undefined) return;
  const text = await readFile(join(job.out, job.files[unconverted.role] ?? ""), "utf8");
  const pattern = new RegExp(unconverted.line);
  const found = text.split("\n").flatMap((line) => {
    const { operator, layer } = pattern.exec(line)?.groups ?? {};
    return operator === undefined ? [] : [`${operator}${layer === undefined ? "" : ` (layer ${layer})`}`];
  });
  const [first, ...others] = found;
  if (first === undefined) return;
  throw new EdgeimgError("ERR_EDGEIMG_MODEL_OPERATOR", `Model ${job.name}: the engine cannot run ${first}.`, {
    details: others.slice(0, 8),
    hint: "Choose an engine that knows the operator, such as onnxruntime (`--engine onnxruntime`), or change the model.",
  });
}

async function firstMissing(folder: string, files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const there = await access(join(folder, file)).then(
      () => true,
      () => false,
    );
    if (!there) return file;
  }
  return undefined;
}
