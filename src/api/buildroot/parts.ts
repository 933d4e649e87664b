import { join } from "node:path";
import type { HeaderPackage, PartFile, Parts } from "../../builders/buildroot/request.js";
import { planParts } from "../../builders/debian/plan-image.js";
import type { Board } from "../../catalog/board.js";
import type { CatalogRecipe } from "../../catalog/catalog.js";
import { targetName } from "../../config/matrix.js";
import { execute } from "../../execute/execute.js";
import { epochOf, type Lock } from "../../lock/lock-file.js";
import { mergePlans } from "../../plan/merge.js";
import { operatorsListing } from "../../steps/operators.js";
import { treePath } from "../../store/store.js";
import { listTree } from "../../store/tree.js";
import { prepareTargets } from "../session/prepare.js";
import type { BuildOptions, Context } from "../types.js";

/**
 * What the first builder makes for a Buildroot tree: the bundled app, and each engine's models, converted and compared with the
 * originals on every kind of core that the boards have.
 */
export async function makeParts(
  context: Context,
  options: BuildOptions,
  { boards, engines }: { boards: readonly Board[]; engines: readonly CatalogRecipe[] },
): Promise<{ parts: Parts; epoch: number }> {
  const cores = [...new Map(boards.map((board) => [board.cpu, board])).values()];
  const targets = cores.flatMap((board) => engines.map(({ recipe }) => ({ board: board.name, engine: recipe.name })));
  const prepared = await prepareTargets(context, options, () => targets, "parts");
  const [first] = prepared;
  if (first === undefined) throw new Error("no target was chosen");
  const { services, lock } = first;
  const jobs = prepared.map(({ request }) => ({
    engine: request.engine.recipe.name,
    arch: request.board.arch,
    name: targetName({ board: request.board.name, engine: request.engine.recipe.name }),
    plan: planParts(request, lock),
  }));
  const merged = mergePlans(jobs);
  const wanted = jobs.map((job) => ({ ...job, targets: merged.targets.get(job.name) ?? {} }));
  const steps = wanted.flatMap(({ targets }) =>
    Object.entries(targets).flatMap(([name, step]) =>
      /^(parts|operators|typecheck|check\/.*)$/.test(name) ? [step] : [],
    ),
  );
  context.emit({ type: "plan", steps: merged.plan.steps.length });
  const results = await execute(merged.plan, steps, services);
  const models = new Map<string, readonly PartFile[]>();
  const operators = new Map<string, PartFile>();
  const headers = new Map<string, readonly HeaderPackage[]>();
  let app: readonly PartFile[] = [];
  for (const { engine, arch, targets } of wanted) {
    const treeOf = (step: string | undefined) => treePath(services.store, results.get(step ?? "")?.digest ?? "");
    const files = await filesOf(join(treeOf(targets.parts), "data"));
    app = below(files, "app");
    models.set(engine, below(files, "models"));
    const options = targets.operators === undefined ? [] : await filesOf(treeOf(targets.operators));
    const chosen = options.find(({ path }) => path !== operatorsListing);
    if (chosen !== undefined) operators.set(engine, chosen);
    headers.set(engine, headerPackages(lock, `headers/${engine}-${arch}`));
  }
  return { parts: { app, models, operators, headers }, epoch: epochOf(lock) };
}

async function filesOf(folder: string): Promise<PartFile[]> {
  const entries = await listTree(folder);
  return entries.flatMap(({ type, path }) =>
    type === "f" || type === "x" ? [{ path, file: join(folder, path) }] : [],
  );
}

function below(files: readonly PartFile[], folder: string): PartFile[] {
  return files.flatMap(({ path, file }) =>
    path.startsWith(`${folder}/`) ? [{ path: path.slice(folder.length + 1), file }] : [],
  );
}

/** Packages of a set in the lock, as files of the distribution's pool. */
export function headerPackages(lock: Lock, set: string): HeaderPackage[] {
  return (lock.sets[set]?.packages ?? []).flatMap((id) => {
    const found = lock.packages[id];
    return found === undefined
      ? []
      : [{ path: found.path, file: found.path.slice(found.path.lastIndexOf("/") + 1), sha256: found.sha256 }];
  });
}
