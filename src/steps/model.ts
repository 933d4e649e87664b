import { access, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { recipe as recipeSchema } from "../catalog/recipe.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import {
  convertedFiles,
  converterArguments,
  unconvertedError,
  unconvertedLayers,
  withBlobs,
} from "../model/converter.js";
import { resolveInputs, resolveOutputs } from "../model/inputs.js";
import { inspectOnnx } from "../model/reference.js";
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
    const runtime = inputFolder(context.inputs, "reference");
    const found = await inspectOnnx({ runtime, model: onnx, name: `model ${name}`, signal: context.services.signal });
    const inputs = resolveInputs(name, found.inputs, params.declared);
    const outputs = resolveOutputs(name, found.outputs);
    const files =
      model.converter === undefined
        ? await native(params, onnx, context)
        : await convert(params, { onnx, inputs, context });
    const sidecar = renderSidecar({
      engine,
      files,
      inputs: withBlobs(inputs, model.converter?.inputBlob),
      outputs: withBlobs(outputs, model.converter?.outputBlob),
      options: { ...model.options, ...(params.threads === undefined ? {} : { "threads-max": params.threads }) },
    });
    await writeFile(join(context.out, "model.edge"), sidecar);
  },
});

async function native(
  { name, engine, model }: ModelParams,
  onnx: string,
  { out }: StepContext,
): Promise<Readonly<Record<string, string>>> {
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
  { name, engine, model, host }: ModelParams,
  { onnx, inputs, context }: Conversion,
): Promise<Readonly<Record<string, string>>> {
  const { converter } = model;
  if (converter === undefined) throw new Error("no converter");
  const { out, services } = context;
  const work = join(context.work, "convert");
  await mkdir(work, { recursive: true });
  const copy = join(work, `${name}.onnx`);
  await copyFile(onnx, copy);
  const tools = join(inputFolder(context.inputs, "tools"), "root");
  const program = join(inputFolder(context.inputs, "converter"), converter.program);
  const args = converterArguments(converter, { name, model: copy, out, work, inputs });
  const result = await execa(
    join(tools, host.loader),
    ["--library-path", join(tools, host.libraries), program, ...args],
    {
      cwd: work,
      env: { PATH: "", LC_ALL: "C", HOME: work },
      extendEnv: false,
      reject: false,
      all: true,
      cancelSignal: services.signal,
    },
  );
  services.signal.throwIfAborted();
  const files = convertedFiles(converter, name);
  const missing = await firstMissing(out, Object.values(files));
  if (result.exitCode !== 0 || missing !== undefined) {
    const lines = String(result.all ?? "").split("\n");
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_CONVERSION",
      `Model ${name} cannot be converted for ${engine}${missing === undefined ? "" : `: the converter wrote no ${missing}`}.`,
      {
        details: lines.filter((line) => line.trim() !== "").slice(-6),
        hint: "Try another engine (`edgeimg engines`), or export the model with another opset.",
      },
    );
  }
  const { unconverted } = converter;
  if (unconverted !== undefined) {
    const text = await readFile(join(out, files[unconverted.role] ?? ""), "utf8");
    const layers = unconvertedLayers(text, unconverted.line);
    if (layers.length > 0) throw unconvertedError(name, engine, layers);
  }
  return files;
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
