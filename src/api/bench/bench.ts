import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { measureTargets } from "../../builders/debian/measure.js";
import { planBench } from "../../builders/debian/plan-image.js";
import { type Arch, architectures } from "../../catalog/architecture.js";
import { hostReference } from "../../catalog/check.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { execute } from "../../execute/execute.js";
import type { RenderTemplate } from "../../image/render.js";
import { shapesKey } from "../../model/shapes.js";
import type { Latency, MeasuredEngine, RefusedEngine } from "../../report/bench.js";
import { type BenchModel, type BenchReport, benchNotes, benchReport } from "../../report/bench.js";
import { benchPage } from "../../report/bench-chart.js";
import { engineSize } from "../../report/engine-size.js";
import { manifestSchema } from "../../report/manifest.js";
import { measureSettings } from "../../steps/measure-model.js";
import { treePath } from "../../store/store.js";
import { useStore } from "../../store/use.js";
import { withModulePlace } from "../build/module-place.js";
import { benchFolder, benchReportFile } from "../session/open-project.js";
import { type Prepared, prepareTargets } from "../session/prepare.js";
import { requireWritable } from "../session/publish.js";
import type { BenchOptions, BenchResult, Context } from "../types.js";
import { type BoardJob, boardLatencies, checkHost } from "./board.js";
import { benchTargets } from "./engines.js";
import { measuredModel } from "./measured.js";

/**
 * Builds the project with each of some engines as far as it takes to measure them, and writes what was measured. An engine that cannot run the models is
 * told with its reason; when none can, the first one's error is thrown.
 */
export async function benchEngines(context: Context, options: BenchOptions): Promise<BenchResult> {
  if (options.ssh !== undefined) checkHost(options.ssh);
  // The project need not choose an engine to have some compared.
  const asked = { ...options, engine: options.engines[0] ?? hostReference };
  const images = await prepareTargets(context, asked, (project) => benchTargets(project, options.engines));
  const [first] = images;
  if (first === undefined) throw new Error("no engine was chosen");
  const folder = benchFolder(first.project, first.request.board.name);
  await requireWritable(folder);
  const ended = await useStore(first.services.store, context.signal, async () => {
    const list: EngineEnd[] = [];
    for (const prepared of images) list.push(await benchEngine(context, options, prepared));
    return list;
  });
  const engines = ended.flatMap((one) => ("engine" in one ? [one.engine] : []));
  const failures = ended.flatMap((one) => ("error" in one ? [one] : []));
  if (engines.length === 0 && failures[0] !== undefined) throw failures[0].error;
  const report = benchReport.parse({
    format: 1,
    edgeimg: first.request.versions.edgeimg,
    project: first.request.project.name,
    board: first.request.board.name,
    cpu: first.request.board.cpu,
    reference: first.request.catalog.reference.source.purl,
    distribution: first.lock.distribution,
    method: measureSettings,
    engines,
    refused: failures.map(({ refused }) => refused),
    notes: [...benchNotes],
  } satisfies BenchReport);
  return { folder, report, files: await writeReport(folder, report, first.request.render) };
}

type EngineEnd =
  | { readonly engine: MeasuredEngine }
  | { readonly refused: RefusedEngine; readonly error: EdgeimgError };

/** Measures one engine. Only what is said of models makes an engine one that cannot run them: all else is thrown. */
async function benchEngine(context: Context, options: BenchOptions, prepared: Prepared): Promise<EngineEnd> {
  const { name, version } = prepared.request.engine.recipe;
  try {
    return { engine: await measureEngine(context, options, prepared) };
  } catch (thrown) {
    const error = await withModulePlace(thrown, [prepared.request]);
    if (!(error instanceof EdgeimgError) || !/_(?:MODEL|BENCH)_/.test(error.code)) throw error;
    context.emit({ type: "log", level: "warn", message: `${name}: ${error.message}` });
    return { refused: { name, version, code: error.code, refused: error.message }, error };
  }
}

async function measureEngine(
  context: Context,
  { ssh, threads = 1 }: BenchOptions,
  { request, lock, services }: Prepared,
): Promise<MeasuredEngine> {
  const { recipe } = request.engine;
  const plan = planBench(request, lock);
  context.emit({ type: "plan", steps: plan.steps.length });
  const run = async (targets: readonly string[]) => {
    const steps = targets.map((target) => plan.targets[target] ?? "");
    const results = await execute(plan, steps, services);
    return steps.map((step) => treePath(services.store, results.get(step)?.digest ?? ""));
  };
  const [report = ""] = await run(["report"]);
  const manifest = manifestSchema.parse(JSON.parse(await readFile(join(report, "manifest.json"), "utf8")));
  const models: BenchModel[] = [];
  for (const model of Object.keys(request.project.models)) {
    const { cases, actual, measured, compared, golden } = measureTargets;
    const of = (target: string) => `${target}/${model}`;
    const passes = await run([of(compared)]).then(() => true, isTolerance);
    const [caseTree = "", actualTree = "", measuredTree = ""] = await run([of(cases), of(actual), of(measured)]);
    const [goldenTree] = plan.targets[of(golden)] === undefined ? [] : await run([of(golden)]);
    const trees = { cases: caseTree, actual: actualTree, golden: goldenTree, measured: measuredTree };
    const row = await measuredModel(model, { manifest, passes, trees });
    if (ssh === undefined) {
      models.push(row);
      continue;
    }
    const [files = ""] = await run([of(measureTargets.files)]);
    const job = { host: ssh, threads, model, archive: join(files, "data.tar"), cases: caseTree };
    models.push(withLatencies(row, await boardLatencies(context, { ...job, ...boardPaths(request.board.arch) })));
  }
  return {
    name: recipe.name,
    version: recipe.version,
    imageBytes: manifest.image.bytes,
    engineBytes: engineSize(manifest),
    models,
  };
}

/** Where the loader and the libraries lie in what a board is given. */
function boardPaths(arch: Arch): Pick<BoardJob, "loader" | "libraries"> {
  const { loader, triplet } = architectures[arch];
  return { loader, libraries: ["usr/lib/edgeimg", `usr/lib/${triplet}`, "usr/lib"] };
}

function withLatencies(model: BenchModel, latencies: ReadonlyMap<string, Latency>): BenchModel {
  return {
    ...model,
    runs: model.runs.map((one) => {
      const latency = latencies.get(shapesKey(one.shapes));
      return latency === undefined ? one : { ...one, latency };
    }),
  };
}

/** False for results that are too far off, which are measured all the same. Throws all other errors. */
function isTolerance(error: unknown): false {
  if (error instanceof EdgeimgError && error.code === "ERR_EDGEIMG_MODEL_TOLERANCE") return false;
  throw error;
}

/** Writes the comparison for programs, and as a chart and a page that need no other file. */
async function writeReport(folder: string, report: BenchReport, render: RenderTemplate): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const { chart, ...page } = benchPage(report);
  const svg = render("bench/chart.svg.hbs", chart);
  const files = {
    [benchReportFile]: `${JSON.stringify(report, null, 1)}\n`,
    "bench.svg": svg,
    "bench.html": render("bench/page.html.hbs", { ...page, title: chart.title, svg }),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return Object.keys(files).map((name) => join(folder, name));
}
