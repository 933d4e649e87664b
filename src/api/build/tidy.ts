import { resolve } from "node:path";
import type { StepResult } from "../../execute/run-step.js";
import { carriedSteps } from "../../plan/carried.js";
import type { Plan, Step } from "../../plan/step.js";
import type { Store } from "../../store/store.js";
import { noteAdded } from "../../store/tidied.js";
import { type OutFolder, removeReplaced, treeBytes } from "../../store/tidy.js";
import { whenUnused } from "../../store/use.js";
import type { Built } from "../session/built.js";
import { storeLimits } from "../session/store-limits.js";
import type { Context } from "../types.js";

interface Tidying {
  readonly store: Store;
  readonly built: readonly Built[];
  readonly plan: Plan;
  readonly results: ReadonlyMap<string, StepResult>;
}

/**
 * After a build that did something: images that it replaced leave the store, and what it added is counted, so that the whole store is looked through when
 * that is due (api/cache/tidy.ts). Another build at the same time puts it off. A failure to tidy is no failure of the build.
 */
export async function tidy(context: Context, { store, built, plan, results }: Tidying): Promise<void> {
  const ran = [...results].filter(([, { cached }]) => !cached);
  if (ran.every(([id]) => plan.steps.find((step) => step.id === id)?.kind === "local")) return;
  if (storeLimits(context.env) === undefined) return;
  const outs = built.map(({ prepared, result }) => ({
    folder: result.out,
    trees: replaceable(plan, prepared.project.folder).flatMap((id) => results.get(id)?.digest ?? []),
  }));
  let added = 0;
  for (const digest of new Set(ran.map(([, { digest }]) => digest))) added += await treeBytes(store, digest);
  const freed = await whenUnused(store, context.signal, () => removeAll(store, outs)).catch(() => 0);
  await noteAdded(store, added - (freed ?? 0)).catch(() => undefined);
  if (freed === undefined || freed === 0) return;
  const message = `${(freed / 1e6).toFixed(0)} MB left the store: images that were replaced`;
  context.emit({ type: "log", level: "info", message });
}

async function removeAll(store: Store, outs: readonly OutFolder[]): Promise<number> {
  let freed = 0;
  for (const out of outs) freed += await removeReplaced(store, out);
  return freed;
}

/** The image and what is packed into it, as far as it depends on the project's own files: large, made in a second, and worthless once replaced. */
function replaceable(plan: Plan, folder: string): string[] {
  const { portable } = carriedSteps(plan, {
    isOwn: ({ kind, params }: Step) => {
      const path = kind === "local" ? resolve(String(Reflect.get(params, "path"))) : undefined;
      return path !== undefined && (path === folder || path.startsWith(`${folder}/`));
    },
    isRemade: () => false,
  });
  const steps = new Map(plan.steps.map((step) => [step.id, step]));
  const found = new Set<string>();
  const add = (id: string, depth: number): void => {
    if (portable.has(id)) return;
    found.add(id);
    if (depth > 0) for (const input of Object.values(steps.get(id)?.inputs ?? {})) add(input, depth - 1);
  };
  for (const [name, id] of Object.entries(plan.targets)) {
    const target = name.split(" ").at(-1)?.split("/").at(-1) ?? name;
    if (target === "zst") add(id, 0);
    // The disk, the root file system in it, and the files of that.
    if (target === "disk") add(id, 2);
  }
  return [...found];
}
