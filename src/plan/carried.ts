import type { Plan, Step } from "./step.js";

export interface CarriedSteps {
  /** Steps that depend on nothing of the project's own files: they are the same on another machine. */
  readonly portable: ReadonlySet<string>;
  /** Those of them whose results are worth moving there. */
  readonly carried: ReadonlySet<string>;
}

/**
 * What to move to another machine. `isOwn` names the steps that read the project's files, which are there anyway. Of what does not
 * depend on them, that is carried which a target, or a step that does, needs; but not what `isRemade` names: downloads make it again.
 */
export function carriedSteps(
  plan: Plan,
  { isOwn, isRemade }: { readonly isOwn: (step: Step) => boolean; readonly isRemade: (step: Step) => boolean },
): CarriedSteps {
  const own = new Set<string>();
  for (const step of plan.steps)
    if (isOwn(step) || Object.values(step.inputs).some((id) => own.has(id))) own.add(step.id);
  const needed = new Set(Object.values(plan.targets));
  for (const step of plan.steps) if (own.has(step.id)) for (const id of Object.values(step.inputs)) needed.add(id);
  const portable = plan.steps.filter(({ id }) => !own.has(id));
  return {
    portable: new Set(portable.map(({ id }) => id)),
    carried: new Set(portable.flatMap((step) => (needed.has(step.id) && !isRemade(step) ? [step.id] : []))),
  };
}
