import { setMaxListeners } from "node:events";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { Plan } from "../plan/step.js";
import type { StepServices } from "../steps/kind.js";
import { readAction } from "../store/store.js";
import { findKind } from "./kinds.js";
import type { StepResult } from "./run-step.js";
import { allSettledOrThrow, scheduleSteps } from "./schedule.js";
import { stepKey } from "./step-key.js";

/**
 * Brings the named steps, and what they need, to results in the store, those of `plan.first` before all others: what a user may
 * have got wrong is told before minutes of work. A step whose action is known is not run; its inputs are then not even looked at. Throws the first failure, after all running steps have stopped.
 */
export async function execute(
  plan: Plan,
  targets: readonly string[],
  services: StepServices,
): Promise<Map<string, StepResult>> {
  const stop = new AbortController();
  const signal = AbortSignal.any([services.signal, stop.signal]);
  // Every running step listens.
  setMaxListeners(0, signal, stop.signal);
  const schedule = scheduleSteps(plan, { ...services, signal }, (error) => stop.abort(error));
  const steps = new Set(plan.steps.map(({ id }) => id));
  try {
    await allSettledOrThrow((plan.first ?? []).filter((id) => steps.has(id)).map(schedule.resolve));
    await allSettledOrThrow(targets.map(schedule.ensure));
  } catch (error) {
    stop.abort(error);
    await schedule.settled();
    if (services.signal.aborted) throw interrupted(services.signal);
    // The failure that stopped the others, not an echo of the stop.
    throw stop.signal.reason ?? error;
  }
  return schedule.finished;
}

/**
 * Which steps' results the store already knows, by id. Steps that read the user's files are run for that; nothing else is.
 */
export async function previewPlan(plan: Plan, services: StepServices): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  for (const step of plan.steps) {
    const key = stepKey(step, known);
    if (key === undefined) continue;
    const digest = findKind(step.kind).volatile
      ? (await execute({ ...plan, steps: [step] }, [step.id], { ...services, emit: () => {} })).get(step.id)?.digest
      : await readAction(services.store, key);
    if (digest !== undefined) known.set(step.id, digest);
  }
  return known;
}

function interrupted(signal: AbortSignal): EdgeimgError {
  if (signal.reason instanceof EdgeimgError) return signal.reason;
  return new EdgeimgError("ERR_EDGEIMG_INTERRUPTED", "Stopped.", {
    hint: "Run the same command again: it continues where it stopped.",
  });
}
