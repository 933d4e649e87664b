import { resolve } from "node:path";
import type { StepResult } from "../../execute/run-step.js";
import { carriedSteps } from "../../plan/carried.js";
import type { Plan, Step } from "../../plan/step.js";
import type { Store } from "../../store/store.js";
import { type StoreLimits, tidyStore } from "../../store/tidy.js";
import { whenUnused } from "../../store/use.js";
import type { Built } from "../session/publish.js";
import type { Context } from "../types.js";

/** What a store is held to unless the environment says otherwise; docs/lock-and-store.md tells them. */
const defaults = { days: 30, gigabytes: 20 };

interface Tidying {
  readonly store: Store;
  /** When the build began, milliseconds since the epoch. */
  readonly since: number;
  readonly built: readonly Built[];
  readonly plan: Plan;
  readonly results: ReadonlyMap<string, StepResult>;
}

/**
 * After a build that did something: images that it replaced leave the store, and so does what is too old or too much. Another build at the same
 * time puts it off. A failure to tidy is no failure of the build.
 */
export async function tidy(context: Context, { store, since, built, plan, results }: Tidying): Promise<void> {
  if ([...results].every(([id, { cached }]) => cached || plan.steps.find((step) => step.id === id)?.kind === "local"))
    return;
  const limits = storeLimits(context.env);
  if (limits === undefined) return;
  const outs = built.map(({ prepared, result }) => ({
    folder: result.out,
    trees: replaceable(plan, prepared.project.folder).flatMap((id) => results.get(id)?.digest ?? []),
  }));
  const job = { store, limits, now: context.date(), since, outs };
  const freed = await whenUnused(store, context.signal, () => tidyStore(job)).catch(() => undefined);
  if (freed === undefined || freed === 0) return;
  context.emit({
    type: "log",
    level: "info",
    message: `${(freed / 1e6).toFixed(0)} MB left the store: images that were replaced, results unused for ${limits.days} days or beyond ${limits.bytes / 1e9} GB`,
  });
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

/** `EDGEIMG_STORE_DAYS` and `EDGEIMG_STORE_GB`; undefined when one of them is `off`. */
function storeLimits(env: Context["env"]): StoreLimits | undefined {
  const read = (text: string | undefined, usual: number) => {
    if (text === "off") return undefined;
    const value = Number(text);
    return text !== undefined && text !== "" && Number.isFinite(value) && value > 0 ? value : usual;
  };
  const days = read(env.EDGEIMG_STORE_DAYS, defaults.days);
  const gigabytes = read(env.EDGEIMG_STORE_GB, defaults.gigabytes);
  return days === undefined || gigabytes === undefined ? undefined : { days, bytes: gigabytes * 1e9 };
}
