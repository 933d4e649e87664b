import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { openOnnx } from "../formats/onnx-graph.js";
import { canonicalJson } from "../ground/canonical.js";
import * as z from "../ground/zod.js";
import { readModel } from "../model/external-data.js";
import { measure } from "../model/metrics.js";
import { numbers, type Tensor } from "../model/tensor.js";
import { compare, lossOf, newSums, type Sums } from "../quantize/loss.js";
import { observed, prepared } from "../quantize/prepare.js";
import { type LossFile, layersFile, lossFile } from "../quantize/report.js";
import {
  batchOf,
  calibrationKey,
  calibrationSamples,
  calibrationSource,
  eachSample,
  type Sample,
} from "./calibration.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";

const params = z.strictObject({
  name: z.string(),
  calibration: calibrationSource,
  /** Whether the model was equalized before it was quantized: its inner tensors are compared with those of one that was. */
  equalize: z.boolean(),
  metric: z.enum(["cosine", "top-1"]),
  /** The most that may be lost; absent: it is only told. */
  maxLoss: z.number().nonnegative().optional(),
});

/** One output of one input, of both models. */
interface Pair {
  readonly float: Tensor;
  readonly quantized: Tensor;
  readonly sample: Sample;
}

/**
 * Compares a quantized model with the one in float32 that it was made of, on the host, with the calibration inputs: what its outputs lose, and where in
 * the model, `loss.json`. Throws ERR_EDGEIMG_MODEL_QUANTIZE_LOSS when that is more than the project allows.
 */
export const quantizeLossKind = defineKind({
  name: "quantize-loss",
  version: 1,
  // The last digits of sums depend on the processor.
  varies: true,
  params,
  async run({ name, calibration, equalize, metric, maxLoss }, context) {
    const called = `Model ${name}`;
    const key = calibrationKey(name, calibration);
    const { bytes, file } = await readModel(join(inputFolder(context.inputs, "onnx"), "model.onnx"), called);
    const quantizedFolder = inputFolder(context.inputs, "quantized");
    const layers = layersFile.parse(JSON.parse(await readFile(join(quantizedFolder, "layers.json"), "utf8")));
    const names = new Set([
      ...layers.tensors.map(({ tensor }) => tensor),
      ...layers.layers.map(({ output }) => output),
    ]);
    const quantizedModel = await readFile(join(quantizedFolder, "model.onnx"));
    const models = {
      float: join(context.work, "float.onnx"),
      quantized: join(context.work, "quantized.onnx"),
      whole: join(quantizedFolder, "model.onnx"),
    };
    await writeFile(models.float, observed(prepared(bytes, name, { equalize }).open, names));
    await writeFile(models.quantized, observed(openOnnx(quantizedModel), names));
    const samples = await calibrationSamples({ name, calibration, file }, context);
    const outputs = file.graph.outputs.map((one) => one.name);
    const found = await compareModels({ name, key, models, samples, outputs, layers }, context);
    const told: LossFile = lossFile.parse({
      inputs: samples.length,
      metric,
      ...outputLoss(found.pairs, outputs, metric),
      tensors: found.tensors,
    });
    for (const one of told.outputs)
      context.log(
        "info",
        `${called}, output ${one.name}: ${metric} loss ${one.loss.toPrecision(3)}, at most ${one.worst.toPrecision(3)} (${one.worstInput})`,
      );
    await writeFile(join(context.out, "loss.json"), `${canonicalJson(told)}\n`);
    if (maxLoss !== undefined && !(told.loss <= maxLoss)) throw tooLarge(name, maxLoss, told);
  },
});

interface CompareJob {
  readonly name: string;
  /** The key that names what they are compared with. */
  readonly key: readonly string[];
  readonly models: { readonly float: string; readonly quantized: string; readonly whole: string };
  readonly samples: readonly Sample[];
  readonly outputs: readonly string[];
  readonly layers: z.infer<typeof layersFile>;
}

/**
 * Runs both models on one sample after the other. The outputs are those of the quantized model as it is; what is between is taken from one that
 * gives it as well, which the reference cannot fuse.
 */
async function compareModels({ name, key, models, samples, outputs, layers }: CompareJob, context: StepContext) {
  const scales = new Map(layers.tensors.map(({ tensor, scale, zeroPoint }) => [tensor, { scale, zeroPoint }]));
  const sums = new Map<string, Sums>();
  const pairs: Pair[] = [];
  for (let done = 0, batch = 1; done < samples.length; ) {
    const some = samples.slice(done, done + batch);
    const run = (model: string) => outputsOf({ name, key, model, samples: some, batch }, context);
    const [float, inner, whole] = [await run(models.float), await run(models.quantized), await run(models.whole)];
    let largest = 0;
    for (const [index, sample] of some.entries()) {
      const all = float[index];
      if (all === undefined) throw new Error(`the model in floating point gives nothing for ${sample.called}`);
      largest = Math.max(largest, 3 * [...all.values()].reduce((sum, { data }) => sum + data.length, 0));
      for (const [tensor, of] of all) {
        const other = (outputs.includes(tensor) ? whole : inner)[index]?.get(tensor);
        if (other === undefined) throw new Error(`the quantized model does not give ${tensor}`);
        const into = sums.get(tensor) ?? newSums();
        sums.set(tensor, into);
        compare(into, { float: numbers(of), quantized: numbers(other) }, scales.get(tensor));
        if (outputs.includes(tensor)) pairs.push({ float: of, quantized: other, sample });
      }
    }
    done += some.length;
    batch = batchOf(largest);
    context.progress(done, samples.length, "files");
  }
  const tensors = [...sums].map(([tensor, one]) => ({ name: tensor, ...lossOf(one) }));
  return { pairs, tensors };
}

/** What a model gives for each of some samples, by name. */
async function outputsOf(
  job: Parameters<typeof eachSample>[0],
  context: StepContext,
): Promise<readonly ReadonlyMap<string, Tensor>[]> {
  const found: ReadonlyMap<string, Tensor>[] = [];
  await eachSample(job, { ...context, progress: () => {} }, (all) => {
    found.push(new Map(all.map((one) => [one.name, one])));
  });
  return found;
}

function outputLoss(pairs: readonly Pair[], outputs: readonly string[], metric: LossFile["metric"]) {
  const list = outputs.map((name) => {
    const sums = newSums();
    const losses = pairs.flatMap(({ float, quantized, sample }) => {
      if (float.name !== name) return [];
      const of = {
        expected: numbers(float),
        actual: numbers(quantized),
        shape: float.shape,
        maxAbsolute: 0,
        tolerance: 0,
      };
      compare(sums, { float: of.expected, quantized: of.actual });
      const [found] = measure(metric, of);
      if (found === undefined) throw new Error(`${metric} measures nothing of ${name}`);
      return [{ loss: found.measured, sample: sample.called }];
    });
    const [first] = losses;
    if (first === undefined) throw new Error(`output ${name} was compared with nothing`);
    const worst = losses.reduce((most, one) => (one.loss > most.loss ? one : most), first);
    const loss = losses.reduce((sum, one) => sum + one.loss, 0) / losses.length;
    return { name, ...lossOf(sums), loss, worst: worst.loss, worstInput: worst.sample };
  });
  return { loss: Math.max(...list.map(({ loss }) => loss)), outputs: list };
}

function tooLarge(model: string, maxLoss: number, { loss, metric, tensors, inputs }: LossFile): EdgeimgError {
  const worst = [...tensors].filter(({ sqnr }) => sqnr !== null).sort((a, b) => (a.sqnr ?? 0) - (b.sqnr ?? 0));
  return new EdgeimgError(
    "ERR_EDGEIMG_MODEL_QUANTIZE_LOSS",
    `Model ${model} loses ${loss.toPrecision(3)} (${metric}, the mean over ${inputs} inputs) when it is quantized, and \`maxLoss\` is ${maxLoss}.`,
    {
      key: ["models", model, "quantize", "maxLoss"],
      details: worst
        .slice(0, 5)
        .map(({ name, sqnr, cosine }) => `${name}: ${(sqnr ?? 0).toFixed(1)} dB, cosine ${cosine.toFixed(4)}`),
      hint: `Compare the methods: \`edgeimg quantize ${model} --try all\`. Or keep the layers in floating point from which the first of these tensors come (\`keep\`), give more calibration inputs, or raise \`maxLoss\`.`,
    },
  );
}
