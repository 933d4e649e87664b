import { planImage as makePlan } from "../../builders/debian/plan-image.js";
import { execute } from "../../execute/execute.js";
import type { Plan } from "../../plan/step.js";
import { treePath } from "../../store/store.js";
import { useStore } from "../../store/use.js";
import { prepare } from "../session/prepare.js";
import type { BuildOptions, Context, StepBuildResult } from "../types.js";
import { findStep } from "./find-step.js";
import { withModulePlace } from "./module-place.js";

/**
 * Builds one step and what it needs; nothing goes into the output folder. With `keepWork` the step itself runs even when its result is
 * known, since somebody wants to see its work folder. Throws ERR_EDGEIMG_USAGE for a step that there is not.
 */
export async function buildStep(
  context: Context,
  options: BuildOptions & { readonly step: string },
): Promise<StepBuildResult> {
  const started = context.now();
  const prepared = await prepare(context, options);
  const { request, lock, services } = prepared;
  const whole = makePlan(request, lock);
  const step = findStep(whole, options.step, prepared);
  const part = stepsFor(whole, step.id);
  const plan: Plan = { ...part, ...(options.keepWork ? { again: [step.id] } : {}) };
  context.emit({ type: "plan", steps: plan.steps.length });
  const results = await useStore(services.store, context.signal, () => execute(plan, [step.id], services)).catch(
    async (error) => {
      throw await withModulePlace(error, [request]);
    },
  );
  const digest = results.get(step.id)?.digest ?? "";
  const cachedSteps = [...results.values()].filter(({ cached }) => cached).length;
  return {
    board: request.board.name,
    engine: request.engine.recipe.name,
    step: step.id,
    title: step.title,
    digest,
    path: treePath(services.store, digest),
    cachedSteps,
    ranSteps: results.size - cachedSteps,
    ms: context.now() - started,
  };
}

/** The part of a plan that some steps need, they among it. */
export function stepsFor(whole: Plan, ids: string | readonly string[]): Plan {
  const needed = neededSteps(whole, typeof ids === "string" ? [ids] : ids);
  return { ...whole, steps: whole.steps.filter((step) => needed.has(step.id)) };
}

/** Steps and all that they need, directly or not. */
function neededSteps(plan: Plan, ids: readonly string[]): ReadonlySet<string> {
  const inputs = new Map(plan.steps.map((step) => [step.id, Object.values(step.inputs)]));
  const needed = new Set(ids);
  for (const one of needed) for (const input of inputs.get(one) ?? []) needed.add(input);
  return needed;
}
