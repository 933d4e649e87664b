import { join } from "node:path";
import { hostReference } from "../catalog/check.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { findRuns, givenRun, type RunSearch } from "../model/check-runs.js";
import { readModel } from "../model/external-data.js";
import { readRuns, writeRuns } from "../model/kept-runs.js";
import { inputFacts, narrowed, noFacts } from "../model/probe.js";
import { runOnnx } from "../model/reference.js";
import { listedInput } from "../model/test-input.js";
import { unknownPort } from "../model/unknown-port.js";
import { defineKind, type StepContext } from "./kind.js";
import { inputFolder } from "./local.js";
import { readPorts } from "./model-ports.js";

const params = z.strictObject({
  name: z.string(),
  /** Values that inputs are tried with, where the project says. */
  ranges: z.record(z.string(), z.strictObject({ min: z.number(), max: z.number() })).default({}),
  values: z.record(z.string(), z.array(z.number()).min(1)).default({}),
  /** Whether golden outputs belong to the first run, so that each of its inputs must be given. */
  golden: z.boolean().default(false),
});

/**
 * Chooses what a model is checked with: what the project gives (the input `given`), the smallest and a middle declared shape, others than a converter
 * was shown. Keeps it with what onnxruntime on this machine makes of it (kept-runs.ts); without the input `reference` it is the first run
 * alone, with no outputs. A model that is not ONNX has no input `onnx`. Throws ERR_EDGEIMG_MODEL_SHAPES, _INPUTS and _GOLDEN.
 */
export const modelCasesKind = defineKind({
  name: "model-cases",
  version: 2,
  // The last digits of sums depend on the processor.
  varies: true,
  params,
  async run({ name, ranges, values, golden }, context) {
    const { inputs, out } = context;
    const onnx = inputs.onnx === undefined ? undefined : join(inputs.onnx, "model.onnx");
    const ports = await readPorts(inputFolder(inputs, "ports"));
    const given = inputs.given === undefined ? [] : ((await readRuns(inputs.given))[0]?.inputs ?? []);
    const names = ports.inputs.map((port) => port.name);
    for (const port of [...Object.keys(ranges), ...Object.keys(values)])
      if (!names.includes(port)) throw unknownPort(name, "input", { port, names });
    const without = names.filter((port) => values[port] === undefined && !given.some((one) => one.name === port));
    if (golden && without.length > 0)
      throw new EdgeimgError(
        "ERR_EDGEIMG_MODEL_GOLDEN",
        `Model ${name} has golden outputs, but nothing says what they belong to: no values for ${without.join(", ")}.`,
        {
          key: ["models", name, "inputs", without[0] ?? ""],
          hint: `Give \`test: { file: ${without[0]}.npy }\`, or \`values\`, under models.${name}.inputs.${without[0]}.`,
        },
      );
    for (const [port, list] of Object.entries(values)) {
      const found = ports.inputs.find((one) => one.name === port);
      try {
        if (found !== undefined) listedInput({ ...found, shape: [] }, list);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new EdgeimgError("ERR_EDGEIMG_MODEL_INPUTS", `Model ${name}, input ${port}: ${error.message}.`, {
          key: ["models", name, "inputs", port, "test", "values"],
          hint: `Correct models.${name}.inputs.${port}.test.values.`,
        });
      }
    }
    const facts = onnx === undefined ? noFacts : inputFacts((await readModel(onnx, `Model ${name}`)).file);
    const { reference: runtime } = inputs;
    const search: RunSearch = {
      model: name,
      inputs: narrowed(name, ports.inputs, facts),
      facts,
      together: ports.together,
      ranges,
      values,
      given,
      run:
        runtime === undefined || onnx === undefined
          ? async () => ({ outputs: [] })
          : reference(name, { model: onnx, runtime }, context),
    };
    const runs = runtime === undefined ? [await givenRun(search)] : await findRuns(search);
    await writeRuns(
      out,
      runs.map(({ inputs: run, expected }) => ({ inputs: run, outputs: expected })),
    );
  },
});

function reference(
  name: string,
  of: { readonly model: string; readonly runtime: string },
  { work, services }: StepContext,
): RunSearch["run"] {
  const options = {
    ...of,
    name: `Model ${name}`,
    signal: services.signal,
    work,
  };
  return async (run) => {
    const [result, ...others] = await runOnnx(options, [run]);
    if (result === undefined || others.length > 0) throw new Error(`${hostReference} did not answer one run`);
    return result;
  };
}
