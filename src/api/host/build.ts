import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { planHost } from "../../builders/debian/plan-host.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { execute } from "../../execute/execute.js";
import { canonicalJson } from "../../ground/canonical.js";
import { hostRequest, type ImageRequest } from "../../image/request.js";
import { modelTypesFile } from "../../steps/model-types.js";
import { treePath } from "../../store/store.js";
import { staleTypes } from "../session/editor-files.js";
import { imageRequest, openProject } from "../session/open-project.js";
import { firstTargetOf, type Prepared, prepareTargets } from "../session/prepare.js";
import type { BuildOptions, Context } from "../types.js";

/** What an app runs with on this machine. */
export interface HostBuild {
  readonly request: ImageRequest;
  /** Target of the plan -> its folder in the store. */
  readonly trees: Readonly<Record<string, string>>;
  /** The same for builds whose apps would not differ. */
  readonly key: string;
}

/** Targets that an app runs with; the others are checks. */
const used = ["app", "models", "engine", "kernels", "runtime", "sysroot"];

/**
 * Prepares a project for this machine. Throws ERR_EDGEIMG_ENGINE_UNSUPPORTED when a flag names an engine that does not run here: the one
 * of edgeimg.yaml is for boards.
 */
export async function prepareHost(context: Context, options: BuildOptions): Promise<Prepared> {
  if (options.engine !== undefined) refuseOther(imageRequest(await openProject(context, options)));
  const [prepared] = await prepareTargets(context, options, firstTargetOf, "host");
  if (prepared === undefined) throw new Error("no target was chosen");
  return prepared;
}

function refuseOther(request: ImageRequest): void {
  const { engine } = hostRequest(request);
  const { arch } = request.host;
  if (engine === request.engine) return;
  const here = [...request.catalog.engines.values()].filter(({ recipe }) => recipe.supports.host.includes(arch));
  throw new EdgeimgError(
    "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
    `${request.engine.recipe.title} does not run on this machine (${arch}).`,
    { hint: `Leave out --engine, or name one that does: ${here.map(({ recipe }) => recipe.name).join(", ")}.` },
  );
}

/** Brings all that the app runs with into the store. The caller sees to it that nothing of it is pruned. */
export async function buildHost(context: Context, { request, lock, services }: Prepared): Promise<HostBuild> {
  const plan = planHost(request, lock);
  context.emit({ type: "plan", steps: plan.steps.length });
  const results = await execute(plan, Object.values(plan.targets), services);
  const digests = Object.entries(plan.targets).map(([target, step]): [string, string] => [
    target,
    results.get(step)?.digest ?? "",
  ]);
  const { app, system } = request.project;
  return {
    request,
    trees: Object.fromEntries(digests.map(([target, digest]) => [target, treePath(services.store, digest)])),
    key: canonicalJson([digests.filter(([target]) => used.includes(target)), app.env, system.timezone]),
  };
}

/** Says when the project's editor checks it with other types than these. */
export async function tellStaleTypes(context: Context, { project }: Prepared, { trees }: HostBuild): Promise<void> {
  if (project.isExample) return;
  const models = await readFile(join(trees["model-types"] ?? "", modelTypesFile), "utf8");
  const stale = await staleTypes(project.folder, models);
  if (stale !== undefined) context.emit({ type: "log", level: "info", message: stale });
}
