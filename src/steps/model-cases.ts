import { join } from "node:path";
import * as z from "../ground/zod.js";
import { findRuns } from "../model/check-runs.js";
import { readModel } from "../model/external-data.js";
import { resolveInputs } from "../model/inputs.js";
import { writeRuns } from "../model/kept-runs.js";
import { inputFacts, narrowed } from "../model/probe.js";
import { inspectOnnx, runOnnx } from "../model/reference.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";
import { shapeSet } from "./model-ports.js";

const params = z.strictObject({
  name: z.string(),
  declared: z.record(z.string(), shapeSet),
  /** Values that inputs are tried with, where the project says. */
  ranges: z.record(z.string(), z.strictObject({ min: z.number(), max: z.number() })).default({}),
});

/**
 * Chooses what a model is checked with, at the smallest and a middle declared shape, others than a converter was shown, and keeps it with what
 * onnxruntime on this machine makes of it (kept-runs.ts). Throws ERR_EDGEIMG_MODEL_SHAPES and _INPUTS.
 */
export const modelCasesKind = defineKind({
  name: "model-cases",
  version: 1,
  // The last digits of sums depend on the processor.
  varies: true,
  params,
  async run({ name, declared, ranges }, { inputs, work, out, services }) {
    const onnx = join(inputFolder(inputs, "onnx"), "model.onnx");
    const options = {
      runtime: inputFolder(inputs, "reference"),
      model: onnx,
      name: `Model ${name}`,
      signal: services.signal,
      work,
    };
    const found = await inspectOnnx(options);
    const facts = inputFacts((await readModel(onnx, `Model ${name}`)).file);
    const runs = await findRuns({
      model: name,
      inputs: narrowed(name, resolveInputs(name, found.inputs, declared), facts),
      facts,
      ranges,
      run: async (run) => {
        const [result, ...others] = await runOnnx(options, [run]);
        if (result === undefined || others.length > 0) throw new Error("onnxruntime did not answer one run");
        return result;
      },
    });
    await writeRuns(
      out,
      runs.map(({ inputs: run, expected }) => ({ inputs: run, outputs: expected })),
    );
  },
});
