import { setMaxListeners } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { noSpace } from "../errors/no-space.js";
import { canonicalJson, type Json, sha256Text } from "../ground/canonical.js";
import { semaphore } from "../ground/semaphore.js";
import type { Plan, Step } from "../plan/step.js";
import { killLeftovers } from "../process/process-group.js";
import type { StepContext, StepKind, StepServices } from "../steps/kind.js";
import { withLock } from "../store/lock.js";
import {
  commitTree,
  findDamage,
  hasTree,
  lockFolder,
  readAction,
  removeTree,
  treePath,
  workPath,
  writeAction,
} from "../store/store.js";
import { writeTitle } from "../store/titles.js";
import { findKind } from "./kinds.js";

export interface StepResult {
  readonly digest: string;
  /** Its key in the store. */
  readonly action: string;
  readonly cached: boolean;
}

/**
 * Brings the named steps, and what they need, to results in the store, those of `plan.first` before all others: what a user may
 * have got wrong is told before minutes of work. A step whose action is known is not run; its inputs are then not even looked at. Throws the first failure, after all running steps have stopped.
 */
export async function execute(
  plan: Plan,
  targets: readonly string[],
  services: StepServices,
): Promise<Map<string, StepResult>> {
  const byId = new Map(plan.steps.map((step) => [step.id, step]));
  const results = new Map<string, Promise<StepResult>>();
  const checked = new Map<string, Promise<void>>();
  const stop = new AbortController();
  const signal = AbortSignal.any([services.signal, stop.signal]);
  // Every running step listens.
  setMaxListeners(0, signal, stop.signal);
  const running: StepServices = { ...services, signal };
  const slots = semaphore(Math.max(2, services.jobs));
  const finished = new Map<string, StepResult>();
  const again = new Set(plan.again);

  const resolve = (id: string): Promise<StepResult> => {
    const known = results.get(id);
    if (known !== undefined) return known;
    const result = resolveStep(need(byId, id), again.has(id));
    results.set(id, result);
    result.catch((error) => stop.abort(error));
    return result;
  };

  const resolveStep = async (step: Step, force: boolean): Promise<StepResult> => {
    const inputs = await allSettledOrThrow(
      Object.entries(step.inputs).map(
        async ([name, id]): Promise<[string, string]> => [name, (await resolve(id)).digest],
      ),
    );
    signal.throwIfAborted();
    const result = await runStep({ step, force, inputs: new Map(inputs) });
    finished.set(step.id, result);
    return result;
  };

  /** Makes sure that a step's tree is in the store and undamaged, making it anew if it is not. */
  const ensure = (id: string): Promise<void> => {
    const known = checked.get(id);
    if (known !== undefined) return known;
    const check = (async () => {
      const { digest } = await resolve(id);
      if (await hasTree(services.store, digest)) {
        const damage = await findDamage(services.store, digest, { full: false });
        if (damage === undefined) return;
        services.emit({
          type: "log",
          level: "warn",
          step: id,
          message: `stored object ${digest.slice(0, 12)} is damaged at ${damage}; made anew`,
        });
        await removeTree(services.store, digest);
      }
      const second = await resolveStep(need(byId, id), true);
      if (second.digest !== digest && findKind(need(byId, id).kind).varies !== true) {
        throw new EdgeimgError(
          "ERR_EDGEIMG_STORE_CORRUPT",
          `Step ${id} gave another result the second time (${digest.slice(0, 12)}, then ${second.digest.slice(0, 12)}).`,
        );
      }
    })();
    checked.set(id, check);
    check.catch((error) => stop.abort(error));
    return check;
  };

  const runStep = async (job: {
    step: Step;
    force: boolean;
    inputs: ReadonlyMap<string, string>;
  }): Promise<StepResult> => {
    const { step, force, inputs } = job;
    const kind = findKind(step.kind);
    const bound = kind.bind(step.params);
    const action = actionDigest({ kind, key: bound.key, inputs });
    const { store } = services;
    const started = services.now();
    const end = (digest: string, cached: boolean): StepResult => {
      services.emit({
        type: "step-end",
        step: step.id,
        title: step.title,
        cached,
        ms: services.now() - started,
        digest,
      });
      return { digest, action, cached };
    };
    const lookUp = async () => (force || kind.volatile ? undefined : await readAction(store, action));
    const hit = await lookUp();
    if (hit !== undefined) {
      // Written again: its age is what `cache prune` goes by. A full disk is no reason to fail here.
      await writeAction(store, action, hit).catch(() => undefined);
      // What a kill left between a result and the end of its work.
      const left = workPath(store, action);
      if (!services.keepWork && existsSync(left))
        await rm(left, { recursive: true, force: true }).catch(() => undefined);
      return end(hit, true);
    }
    await allSettledOrThrow(Object.values(step.inputs).map(ensure));
    const takeSlot: typeof slots = kind.waits ? (work) => work() : slots;
    const weight = step.weight === "all" ? Number.POSITIVE_INFINITY : 1;
    const keeps = services.keepWork === true && kind.resumable === true;
    /** Leaves a step's work folder to whoever looks, `out` in it as a link to the result. */
    const keep = async (work: string, digest?: string) => {
      await writeFile(join(work, keptName), "");
      if (digest !== undefined) await symlink(treePath(store, digest), join(work, "out"));
      services.emit({ type: "step-kept", step: step.id, title: step.title, path: work });
    };
    return await takeSlot(async () => {
      signal.throwIfAborted();
      return await withLock({ folder: lockFolder(store), key: `action/${action}`, signal }, async () => {
        const late = await lookUp();
        if (late !== undefined) return end(late, true);
        services.emit({ type: "step-start", step: step.id, title: step.title });
        const work = workPath(store, action);
        await killLeftovers(work);
        // Nothing that somebody changed in a kept folder may reach a result.
        if (!kind.resumable || force || existsSync(join(work, keptName)))
          await rm(work, { recursive: true, force: true });
        const out = join(work, "out");
        await rm(out, { recursive: true, force: true });
        await mkdir(out, { recursive: true });
        const context: StepContext = {
          services: running,
          // What was made anew of a kind that varies is not what the key names.
          inputs: Object.fromEntries(
            [...inputs].map(([name, digest]) => [
              name,
              treePath(store, finished.get(step.inputs[name] ?? "")?.digest ?? digest),
            ]),
          ),
          out,
          work,
          progress: (done, total, unit) => services.emit({ type: "step-progress", step: step.id, done, total, unit }),
          log: (level, message) => services.emit({ type: "log", level, step: step.id, message }),
        };
        try {
          await bound.run(context);
          signal.throwIfAborted();
          const { digest, existed } = await commitTree(store, out);
          // Nothing reads a volatile step's result again, and its parameters name places of this machine.
          if (!kind.volatile) await writeAction(store, action, digest);
          if (!existed) await writeTitle(store, digest, step.title);
          if (keeps) await keep(work, digest);
          else await rm(work, { recursive: true, force: true });
          return end(digest, kind.volatile === true && existed);
        } catch (error) {
          if (keeps && !signal.aborted) await keep(work).catch(() => undefined);
          if (!signal.aborted)
            services.emit({ type: "step-failed", step: step.id, title: step.title, message: messageOf(error) });
          throw noSpace(error) ?? error;
        }
      });
    }, weight);
  };

  try {
    await allSettledOrThrow((plan.first ?? []).filter((id) => byId.has(id)).map(resolve));
    await allSettledOrThrow(targets.map(ensure));
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled([...results.values(), ...checked.values()]);
    throw services.signal.aborted ? interrupted(services.signal) : rootCause(error, stop.signal);
  }
  return finished;
}

/** The file that marks a work folder that was kept: the step's next run begins with an empty one. */
const keptName = "kept";

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

/** The key of a step's result in the store; undefined as long as the digest of one of its inputs is not among those that are known, by step. */
export function stepKey(step: Step, known: ReadonlyMap<string, string>): string | undefined {
  const inputs = new Map<string, string>();
  for (const [name, id] of Object.entries(step.inputs)) {
    const digest = known.get(id);
    if (digest === undefined) return undefined;
    inputs.set(name, digest);
  }
  const kind = findKind(step.kind);
  return actionDigest({ kind, key: kind.bind(step.params).key, inputs });
}

function actionDigest({
  kind,
  key,
  inputs,
}: {
  kind: StepKind;
  key: unknown;
  inputs: ReadonlyMap<string, string>;
}): string {
  const action: Json = {
    kind: kind.name,
    version: kind.version,
    params: toJson(key),
    inputs: Object.fromEntries(inputs),
  };
  return sha256Text(canonicalJson(action));
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null)) as Json;
}

function need(steps: ReadonlyMap<string, Step>, id: string): Step {
  const step = steps.get(id);
  if (step === undefined) throw new Error(`the plan has no step ${id}`);
  return step;
}

/** Like Promise.all, but waits for the others before it throws: nothing may still write when a build has ended. */
async function allSettledOrThrow<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  const values: T[] = [];
  for (const one of settled) {
    if (one.status === "rejected") throw one.reason;
    values.push(one.value);
  }
  return values;
}

/** The failure that stopped the others, not an echo of the stop. */
function rootCause(error: unknown, stop: AbortSignal): unknown {
  return stop.reason ?? error;
}

function interrupted(signal: AbortSignal): EdgeimgError {
  if (signal.reason instanceof EdgeimgError) return signal.reason;
  return new EdgeimgError("ERR_EDGEIMG_INTERRUPTED", "Stopped.", {
    hint: "Run the same command again: it continues where it stopped.",
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
