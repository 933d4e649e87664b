import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson } from "../ground/canonical.js";
import * as z from "../ground/zod.js";
import { readModel } from "../model/external-data.js";
import { type Decision, decide } from "../quantize/layers.js";
import { prepared } from "../quantize/prepare.js";
import { type RangeMethod, rangeMethods } from "../quantize/ranges.js";
import { layersFile } from "../quantize/report.js";
import { scaleOf, type ValueScale } from "../quantize/scales.js";
import { statisticsFile, type TensorStatistics } from "../quantize/statistics.js";
import { type Written, writeQuantized } from "../quantize/write.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

const methods = z.enum(Object.keys(rangeMethods) as [RangeMethod, ...RangeMethod[]]);

/**
 * Makes of a model in float32 one of whole numbers, as ONNX's own operators, `model.onnx`, and tells what became of its layers, `layers.json`. Activations
 * need the input `statistics`. The same bytes for the same inputs: nothing is run. Throws ERR_EDGEIMG_MODEL_QUANTIZE_OPERATOR, _TWICE, _LAYER and _NOTHING.
 */
export const quantizeModelKind = defineKind({
  name: "quantize-model",
  version: 2,
  params: z.strictObject({
    name: z.string(),
    weights: z.int().min(2).max(8),
    scales: z.enum(["channel", "tensor"]),
    /** How ranges of activations are chosen; absent: they stay in floating point. */
    method: methods.optional(),
    keep: z.array(z.string()),
  }),
  async run({ name, weights, scales: per, method, keep }, { inputs, out, log }) {
    const called = `Model ${name}`;
    const { bytes } = await readModel(join(inputFolder(inputs, "onnx"), "model.onnx"), called);
    const open = prepared(bytes, name);
    const whole = decide(open, { model: name, activations: method !== undefined, keep });
    const found = method === undefined ? {} : await readStatistics(inputFolder(inputs, "statistics"));
    const decision = seen(whole, found);
    const chosen = new Map<string, ValueScale>();
    for (const root of decision.tensors.values()) {
      const one = found[root];
      if (method !== undefined && one !== undefined) chosen.set(root, scaleOf(rangeMethods[method](one)));
    }
    const written = writeQuantized({
      open,
      decision,
      scales: chosen,
      weightBits: weights,
      perChannel: per === "channel",
    });
    for (const note of notes(decision, written, found)) log("info", `${called}: ${note}`);
    await writeFile(join(out, "model.onnx"), written.model);
    const told = {
      bytes: { float: bytes.length, quantized: written.model.length },
      layers: written.layers.map(({ weights: { sqnr, ...rest }, ...layer }) => ({
        ...layer,
        weights: { ...rest, sqnr: Number.isFinite(sqnr) ? sqnr : null },
      })),
      floats: decision.floats,
      tensors: [...decision.tensors].map(([tensor, root]) => ({
        ...{ tensor, root, ...(chosen.get(root) ?? {}) },
        ...{ min: found[root]?.min, max: found[root]?.max },
      })),
    };
    await writeFile(join(out, "layers.json"), `${canonicalJson(layersFile.parse(told))}\n`);
  },
});

async function readStatistics(folder: string): Promise<Readonly<Record<string, TensorStatistics>>> {
  return statisticsFile.parse(JSON.parse(await readFile(join(folder, "statistics.json"), "utf8"))).tensors;
}

/** Without tensors that no calibration input made: nothing is known of their values. */
function seen(decision: Decision, found: Readonly<Record<string, TensorStatistics>>): Decision {
  return { ...decision, tensors: new Map([...decision.tensors].filter(([, root]) => found[root] !== undefined)) };
}

function notes(decision: Decision, { layers }: Written, found: Readonly<Record<string, TensorStatistics>>): string[] {
  const constant = [...new Set(decision.tensors.values())].filter((root) => found[root]?.min === found[root]?.max);
  const dead = layers.filter(({ weights }) => weights.dead > 0);
  const list = (names: readonly string[]) => `${names.slice(0, 4).join(", ")}${names.length > 4 ? ", ..." : ""}`;
  return [
    ...(constant.length === 0
      ? []
      : [`${constant.length} tensors had one value for all calibration inputs: ${list(constant)}`]),
    ...(dead.length === 0
      ? []
      : [`${dead.length} layers have channels whose weights are all 0: ${list(dead.map(({ name }) => name))}`]),
  ];
}
