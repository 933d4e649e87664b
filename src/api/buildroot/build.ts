import { join, resolve } from "node:path";
import { defconfigName } from "../../builders/buildroot/defconfig.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { execute } from "../../execute/execute.js";
import { type Built, publishBuilt } from "../session/built.js";
import { firstTargetOf, type Prepared, prepareTargets } from "../session/prepare.js";
import { requireWritable } from "../session/publish.js";
import type { BuildOptions, Context } from "../types.js";
import { collectResults, planResults } from "./results.js";
import { runMake } from "./run-make.js";
import { runTool } from "./run-tool.js";
import { readBuildroot, readReleases, writeBuildrootTree } from "./write.js";

/**
 * Builds the image with Buildroot, and ends with the same files as the other builder. Buildroot itself continues where a run before
 * stopped. Throws ERR_EDGEIMG_BUILDROOT_BUILD, with the log's last lines.
 */
export async function buildWithBuildroot(context: Context, options: BuildOptions): Promise<Built> {
  const started = context.now();
  const { buildroot, release, prepared } = await openBuildroot(context, options);
  const { request, services, lock, out } = prepared;
  await requireWritable(out);
  const work = join(out, "buildroot");
  const tree = join(work, "tree");
  const output = join(work, "output");
  const { board, engine } = request;
  await writeBuildrootTree(context, {
    ...options,
    out: tree,
    board: board.name,
    engine: engine.recipe.name,
    matrix: false,
  });
  const args = ["-C", buildroot, `O=${output}`, `BR2_EXTERNAL=${tree}`, ...makeSettings(context, options)];
  const log = join(work, "build.log");
  for (const goals of [[defconfigName(board, engine)], []])
    await runMake(context, { args: [...args, ...goals], cwd: work, log });
  const info = await runTool(context, { command: "make", args: ["-s", ...args, "show-info"], cwd: work });
  const folders = await collectResults(request, { work, output, release, info: info.stdout });
  const plan = planResults(request, lock, folders);
  context.emit({ type: "plan", steps: plan.steps.length });
  const results = await execute(plan, Object.values(plan.targets), services);
  const steps = plan.steps.map(({ id }) => id);
  return await publishBuilt(context, { prepared, targets: plan.targets, steps, results }, started);
}

/** The release that the user names, and what is built with it. Throws ERR_EDGEIMG_USAGE without one, ERR_EDGEIMG_BUILDROOT_FOLDER, ..._RELEASE. */
async function openBuildroot(
  context: Context,
  options: BuildOptions,
): Promise<{ readonly buildroot: string; readonly release: string; readonly prepared: Prepared }> {
  if (options.buildroot === undefined) {
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", "--builder buildroot needs a Buildroot release.", {
      hint: "Name the folder of an unpacked one with --buildroot DIR.",
    });
  }
  const buildroot = resolve(context.cwd, options.buildroot);
  const [prepared] = await prepareTargets(context, options, firstTargetOf, "parts");
  if (prepared === undefined) throw new Error("no target was chosen");
  const { release } = await readBuildroot(buildroot, await readReleases(prepared.project.catalog.home));
  return { buildroot, release, prepared };
}

/** What the user's options say to make. */
function makeSettings(context: Context, { jobs, dlDir, primarySite }: BuildOptions): string[] {
  return [
    ...(jobs === undefined ? [] : [`BR2_JLEVEL=${jobs}`]),
    ...(dlDir === undefined ? [] : [`BR2_DL_DIR=${resolve(context.cwd, dlDir)}`]),
    ...(primarySite === undefined ? [] : [`BR2_PRIMARY_SITE=${primarySite}`]),
  ];
}
