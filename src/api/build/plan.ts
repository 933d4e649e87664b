import { planImage as makePlan } from "../../builders/debian/plan-image.js";
import { previewPlan } from "../../execute/execute.js";
import { prepare } from "../session/prepare.js";
import type { BuildOptions, Context, PlanResult } from "../types.js";

/** What a build would do, why, and which settings decide it. Fetches nothing but what the lock needs. */
export async function planImage(context: Context, options: BuildOptions): Promise<PlanResult> {
  const prepared = await prepare(context, options);
  const plan = makePlan(prepared.request, prepared.lock);
  const known = await previewPlan(plan, prepared.services);
  const users = new Map<string, string[]>();
  for (const step of plan.steps) {
    for (const input of Object.values(step.inputs)) users.set(input, [...(users.get(input) ?? []), step.id]);
  }
  for (const [target, step] of Object.entries(plan.targets))
    users.set(step, [...(users.get(step) ?? []), `result: ${target}`]);
  return {
    board: prepared.request.board.name,
    engine: prepared.request.engine.recipe.name,
    steps: plan.steps.map((step) => ({
      id: step.id,
      title: step.title,
      kind: step.kind,
      why: step.why,
      digest: known.get(step.id) ?? "",
      neededBy: users.get(step.id) ?? [],
      cached: known.has(step.id),
    })),
    settings: prepared.project.merged.settings,
  };
}
