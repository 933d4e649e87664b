import { existsSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withKeyPlace } from "../errors/edgeimg-error.js";
import { noSpace } from "../errors/no-space.js";
import type { semaphore } from "../ground/semaphore.js";
import type { Step } from "../plan/step.js";
import { killLeftovers } from "../process/process-group.js";
import type { StepContext, StepServices } from "../steps/kind.js";
import { withFreeLock, withLock } from "../store/lock.js";
import { commitTree, lockFolder, readAction, treePath, workPath, writeAction } from "../store/store.js";
import { writeTitle } from "../store/titles.js";
import { type BoundStep, bindStep } from "./step-key.js";

export interface StepResult {
  readonly digest: string;
  /** Its key in the store. */
  readonly action: string;
  readonly cached: boolean;
}

/** A step to bring to its result, and what it runs with. */
export interface StepJob {
  readonly step: Step;
  /** Why it runs although the store knows its result: somebody asked for that, or the result's tree was lost. */
  readonly anew: "asked" | "lost" | undefined;
  /** Digests of its inputs, which name its result, by the inputs' names. */
  readonly inputs: ReadonlyMap<string, string>;
  readonly services: StepServices;
  /** Places of the steps that run at once. */
  readonly slots: ReturnType<typeof semaphore>;
  /** Brings the trees of its inputs into the store. */
  ensureInputs(): Promise<unknown>;
  /** Whether the store has such a tree, undamaged. */
  isSound(digest: string): Promise<boolean>;
  /** The digest that a step of this run ended with. What was made anew of a kind that varies is not what the key names. */
  madeOf(id: string): string | undefined;
}

/** Takes a step's result from the store, or runs it, when it has a place and nobody else makes the same. */
export async function runStep(job: StepJob): Promise<StepResult> {
  const { step, anew, services, slots } = job;
  const { store, signal } = services;
  const bound = bindStep(step, job.inputs);
  const { kind, action } = bound;
  const asked = services.now();
  const end = (digest: string, cached: boolean, begun = asked): StepResult => {
    const ms = services.now() - begun;
    services.emit({ type: "step-end", step: step.id, title: step.title, cached, ms, digest });
    return { digest, action, cached };
  };
  const lookUp = async () => (anew === "asked" || kind.volatile ? undefined : await readAction(store, action));
  const hit = anew === "lost" ? undefined : await lookUp();
  if (hit !== undefined) {
    await freshen(services, { action, digest: hit });
    return end(hit, true);
  }
  await job.ensureInputs();
  const takeSlot: typeof slots = kind.waits ? (work) => work() : slots;
  const weight = step.weight === "all" ? Number.POSITIVE_INFINITY : 1;
  return await takeSlot(async () => {
    signal.throwIfAborted();
    return await withLock({ folder: lockFolder(store), key: actionKey(action), signal }, async () => {
      const late = await lookUp();
      // Another process may have made it, or have lost it as well.
      if (late !== undefined && (anew !== "lost" || (await job.isSound(late)))) return end(late, true);
      // What it waited for, its inputs and a place, is other steps' time.
      const begun = services.now();
      const { digest, existed } = await makeResult(job, bound);
      return end(digest, kind.volatile === true && existed, begun);
    });
  }, weight);
}

/** Whoever runs a step, or removes what is left of it, holds this lock. */
const actionKey = (action: string): string => `action/${action}`;

/** Notes that a result was used, and removes what a kill left between it and the end of its work. */
async function freshen(
  { store, signal, keepWork }: StepServices,
  { action, digest }: { readonly action: string; readonly digest: string },
): Promise<void> {
  // Written again: its age is what `cache prune` goes by. A full disk is no reason to fail here.
  await writeAction(store, action, digest).catch(() => undefined);
  const left = workPath(store, action);
  if (keepWork || !existsSync(left)) return;
  // Whoever holds the lock works in it: the result's tree was lost, or this is the moment before the end.
  const request = { folder: lockFolder(store), key: actionKey(action), signal };
  await withFreeLock(request, () => rm(left, { recursive: true, force: true })).catch(() => undefined);
}

/** Runs a step in its work folder and puts its result into the store; `existed`: there was such a tree. */
async function makeResult(job: StepJob, bound: BoundStep): Promise<{ digest: string; existed: boolean }> {
  const { step, services } = job;
  const { kind, action } = bound;
  const { store, signal, emit } = services;
  emit({ type: "step-start", step: step.id, title: step.title });
  const work = workPath(store, action);
  const out = await prepareWork(work, { anew: kind.resumable !== true || job.anew !== undefined });
  const keeps = services.keepWork === true && kind.resumable === true;
  const keep = async (digest?: string) => {
    await markKept(work, digest === undefined ? undefined : treePath(store, digest));
    emit({ type: "step-kept", step: step.id, title: step.title, path: work });
  };
  try {
    await bound.run(stepContext(job, { work, out }));
    signal.throwIfAborted();
    const { digest, existed } = await commitTree(store, out);
    // Nothing reads a volatile step's result again, and its parameters name places of this machine.
    if (!kind.volatile) await writeAction(store, action, digest);
    if (!existed) await writeTitle(store, digest, step.title);
    if (keeps) await keep(digest);
    else await rm(work, { recursive: true, force: true });
    return { digest, existed };
  } catch (error) {
    if (keeps && !signal.aborted) await keep().catch(() => undefined);
    if (!signal.aborted) emit({ type: "step-failed", step: step.id, title: step.title, message: messageOf(error) });
    throw noSpace(error) ?? withKeyPlace(error, services.placeOf, step.about);
  }
}

/** The file that marks a work folder that was kept: the step's next run begins with an empty one. */
const keptName = "kept";

/** Makes a work folder ready, `anew` without what an earlier run left there, and an empty `out` in it; gives the place of that. */
async function prepareWork(work: string, { anew }: { readonly anew: boolean }): Promise<string> {
  await killLeftovers(work);
  // Nothing that somebody changed in a kept folder may reach a result.
  if (anew || existsSync(join(work, keptName))) await rm(work, { recursive: true, force: true });
  const out = join(work, "out");
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  return out;
}

/** Leaves a step's work folder to whoever looks, `out` in it as a link to the result where there is one. */
async function markKept(work: string, result: string | undefined): Promise<void> {
  await writeFile(join(work, keptName), "");
  if (result !== undefined) await symlink(result, join(work, "out"));
}

function stepContext(
  { step, inputs, services, madeOf }: StepJob,
  folders: { readonly work: string; readonly out: string },
): StepContext {
  const { store, emit } = services;
  const inputFolder = ([name, digest]: readonly [string, string]) =>
    [name, treePath(store, madeOf(step.inputs[name] ?? "") ?? digest)] as const;
  return {
    services,
    inputs: Object.fromEntries([...inputs].map(inputFolder)),
    ...folders,
    instead: step.instead ?? [],
    progress: (done, total, unit) => emit({ type: "step-progress", step: step.id, done, total, unit }),
    log: (level, message) => emit({ type: "log", level, step: step.id, message }),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
