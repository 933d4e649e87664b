import type { PlanBuilder } from "./step.js";

/**
 * A plan within a plan: its steps get `name` before their ids and behind their titles, so that they may be called as steps of the outer one. What both
 * have in common becomes one step when plans are merged.
 */
export function planWithin(plan: PlanBuilder, name: string): PlanBuilder {
  return {
    steps: plan.steps,
    add: (step) => plan.add({ ...step, id: `${name}/${step.id}`, title: `${step.title} (${name})` }),
  };
}
