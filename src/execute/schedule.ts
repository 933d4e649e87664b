import { EdgeimgError } from "../errors/edgeimg-error.js";
import { semaphore } from "../ground/semaphore.js";
import type { Plan, Step } from "../plan/step.js";
import type { StepServices } from "../steps/kind.js";
import { findDamage, hasTree, removeDamaged } from "../store/store.js";
import { findKind } from "./kinds.js";
import { runStep, type StepJob, type StepResult } from "./run-step.js";

/** The steps of one run, each brought to its result at most once. */
export interface Schedule {
  /** What a step's result is; its tree may be missing. */
  resolve(id: string): Promise<StepResult>;
  /** Makes sure that a step's tree is in the store and undamaged, making it anew if it is not. */
  ensure(id: string): Promise<void>;
  /** Waits until nothing of the run works any more. */
  settled(): Promise<void>;
  /** What is done, by step. */
  readonly finished: Map<string, StepResult>;
}

/** Runs a plan's steps as they are asked for, what they need before them; tells `failed` of each failure when it happens. */
export function scheduleSteps(plan: Plan, services: StepServices, failed: (error: unknown) => void): Schedule {
  const byId = new Map(plan.steps.map((step) => [step.id, step]));
  const again = new Set(plan.again);
  const slots = semaphore(Math.max(2, services.jobs));
  const finished = new Map<string, StepResult>();

  const run = async (step: Step, anew: StepJob["anew"]): Promise<StepResult> => {
    const inputs = await allSettledOrThrow(
      Object.entries(step.inputs).map(
        async ([name, id]): Promise<[string, string]> => [name, (await results.of(id)).digest],
      ),
    );
    services.signal.throwIfAborted();
    const result = await runStep({
      ...{ step, anew, inputs: new Map(inputs), services, slots },
      ensureInputs: () => allSettledOrThrow(Object.values(step.inputs).map(trees.of)),
      isSound: (digest) => isSound(services, { id: step.id, digest }),
      madeOf: (id) => finished.get(id)?.digest,
    });
    finished.set(step.id, result);
    return result;
  };
  const results = onceEach((id) => run(need(byId, id), again.has(id) ? "asked" : undefined), failed);

  const trees = onceEach(async (id) => {
    const { digest } = await results.of(id);
    if (await isSound(services, { id, digest })) return;
    const step = need(byId, id);
    const second = await run(step, "lost");
    if (second.digest !== digest && findKind(step.kind).varies !== true) {
      throw new EdgeimgError(
        "ERR_EDGEIMG_STORE_CORRUPT",
        `Step ${id} gave another result the second time (${digest.slice(0, 12)}, then ${second.digest.slice(0, 12)}).`,
      );
    }
  }, failed);

  return {
    resolve: results.of,
    ensure: trees.of,
    settled: async () => {
      await Promise.allSettled([...results.begun(), ...trees.begun()]);
    },
    finished,
  };
}

/** Whether the store has a step's tree; a damaged one is told of and removed. */
async function isSound(
  { store, emit }: StepServices,
  { id, digest }: { readonly id: string; readonly digest: string },
): Promise<boolean> {
  if (!(await hasTree(store, digest))) return false;
  if ((await findDamage(store, digest, { full: false })) === undefined) return true;
  const damage = await removeDamaged(store, digest, { full: false });
  if (damage === undefined) return await hasTree(store, digest);
  const message = `stored object ${digest.slice(0, 12)} is damaged at ${damage}; made anew`;
  emit({ type: "log", level: "warn", step: id, message });
  return false;
}

/** Begins the work for each id once, and gives the same promise to all that ask. */
function onceEach<T>(work: (id: string) => Promise<T>, failed: (error: unknown) => void) {
  const begun = new Map<string, Promise<T>>();
  return {
    of: (id: string): Promise<T> => {
      const known = begun.get(id);
      if (known !== undefined) return known;
      const promise = work(id);
      begun.set(id, promise);
      promise.catch(failed);
      return promise;
    },
    begun: () => begun.values(),
  };
}

function need(steps: ReadonlyMap<string, Step>, id: string): Step {
  const step = steps.get(id);
  if (step === undefined) throw new Error(`the plan has no step ${id}`);
  return step;
}

/** Like Promise.all, but waits for the others before it throws: nothing may still write when a build has ended. */
export async function allSettledOrThrow<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  const values: T[] = [];
  for (const one of settled) {
    if (one.status === "rejected") throw one.reason;
    values.push(one.value);
  }
  return values;
}
