import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hostReference } from "../catalog/check.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { captureProcess } from "../process/capture-process.js";
import { exactIntegers } from "./exact-integers.js";
import { readModel } from "./external-data.js";
import { onnxHostProgram } from "./onnx-host.js";
import { isElementType, type Tensor } from "./tensor.js";

/** An input or output of an ONNX model. */
export interface OnnxPort {
  readonly name: string;
  /** A type of ours where there is one (f32), else onnxruntime's word (bool); empty for what is no tensor. */
  readonly type: string;
  /** undefined: open in the model. */
  readonly shape: readonly (number | undefined)[];
}

export interface OnnxModel {
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

export interface ReferenceOptions {
  /** The unpacked npm package onnxruntime-node. It is not installed: only its native binding is loaded. */
  readonly runtime: string;
  /** The ONNX file. */
  readonly model: string;
  /** What messages call it; its path when absent. */
  readonly name?: string;
  readonly signal?: AbortSignal;
}

/** The native binding in what was unpacked for this machine, a file .node. Its folder also holds the library it loads. */
async function bindingPath(runtime: string): Promise<string> {
  const names = await readdir(runtime, { recursive: true }).catch(() => []);
  const [path, ...more] = names.filter((name) => name.endsWith(".node"));
  if (path !== undefined && more.length === 0) return join(runtime, path);
  throw cannotBeLoaded([`its folder holds ${path === undefined ? "no" : "more than one"} native binding`]);
}

/**
 * What an ONNX model takes and gives. Throws ERR_EDGEIMG_MODEL_NOT_ONNX, or ERR_EDGEIMG_MODEL_OPERATOR when
 * onnxruntime itself lacks one of its operators.
 */
export async function inspectOnnx(options: ReferenceOptions): Promise<OnnxModel> {
  const { inputs, outputs } = await ask(options, options.model, {}, []);
  return { inputs, outputs };
}

/** All outputs of a run in the model's order, or why onnxruntime could not run these inputs. */
export type ReferenceRun = { readonly outputs: readonly Tensor[] } | { readonly error: string };

/**
 * Runs a model in onnxruntime on this machine, with exact whole-number arithmetic (exact-integers.ts). `work` is a folder for the raw files.
 * Throws as inspectOnnx does. The last digits differ from machine to machine: compare them, never store them.
 */
export async function runOnnx(
  options: ReferenceOptions & { readonly work: string },
  runs: readonly (readonly Tensor[])[],
): Promise<readonly ReferenceRun[]> {
  const requests = await Promise.all(
    runs.map(async (inputs, run) => {
      const folder = join(options.work, `reference-${run}`);
      await mkdir(folder, { recursive: true });
      const files = inputs.map(async ({ name, type, shape, data }, index) => {
        const file = join(folder, `in-${index}.bin`);
        await writeFile(file, data);
        return { name, type, shape, file };
      });
      return { inputs: await Promise.all(files), outputs: folder };
    }),
  );
  const { bytes, file } = await readModel(options.model, called(options));
  const exact = exactIntegers(bytes, file);
  const model = exact.model === bytes ? options.model : join(options.work, "reference.onnx");
  if (model !== options.model) await writeFile(model, exact.model);
  const answer = await ask(options, model, exact.options, requests);
  return Promise.all(
    answer.runs.map(async (run) => {
      if ("error" in run) return { error: run.error.trim().split("\n")[0] ?? "" };
      const outputs = run.outputs.map(async ({ name, type, shape, file }) => {
        const ours = ourType(type);
        if (!isElementType(ours)) throw unsupported(options, `output ${name} has elements of type ${type}`);
        return { name, type: ours, shape, data: new Uint8Array(await readFile(file)) };
      });
      return { outputs: await Promise.all(outputs) };
    }),
  );
}

const port = z.object({ name: z.string(), type: z.string(), shape: z.array(z.number().nullable()) });
const success = z.object({
  inputs: z.array(port),
  outputs: z.array(port),
  runs: z.array(
    z.union([
      z.object({
        outputs: z.array(
          z.object({ name: z.string(), type: z.string(), shape: z.array(z.number()), file: z.string() }),
        ),
      }),
      z.object({ error: z.string() }),
    ]),
  ),
});
const refusal = z.object({ stage: z.enum(["start", "load", "run"]), error: z.string() });
type Refusal = z.infer<typeof refusal>;
const reply = z.union([success, refusal]);

interface Request {
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[]; readonly file: string }[];
  readonly outputs: string;
}

async function ask(
  options: ReferenceOptions,
  model: string,
  settings: Readonly<Record<string, string>>,
  runs: readonly Request[],
): Promise<OnnxModel & Pick<z.infer<typeof success>, "runs">> {
  const { runtime, signal } = options;
  const result = await captureProcess({
    program: process.execPath,
    args: ["--eval", onnxHostProgram],
    stdin: { text: JSON.stringify({ binding: await bindingPath(runtime), model, options: settings, runs }) },
    env: {},
    signal,
  });
  const line = result.stdout.split("\n").at(-1) ?? "";
  if (!line.startsWith("{"))
    throw new EdgeimgError("ERR_EDGEIMG_MODEL_NOT_ONNX", `${called(options)} crashes ${hostReference}`, {
      details: [result.reason, ...result.stderr.split("\n").slice(-5)],
      hint: "Export it again without attributes that are divided by and are 0, such as strides, or with another opset; onnx.checker.check_model(model) names other faults.",
    });
  const answer = reply.parse(JSON.parse(line));
  if ("error" in answer) throw failure(options, model, answer);
  const ports = (list: z.infer<typeof port>[]) =>
    list.map(({ name, type, shape }) => ({ name, type: ourType(type), shape: shape.map((size) => size ?? undefined) }));
  return { inputs: ports(answer.inputs), outputs: ports(answer.outputs), runs: answer.runs };
}

function cannotBeLoaded(details: readonly string[]): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_STEP_FAILED", `${hostReference} cannot be loaded on this machine`, { details });
}

function failure(options: ReferenceOptions, model: string, { stage, error: message }: Refusal): EdgeimgError {
  // Its path says nothing: it is one in the store.
  const details = [(message.trim().split("\n")[0] ?? "").replace(`Load model from ${model} failed:`, "")];
  if (stage === "start") return cannotBeLoaded(details);
  const operator = unknownOperator(message);
  if (operator !== undefined) return unsupported(options, `operator ${operator} is not known to ${hostReference}`);
  return new EdgeimgError(
    "ERR_EDGEIMG_MODEL_NOT_ONNX",
    `${called(options)} is not a model that ${hostReference} can load`,
    {
      details,
      hint: `Its structure can be read, but ${hostReference} refuses it. Let onnx.checker.check_model(model, full_check=True) name the place, and export it again.`,
    },
  );
}

/** What a message of onnxruntime calls unknown. It holds names of the model, of any length: it is cut, and each character looked at once. */
export function unknownOperator(message: string): string | undefined {
  const text = message.slice(0, 10_000);
  const [, after] = text.split("No Op registered for ", 2);
  if (after !== undefined) return after.split(/\s/, 1)[0];
  const end = text.indexOf(") is not a registered function");
  const start = text.lastIndexOf("(", end);
  if (end < 0 || start < 0) return undefined;
  return text.slice(0, start).split(/\s/).at(-1);
}

function unsupported(options: ReferenceOptions, what: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_MODEL_OPERATOR", `${called(options)}: ${what}`, {
    hint: `No engine can be checked without ${hostReference}. Export the model with ONNX's own operators only (a custom one needs a library that an image does not have), with a name and an opset that have this one, or leave that part to the app.`,
  });
}

function called({ name, model }: ReferenceOptions): string {
  return name ?? model;
}

const ourTypes: ReadonlyMap<string, string> = new Map([
  ["float32", "f32"],
  ["int8", "i8"],
  ["uint8", "u8"],
  ["int32", "i32"],
  ["int64", "i64"],
]);

function ourType(type: string): string {
  return ourTypes.get(type) ?? type;
}
