import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { planImage as makePlan } from "../../builders/debian/plan-image.js";
import { targetName } from "../../config/matrix.js";
import { execute } from "../../execute/execute.js";
import type { StepResult } from "../../execute/run-step.js";
import { mergePlans } from "../../plan/merge.js";
import { modelTypesFile } from "../../steps/model-types.js";
import { useStore } from "../../store/use.js";
import { buildWithBuildroot } from "../buildroot/build.js";
import { type Built, countSteps, outcomeTree, publishBuilt } from "../session/built.js";
import { staleTypes } from "../session/editor-files.js";
import { lockQuantized } from "../session/lock-quantized.js";
import { type Prepared, prepare, prepareMatrix } from "../session/prepare.js";
import { type Outcome, published, requireWritable } from "../session/publish.js";
import type { BuildOptions, BuildResult, Context, MatrixResult } from "../types.js";
import { checkBudget } from "./budget.js";
import { withModulePlace } from "./module-place.js";
import { tidy } from "./tidy.js";
import { leaveReceipt } from "./up-to-date.js";

/** Builds the image of one board and puts it, with what belongs to it, into the output folder. */
export async function buildImage(context: Context, options: BuildOptions): Promise<BuildResult> {
  const began = context.date();
  const built = await buildPrepared(context, options);
  // A receipt is a matter of speed alone.
  await leaveReceiptOf(context, options, { built, began }).catch(() => undefined);
  return built.result;
}

async function leaveReceiptOf(
  context: Context,
  options: BuildOptions,
  { built, began }: { readonly built: Built; readonly began: number },
): Promise<void> {
  const { prepared, result, outcome } = built;
  // Packages of npm lie in folders of tens of thousands of files: a build looks at those that it needs.
  if (outcome === undefined || result.ranSteps > 0 || prepared.request.dependencies.length > 0) return;
  const { project } = prepared;
  const locals = outcome.plan.steps.filter(({ kind }) => kind === "local");
  const trees = Object.keys(published).flatMap((target) => outcomeTree(outcome, target) ?? []);
  await leaveReceipt(context, options, {
    began,
    project: project.folder,
    outBase: project.outBase,
    inputs: [
      resolve(context.cwd, options.configFile ?? "edgeimg.yaml"),
      project.lockFile,
      ...locals.map(({ params }) => String(Reflect.get(params, "path"))),
    ],
    stored: trees.flatMap((tree) => [tree, `${tree}.json`]),
    steps: outcome.plan.steps.flatMap(({ id, title }) => {
      const digest = outcome.results.get(id)?.digest;
      return digest === undefined ? [] : [{ step: id, title, digest }];
    }),
    result,
  });
}

export async function buildPrepared(context: Context, options: BuildOptions): Promise<Built> {
  if (options.builder === "buildroot") return await buildWithBuildroot(context, options);
  const started = context.now();
  const { built } = await buildAll(context, [await prepare(context, options)], { started, locked: options.locked });
  const [first] = built;
  if (first === undefined) throw new Error("nothing was built");
  return first;
}

/** Builds the images of all combinations of the project's matrix, as one graph in which each common step stands once. */
export async function buildMatrix(context: Context, options: BuildOptions): Promise<MatrixResult> {
  const started = context.now();
  const { built, steps } = await buildAll(context, await prepareMatrix(context, options), {
    started,
    locked: options.locked,
  });
  return { images: built.map(({ result }) => result), ...countSteps(steps), ms: context.now() - started };
}

async function buildAll(
  context: Context,
  images: readonly Prepared[],
  { started, locked }: Pick<Finish, "started" | "locked">,
): Promise<{ readonly built: readonly Built[]; readonly steps: readonly StepResult[] }> {
  const [first] = images;
  if (first === undefined) throw new Error("there is nothing to build");
  for (const { out } of images) await requireWritable(out);
  const jobs = images.map((prepared) => ({
    prepared,
    name: targetName({ board: prepared.request.board.name, engine: prepared.request.engine.recipe.name }),
    plan: makePlan(prepared.request, prepared.lock),
  }));
  const merged = mergePlans(jobs);
  context.emit({ type: "plan", steps: merged.plan.steps.length });
  const { store } = first.services;
  const ended = await useStore(store, context.signal, () => finish({ context, started, locked, jobs, merged })).catch(
    async (error) => {
      throw await withModulePlace(
        error,
        images.map(({ request }) => request),
      );
    },
  );
  for (const { prepared, outcome } of ended.built) {
    const folder = outcome === undefined ? undefined : outcomeTree(outcome, "model-types");
    if (folder === undefined || prepared.project.isExample) continue;
    const stale = await staleTypes(prepared.project.folder, await readFile(join(folder, modelTypesFile), "utf8"));
    if (stale !== undefined) context.emit({ type: "log", level: "info", message: stale });
    // The same project for all images.
    break;
  }
  await tidy(context, { store, built: ended.built, plan: merged.plan, results: ended.results });
  return { built: ended.built, steps: [...ended.results.values()] };
}

interface Finish {
  readonly context: Context;
  readonly started: number;
  readonly locked: boolean;
  readonly jobs: readonly { readonly prepared: Prepared; readonly name: string }[];
  readonly merged: ReturnType<typeof mergePlans>;
}

/** Runs the steps and publishes the results. */
async function finish({ context, started, locked, jobs, merged }: Finish) {
  const [first] = jobs;
  if (first === undefined) throw new Error("there is nothing to build");
  const results = await execute(merged.plan, Object.values(merged.plan.targets), first.prepared.services);
  const outcomes = jobs.map(({ prepared, name }) => ({
    prepared,
    targets: merged.targets.get(name) ?? {},
    steps: merged.steps.get(name) ?? [],
    results,
  }));
  for (const outcome of outcomes) {
    const treeOf = (model: string) => outcomeTree(outcome, `quantized/${model}`);
    await lockQuantized(context, outcome.prepared, { locked, treeOf });
  }
  for (const outcome of outcomes) await keepBudget(outcome);
  const built: Built[] = [];
  for (const outcome of outcomes) {
    built.push({ ...(await publishBuilt(context, outcome, started)), outcome: { ...outcome, plan: merged.plan } });
  }
  return { built, results };
}

/** Before anything is published, so that the output folder keeps the last image within the budget, to compare with. */
async function keepBudget(outcome: Outcome): Promise<void> {
  const { project, request, out } = outcome.prepared;
  const report = outcomeTree(outcome, "report");
  if (report === undefined) return;
  const packed = outcomeTree(outcome, "zst");
  const [name = ""] = packed === undefined ? [] : await readdir(packed);
  await checkBudget({
    budget: request.project.budget,
    report,
    compressed: packed === undefined ? undefined : join(packed, name),
    before: out,
    place: project.merged.place(["budget"]),
  });
}
