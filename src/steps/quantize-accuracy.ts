import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { accuracyMetrics } from "../config/quantize-schema.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { canonicalJson } from "../ground/canonical.js";
import * as z from "../ground/zod.js";
import { type AccuracyFile, accuracy, answersFile } from "../quantize/accuracy.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

const params = z.strictObject({
  name: z.string(),
  metric: z.enum(accuracyMetrics),
  /** The most that may be lost; absent: it is only told. */
  maxLoss: z.number().min(0).max(1).optional(),
});

/**
 * Compares how right an app's answers are with a model in floating point and with the quantized one, `accuracy.json`. Throws
 * ERR_EDGEIMG_MODEL_QUANTIZE_ACCURACY when more is lost than the project allows.
 */
export const quantizeAccuracyKind = defineKind({
  name: "quantize-accuracy",
  version: 1,
  params,
  async run({ name, metric, maxLoss }, { inputs, out }) {
    const read = async (input: string) =>
      answersFile.parse(JSON.parse(await readFile(join(inputFolder(inputs, input), "answers.json"), "utf8"))).answers;
    const found = accuracy(metric, { float: await read("float"), quantized: await read("quantized") });
    if (maxLoss !== undefined && found.float - found.quantized > maxLoss) throw tooMuch(name, maxLoss, found);
    await writeFile(join(out, "accuracy.json"), `${canonicalJson(found)}\n`);
  },
});

function tooMuch(model: string, maxLoss: number, found: AccuracyFile): EdgeimgError {
  const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
  return new EdgeimgError(
    "ERR_EDGEIMG_MODEL_QUANTIZE_ACCURACY",
    `With model ${model} quantized the app's answers to ${found.pictures} pictures are right to ${percent(found.quantized)} (${found.metric}), and to ${percent(found.float)} in floating point; \`maxLoss\` is ${percent(maxLoss)}.`,
    {
      key: ["models", model, "quantize", "accuracy", "maxLoss"],
      details: found.worse
        .slice(0, 5)
        .map(
          ({ picture, label, float, quantized }) =>
            `${picture}: ${JSON.stringify(label)} in floating point ${JSON.stringify(float)}, quantized ${JSON.stringify(quantized)}`,
        ),
      hint: `Compare the methods: \`edgeimg quantize ${model} --try all\`. Or keep layers in floating point (\`keep\`; \`edgeimg quantize\` tells which lose most), calibrate with more inputs, or raise \`maxLoss\`.`,
    },
  );
}
