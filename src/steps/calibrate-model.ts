import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { canonicalJson } from "../ground/canonical.js";
import * as z from "../ground/zod.js";
import { indexOf } from "../model/compare.js";
import { readModel } from "../model/external-data.js";
import { numbers, type Tensor } from "../model/tensor.js";
import { decide } from "../quantize/layers.js";
import { observed, prepared } from "../quantize/prepare.js";
import {
  type Gathering,
  gather,
  gatherChannels,
  newGathering,
  statisticsFile,
  statisticsOf,
} from "../quantize/statistics.js";
import { calibrationKey, calibrationSamples, calibrationSource, eachSample, type Sample } from "./calibration.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

/**
 * Runs a model on the host with what the app would feed to it, and keeps what the values of its tensors are like, for any method: `statistics.json`.
 * Throws ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION, and what deciding throws.
 */
export const calibrateModelKind = defineKind({
  name: "calibrate-model",
  version: 2,
  // The last digits of sums depend on the processor.
  varies: true,
  params: z.strictObject({ name: z.string(), calibration: calibrationSource, equalize: z.boolean() }),
  async run({ name, calibration, equalize }, context) {
    const key = calibrationKey(name, calibration);
    const called = `Model ${name}`;
    const { bytes, file } = await readModel(join(inputFolder(context.inputs, "onnx"), "model.onnx"), called);
    const { open } = prepared(bytes, name, { equalize });
    const { tensors, layers } = decide(open, { model: name, activations: true, keep: [] });
    // Channels lie in the second dimension of what a convolution takes, and of a matrix.
    const byChannel = new Set(layers.flatMap(({ op, input }) => (op === "Conv" || op === "Gemm" ? [input] : [])));
    const wanted = new Set(tensors.keys());
    const model = join(context.work, "observed.onnx");
    await writeFile(model, observed(open, wanted));
    const samples = await calibrationSamples({ name, calibration, file }, context);
    if (samples.length === 1)
      context.log("warn", `${called} is calibrated with one input alone: its ranges are those of that input.`);
    const found = new Map<string, Gathering>();
    const set = createHash("sha256");
    await eachSample({ name, model, samples, key }, context, (outputs, sample, inputs) => {
      for (const { name: port, type, shape, data } of inputs)
        set.update(`${JSON.stringify([port, type, shape])}\n`).update(data);
      for (const tensor of [...inputs, ...outputs]) {
        if (!wanted.has(tensor.name)) continue;
        const gathering = found.get(tensor.name) ?? newGathering();
        found.set(tensor.name, gathering);
        const bad = gather(gathering, numbers(tensor));
        if (bad !== undefined) throw notFinite(name, { tensor, sample, bad, key });
        if (byChannel.has(tensor.name)) gatherChannels(gathering, numbers(tensor), tensor.shape, 1);
      }
    });
    const told = [...found].filter(([, { count }]) => count > 0).sort(([a], [b]) => (a < b ? -1 : 1));
    const statistics = {
      inputs: samples.length,
      set: set.digest("hex"),
      tensors: Object.fromEntries(told.map(([key, one]) => [key, statisticsOf(one)])),
    };
    await writeFile(join(context.out, "statistics.json"), `${canonicalJson(statisticsFile.parse(statistics))}\n`);
  },
});

function notFinite(
  model: string,
  {
    tensor,
    sample,
    bad,
    key,
  }: { readonly tensor: Tensor; readonly sample: Sample; readonly bad: number; readonly key: readonly string[] },
): EdgeimgError {
  const value = numbers(tensor)[bad];
  return new EdgeimgError(
    "ERR_EDGEIMG_MODEL_QUANTIZE_CALIBRATION",
    `Model ${model}: ${tensor.name} has the value ${value} at [${indexOf(bad, tensor.shape).join(", ")}] for ${sample.called}, which no scale can hold.`,
    {
      key,
      hint: `${sample.isRecorded ? "Correct what the app feeds to it" : `Take ${sample.called} out if it is no input of the app's`}, or correct the model where ${tensor.name} is computed.`,
    },
  );
}
