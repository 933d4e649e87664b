import { planImage as makePlan } from "../../builders/debian/plan-image.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { didYouMean } from "../../errors/nearest.js";
import type { Plan, Step } from "../../plan/step.js";
import { type Prepared, prepare } from "../session/prepare.js";
import type { BuildOptions, Context } from "../types.js";

/** The step of an id. Throws ERR_EDGEIMG_USAGE, with the id that was most likely meant, where the plan has none. */
export function findStep(plan: Plan, id: string, { request }: Pick<Prepared, "request">): Step {
  const step = plan.steps.find((one) => one.id === id);
  if (step !== undefined) return step;
  const target = `${request.board.name} with ${request.engine.recipe.name}`;
  const guess = didYouMean(
    id,
    plan.steps.map((one) => one.id),
  );
  throw new EdgeimgError("ERR_EDGEIMG_USAGE", `The build of ${target} has no step "${id}".${guess}`, {
    hint: "`edgeimg plan` lists the steps; the first column after `run` or `store` is a step's name.",
  });
}

/** The ids of a build's steps. */
export async function listSteps(context: Context, options: BuildOptions): Promise<readonly string[]> {
  const { request, lock } = await prepare(context, options);
  return makePlan(request, lock).steps.map(({ id }) => id);
}
