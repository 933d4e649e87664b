import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  ownWay,
  planQuantize,
  type QuantizeWay,
  quantizeTargets,
  quantizeWays,
} from "../../builders/debian/plan-quantize.js";
import { hostReference } from "../../catalog/check.js";
import type { QuantizeConfig } from "../../config/quantize-schema.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { didYouMean } from "../../errors/nearest.js";
import { execute } from "../../execute/execute.js";
import { accuracyFile } from "../../quantize/accuracy.js";
import { type LossFile, layersFile, lossFile } from "../../quantize/report.js";
import type { QuantizedWay, QuantizeReport } from "../../report/quantize.js";
import { treePath } from "../../store/store.js";
import { useStore } from "../../store/use.js";
import { stepsFor } from "../build/build-step.js";
import { lockQuantized } from "../session/lock-quantized.js";
import { firstTargetOf, type Prepared, prepareTargets } from "../session/prepare.js";
import { requireWritable } from "../session/publish.js";
import type { Context, QuantizeOptions, QuantizeResult } from "../types.js";

/**
 * Quantizes the project's models as it says, and in all other ways when that is asked, and tells what each loses. A loss beyond `maxLoss` is an
 * error but in a comparison, which shows it.
 */
export async function quantizeModels(context: Context, options: QuantizeOptions): Promise<QuantizeResult> {
  // Which engine runs the models does not matter, and the project need not have chosen one.
  const [prepared] = await prepareTargets(context, { ...options, engine: hostReference }, firstTargetOf, "models");
  if (prepared === undefined) throw new Error("no target was chosen");
  const { request, lock, services, project } = prepared;
  const names = chosenModels(prepared, options.model);
  const folder = join(project.outBase, "quantize");
  await requireWritable(folder);
  const plan = planQuantize(request, lock, options.tryAll ? quantizeWays : undefined);
  const ways = [...(options.tryAll ? quantizeWays : []), { name: ownWay, settings: {} }];
  const wanted = names.flatMap((name) => ways.flatMap((way) => Object.values(quantizeTargets(name, way.name))));
  const targets = wanted.flatMap((target) => plan.targets[target] ?? []);
  context.emit({ type: "plan", steps: stepsFor(plan, targets).steps.length });
  const models = await useStore(services.store, context.signal, async () => {
    const results = await execute(stepsFor(plan, targets), targets, services);
    const treeOf = (target: string) => {
      const step = plan.targets[target];
      return step === undefined ? undefined : treePath(services.store, results.get(step)?.digest ?? "");
    };
    await lockQuantized(context, prepared, {
      locked: options.locked,
      treeOf: (model) => treeOf(quantizeTargets(model, ownWay).quantized),
    });
    await mkdir(folder, { recursive: true });
    return await Promise.all(names.map((name) => readModel(name, { prepared, ways, treeOf, folder })));
  });
  const report: QuantizeReport = {
    ...{ format: 1, edgeimg: request.versions.edgeimg, project: request.project.name, models },
  };
  const file = join(folder, "quantize.json");
  await writeFile(file, `${JSON.stringify(report, null, 1)}\n`);
  return { folder, report, files: [...models.map(({ name }) => join(folder, `${name}.onnx`)), file] };
}

/** What became of one model, whose file is put into the output folder. */
async function readModel(
  name: string,
  of: {
    readonly prepared: Prepared;
    readonly ways: readonly QuantizeWay[];
    readonly treeOf: (target: string) => string | undefined;
    readonly folder: string;
  },
): Promise<QuantizeReport["models"][number]> {
  const config = of.prepared.request.project.models[name]?.quantize;
  if (config === undefined) throw new Error(`${name} is not to be quantized`);
  const ways: QuantizedWay[] = [];
  for (const way of of.ways) {
    const targets = quantizeTargets(name, way.name);
    const quantized = of.treeOf(targets.quantized);
    if (quantized === undefined) continue;
    if (way.name === ownWay)
      await writeFile(join(of.folder, `${name}.onnx`), await readFile(join(quantized, "model.onnx")));
    const trees = { quantized, loss: of.treeOf(targets.loss), accuracy: of.treeOf(targets.accuracy) };
    ways.push(await readWay(way.name, { ...config, ...way.settings }, trees));
  }
  return { name, maxLoss: config.maxLoss, ways };
}

async function readWay(
  way: string,
  { weights, activations, scales, method }: QuantizeConfig,
  trees: { readonly quantized: string; readonly loss: string | undefined; readonly accuracy: string | undefined },
): Promise<QuantizedWay> {
  const read = async (folder: string, file: string) => JSON.parse(await readFile(join(folder, file), "utf8"));
  const { bytes, layers, floats } = layersFile.parse(await read(trees.quantized, "layers.json"));
  const found: LossFile | undefined =
    trees.loss === undefined ? undefined : lossFile.parse(await read(trees.loss, "loss.json"));
  const order = ({ sqnr }: { readonly sqnr: number | null }) => sqnr ?? Number.POSITIVE_INFINITY;
  return {
    way,
    settings: { weights, activations, scales, method: activations === "float" ? undefined : method },
    ...{ bytes, layers, floats },
    loss: found === undefined ? null : { ...found, tensors: undefined },
    accuracy: trees.accuracy === undefined ? null : accuracyFile.parse(await read(trees.accuracy, "accuracy.json")),
    tensors: [...(found?.tensors ?? [])].sort((a, b) => order(a) - order(b)),
  };
}

/** The models to quantize. Throws ERR_EDGEIMG_UNKNOWN_NAME and ERR_EDGEIMG_USAGE. */
function chosenModels({ request }: Prepared, asked: string | undefined): readonly string[] {
  const { models } = request.project;
  const quantized = Object.keys(models).filter((name) => models[name]?.quantize !== undefined);
  if (asked !== undefined && models[asked] === undefined)
    throw new EdgeimgError(
      "ERR_EDGEIMG_UNKNOWN_NAME",
      `The project has no model "${asked}".${didYouMean(asked, Object.keys(models))}`,
      { hint: `Its models are ${Object.keys(models).join(", ") || "none"}.` },
    );
  if (asked === undefined ? quantized.length > 0 : quantized.includes(asked))
    return asked === undefined ? quantized : [asked];
  throw new EdgeimgError(
    "ERR_EDGEIMG_USAGE",
    asked === undefined ? "No model of the project is to be quantized." : `The model ${asked} is not to be quantized.`,
    {
      hint: `Say how under models.${asked ?? "NAME"}.quantize in edgeimg.yaml: \`quantize: { activations: float }\` needs nothing else, 8-bit activations need calibration inputs.`,
    },
  );
}
