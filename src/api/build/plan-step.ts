import { planImage as makePlan } from "../../builders/debian/plan-image.js";
import { previewPlan } from "../../execute/execute.js";
import { findKind } from "../../execute/kinds.js";
import { stepKey } from "../../execute/step-key.js";
import { commandsOf } from "../../steps/run.js";
import { treePath } from "../../store/store.js";
import { prepare } from "../session/prepare.js";
import type { BuildOptions, Context, StepDetails } from "../types.js";
import { findStep } from "./find-step.js";

/** One step of a build, whole: all that decides its result, and where that lies. Throws ERR_EDGEIMG_USAGE for one that there is not. */
export async function planStep(
  context: Context,
  options: BuildOptions & { readonly step: string },
): Promise<StepDetails> {
  const prepared = await prepare(context, options);
  const { request, lock, services } = prepared;
  const plan = makePlan(request, lock);
  const step = findStep(plan, options.step, prepared);
  const known = await previewPlan(plan, services);
  const kind = findKind(step.kind);
  const digest = known.get(step.id);
  const process = commandsOf(step);
  return {
    board: request.board.name,
    engine: request.engine.recipe.name,
    id: step.id,
    title: step.title,
    why: step.why,
    kind: kind.name,
    version: kind.version,
    weight: step.weight ?? "one",
    ...(process === undefined ? {} : { process }),
    params: Object.fromEntries(Object.entries(step.params).map(([key, value]) => [key, withoutSecrets(value)])),
    inputs: Object.entries(step.inputs).map(([name, id]) => ({ name, step: id, digest: known.get(id) })),
    neededBy: plan.steps.filter(({ inputs }) => Object.values(inputs).includes(step.id)).map(({ id }) => id),
    // What a volatile step reads can change at any time: its key says nothing.
    key: kind.volatile ? undefined : stepKey(step, known),
    digest,
    path: digest === undefined ? undefined : treePath(services.store, digest),
  };
}

/** Parameters as they are shown: the text of a file that root alone may read, such as keys of networks, is left out. */
function withoutSecrets(value: unknown, isSecret = false): unknown {
  if (typeof value === "string") return isSecret ? "(for root alone, not shown)" : value;
  if (Array.isArray(value)) return value.map((one) => withoutSecrets(one));
  if (typeof value !== "object" || value === null) return value;
  const mode: unknown = Reflect.get(value, "mode");
  const isOfRoot = typeof mode === "number" && (mode & 0o077) === 0;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      key,
      withoutSecrets(child, key === "text" ? isSecret : isOfRoot && key === "from"),
    ]),
  );
}
