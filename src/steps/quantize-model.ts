import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson } from "../ground/canonical.js";
import * as z from "../ground/zod.js";
import { readModel } from "../model/external-data.js";
import { type Decision, decide } from "../quantize/layers.js";
import { type Expected, expected } from "../quantize/moments.js";
import { prepared } from "../quantize/prepare.js";
import { rangeMethods } from "../quantize/ranges.js";
import { layersFile, quantizeSettings } from "../quantize/report.js";
import { type Range, scaleOf } from "../quantize/scales.js";
import { statisticsFile, type TensorStatistics } from "../quantize/statistics.js";
import { type Written, writeQuantized } from "../quantize/write.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

const params = quantizeSettings.extend({ name: z.string() });

/**
 * Makes of a model in float32 one of whole numbers, as ONNX's own operators, `model.onnx`, and tells what became of its layers, `layers.json`. Ranges and
 * means of data need the input `statistics`. The same bytes for the same inputs: nothing is run. Throws ERR_EDGEIMG_MODEL_QUANTIZE_OPERATOR, _TWICE, _LAYER and _NOTHING.
 */
export const quantizeModelKind = defineKind({
  name: "quantize-model",
  version: 3,
  params,
  async run({ name, ...settings }, { inputs, out, log }) {
    const { method, equalize, powers, correct, keep } = settings;
    const called = `Model ${name}`;
    const { bytes } = await readModel(join(inputFolder(inputs, "onnx"), "model.onnx"), called);
    const { open, moments } = prepared(bytes, name, { equalize });
    const whole = decide(open, { model: name, activations: method !== undefined, keep });
    const known = expected(open, moments);
    const statistics = inputs.statistics === undefined ? undefined : await readStatistics(inputs.statistics);
    const found = statistics?.tensors ?? {};
    const ranges = rangesOf(method, { known, found });
    const decision = seen(whole, ranges);
    const chosen = new Map([...ranges].map(([root, range]) => [root, scaleOf(range, { powers })] as const));
    const written = writeQuantized({
      ...{ open, decision, scales: chosen, weightBits: settings.weights, codes: settings.codes, powers },
      perChannel: settings.scales === "channel",
      means: correct === "none" ? undefined : correct === "data" ? meansOf(found) : known.means,
    });
    for (const note of notes(decision, written, ranges)) log("info", `${called}: ${note}`);
    await writeFile(join(out, "model.onnx"), written.model);
    const told = {
      of: { model: createHash("sha256").update(bytes).digest("hex"), calibration: statistics?.set ?? null },
      settings,
      bytes: { float: bytes.length, quantized: written.model.length },
      layers: written.layers.map(({ weights: { sqnr, ...rest }, ...layer }) => ({
        ...layer,
        weights: { ...rest, sqnr: Number.isFinite(sqnr) ? sqnr : null },
      })),
      floats: decision.floats,
      tensors: [...decision.tensors].map(([tensor, root]) => ({
        ...{ tensor, root, ...(chosen.get(root) ?? {}) },
        ...(found[root] === undefined ? ranges.get(root) : { min: found[root].min, max: found[root].max }),
      })),
    };
    await writeFile(join(out, "layers.json"), `${canonicalJson(layersFile.parse(told))}\n`);
  },
});

type Statistics = Readonly<Record<string, TensorStatistics>>;

/** The range of each tensor, by what the data or the batch norms tell of it. */
function rangesOf(
  method: z.infer<typeof params>["method"],
  { known, found }: { readonly known: Expected; readonly found: Statistics },
): ReadonlyMap<string, Range> {
  if (method === undefined) return new Map();
  if (method === "batch-norm") return known.ranges;
  return new Map(Object.entries(found).map(([tensor, one]) => [tensor, rangeMethods[method](one)]));
}

function meansOf(found: Statistics): ReadonlyMap<string, readonly number[]> {
  return new Map(
    Object.entries(found).flatMap(([tensor, { means }]) => (means === undefined ? [] : [[tensor, means]])),
  );
}

async function readStatistics(folder: string) {
  return statisticsFile.parse(JSON.parse(await readFile(join(folder, "statistics.json"), "utf8")));
}

/** Without tensors of whose values nothing is known: no calibration input made them. */
function seen(decision: Decision, ranges: ReadonlyMap<string, Range>): Decision {
  return { ...decision, tensors: new Map([...decision.tensors].filter(([, root]) => ranges.has(root))) };
}

function notes(decision: Decision, { layers }: Written, ranges: ReadonlyMap<string, Range>): string[] {
  const isConstant = (root: string) => ranges.get(root)?.min === ranges.get(root)?.max;
  const constant = [...new Set(decision.tensors.values())].filter(isConstant);
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
