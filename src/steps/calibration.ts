import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { NpyError, readNpy } from "../formats/npy.js";
import type { OnnxFile } from "../formats/onnx.js";
import * as z from "../ground/zod.js";
import { givenTensor } from "../model/given-tensor.js";
import { runOnnx } from "../model/reference.js";
import { shapeText } from "../model/shapes.js";
import type { ElementType, Tensor } from "../model/tensor.js";
import { unknownPort } from "../model/unknown-port.js";
import type { StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

/** Where the .npy files of each input of a model are: an input of the step, and a file or folder in it. */
const calibrationFiles = z.record(
  z.string(),
  z.strictObject({
    input: z.string(),
    path: z.string(),
    /** Whether the step's tree is the project's file or folder itself: `path` is its name, which a folder does not have in the tree. */
    local: z.boolean(),
  }),
);
type CalibrationFiles = z.infer<typeof calibrationFiles>;

/** What a model is calibrated with: files of the project's, or the input of the step with what its app fed to it. */
export const calibrationSource = z.union([
  z.strictObject({ files: calibrationFiles }),
  z.strictObject({ recorded: z.string() }),
]);
export type CalibrationSource = z.infer<typeof calibrationSource>;

/** The key of a project's model that names it. */
export function calibrationKey(name: string, source: CalibrationSource): readonly string[] {
  return ["models", name, "quantize", "recorded" in source ? "record" : "calibration"];
}

/** One time that a model is run: what it is fed, and by which files. */
export interface Sample {
  readonly called: string;
  /** Whether the app fed it, and no file of the project's has it. */
  readonly isRecorded: boolean;
  readonly read: () => Promise<readonly Tensor[]>;
}

/** Bytes: what .npy files may have, as elsewhere. */
const fileLimit = 2 ** 30;
/** What a run may give for several to be asked of the reference at once. */
const batchBytes = 2 ** 27;
const batchMost = 16;

const types: ReadonlyMap<number, ElementType> = new Map([
  [1, "f32"],
  [2, "u8"],
  [3, "i8"],
  [6, "i32"],
  [7, "i64"],
]);

interface SampleJob {
  readonly name: string;
  readonly calibration: CalibrationSource;
  readonly file: OnnxFile;
}

/** What a model is calibrated with, the n-th files of all inputs together, in the order of their names. Throws ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION and _MODEL_PORTS. */
export async function calibrationSamples(
  { name, calibration, file }: SampleJob,
  { inputs }: Pick<StepContext, "inputs">,
): Promise<readonly Sample[]> {
  const key = calibrationKey(name, calibration);
  const constant = new Set(file.graph.initializers.map((one) => one.name));
  const ports = file.graph.inputs.filter((one) => !constant.has(one.name));
  const names = ports.map((port) => port.name);
  const lists =
    "recorded" in calibration
      ? await recordedFiles(name, inputFolder(inputs, calibration.recorded), { names, key })
      : await givenFiles(name, calibration.files, { names, key, inputs });
  const [first = "", ...others] = names;
  const count = lists.get(first)?.length ?? 0;
  for (const port of others)
    if (lists.get(port)?.length !== count)
      throw new EdgeimgError(
        "ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION",
        `Model ${name}: input ${first} has ${count} files, input ${port} has ${lists.get(port)?.length}.`,
        { key, hint: "The n-th files of all inputs are one run: give each as many." },
      );
  return Array.from({ length: count }, (_, index): Sample => {
    const paths = ports.map((port) => ({ port, path: lists.get(port.name)?.[index] ?? "" }));
    const isRecorded = "recorded" in calibration;
    return {
      isRecorded,
      called: isRecorded
        ? `run ${index + 1} of the app's`
        : paths.map(({ path }) => path.split("/").at(-1) ?? "").join(", "),
      read: () => Promise.all(paths.map(({ port, path }) => readInput(name, { port, path, key }))),
    };
  });
}

interface FileLists {
  /** Of the model's inputs, in its order. */
  readonly names: readonly string[];
  readonly key: readonly string[];
}

/** The files that the project gives for each input. */
async function givenFiles(
  name: string,
  files: CalibrationFiles,
  { names, key, inputs }: FileLists & Pick<StepContext, "inputs">,
): Promise<ReadonlyMap<string, readonly string[]>> {
  for (const port of Object.keys(files)) if (!names.includes(port)) throw unknownPort(name, "input", { port, names });
  const lists = new Map<string, readonly string[]>();
  for (const port of names) {
    const place = files[port];
    if (place === undefined)
      throw new EdgeimgError(
        "ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION",
        `Model ${name}: nothing is given for input ${port}.`,
        { key, hint: `Give each input its .npy files: models.${name}.quantize.calibration.${port}.` },
      );
    lists.set(port, await npyFiles(place, { inputs, key: [...key, port], called: `Model ${name}, input ${port}` }));
  }
  return lists;
}

/** The files that the app's run left of each input. */
async function recordedFiles(
  name: string,
  folder: string,
  { names, key }: FileLists,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const lists = names.map(async (port, index) => {
    const own = join(folder, name, String(index));
    const files = await readdir(own).catch(() => []);
    return [port, files.sort().map((file) => join(own, file))] as const;
  });
  const found = new Map(await Promise.all(lists));
  if ([...found.values()].every((files) => files.length > 0)) return found;
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION",
    `The app did not run model ${name} for any of the pictures.`,
    { key, hint: "Give pictures for which it does, or .npy files of the model's inputs (`calibration`)." },
  );
}

async function npyFiles(
  { input, path, local }: CalibrationFiles[string],
  about: Pick<StepContext, "inputs"> & { readonly key: readonly string[]; readonly called: string },
): Promise<readonly string[]> {
  const tree = inputFolder(about.inputs, input);
  const whole = join(tree, path);
  const found = await stat(whole).catch(() => undefined);
  if (found?.isFile()) return [whole];
  const folder = local || found === undefined ? tree : whole;
  const entries = found === undefined && !local ? [] : await readdir(folder, { withFileTypes: true });
  const files = entries.flatMap((one) => (one.isFile() && one.name.endsWith(".npy") ? [one.name] : [])).sort();
  if (files.length > 0) return files.map((one) => join(folder, one));
  throw new EdgeimgError(
    "ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION",
    `${about.called}: there is no .npy file in ${path}.`,
    {
      key: about.key,
      hint: "Save what the app feeds to the model with numpy.save, one file a run.",
    },
  );
}

async function readInput(
  model: string,
  job: {
    readonly port: OnnxFile["graph"]["inputs"][number];
    readonly path: string;
    /** The key that names what it is calibrated with. */
    readonly key: readonly string[];
  },
): Promise<Tensor> {
  const { path } = job;
  const { name, type: number, shape = [] } = job.port;
  const called = `Model ${model}, input ${name}: ${path.split("/").at(-1)}`;
  const key = job.key.at(-1) === "calibration" ? [...job.key, name] : job.key;
  const invalid = (what: string) =>
    new EdgeimgError("ERR_EDGEIMG_NPY_INVALID", `${called} ${what}.`, {
      key,
      hint: "Write it with numpy.save(FILE, ARRAY), an array of numbers or booleans.",
    });
  const { size } = await stat(path);
  if (size > fileLimit) throw invalid(`has ${size} bytes; at most ${fileLimit} are read`);
  const array = await readFile(path)
    .then(readNpy)
    .catch((error: unknown) => {
      throw error instanceof NpyError ? invalid(error.message) : error;
    });
  const fits =
    array.shape.length === shape.length &&
    shape.every((wanted, index) => typeof wanted !== "number" || wanted === array.shape[index]);
  if (!fits)
    throw new EdgeimgError(
      "ERR_EDGEIMG_MODEL_SHAPES",
      `${called} has the shape ${shapeText(array.shape)}, the model takes [${shape.map((one) => (typeof one === "number" ? one : "any")).join(", ")}].`,
      { key, hint: "Save it as the app feeds it, with the batch dimension; one file a run." },
    );
  return givenTensor(array, { name, type: types.get(number) ?? "f32", called, key, isGolden: false });
}

/** Runs a model on each sample, and shows what it gives, one after the other: some are run at once, as many as memory allows. */
export async function eachSample(
  job: {
    readonly name: string;
    readonly model: string;
    readonly samples: readonly Sample[];
    /** The key that names what they are. */
    readonly key: readonly string[];
    /** How many are run at once at first, when it is known that memory allows it. */
    readonly batch?: number;
  },
  context: StepContext,
  visit: (outputs: readonly Tensor[], sample: Sample, inputs: readonly Tensor[]) => void,
): Promise<void> {
  const { name, model, samples, key } = job;
  const options = {
    ...{ runtime: inputFolder(context.inputs, "reference"), model, name: `Model ${name}` },
    ...{ work: context.work, signal: context.services.signal },
  };
  for (let done = 0, batch = job.batch ?? 1; done < samples.length; ) {
    const some = samples.slice(done, done + batch);
    const fed = await Promise.all(some.map(({ read }) => read()));
    let largest = 1;
    for (const [index, run] of (await runOnnx(options, fed)).entries()) {
      const sample = some[index];
      if (sample === undefined) throw new Error("the reference answered more runs than were asked");
      if ("error" in run)
        throw new EdgeimgError(
          "ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION",
          `Model ${name} cannot be run with ${sample.called}: ${run.error}`,
          {
            key,
            hint: "Save what the app feeds to the model, in a shape that it accepts.",
          },
        );
      largest = Math.max(
        largest,
        run.outputs.reduce((sum, { data }) => sum + data.length, 0),
      );
      visit(run.outputs, sample, fed[index] ?? []);
    }
    done += some.length;
    context.progress(done, samples.length, "files");
    batch = batchOf(largest);
  }
}

/** How many runs that give so many bytes each are asked of the reference at once. */
export function batchOf(bytes: number): number {
  return Math.max(1, Math.min(batchMost, Math.floor(batchBytes / Math.max(1, bytes))));
}
