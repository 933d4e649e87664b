import { firstTarget, matrixTargets, type Target } from "../../config/matrix.js";
import type { ImageRequest } from "../../image/request.js";
import { emptyLock, formatLock, type Lock, parseLock } from "../../lock/lock-file.js";
import type { StepServices } from "../../steps/kind.js";
import type { BuildOptions, Context } from "../types.js";
import { type ChooseTargets, lockSession } from "./lock-session.js";
import { type OpenProject, outFolder } from "./open-project.js";
import type { Purpose } from "./purpose.js";

/** What a build of one board runs with. */
export interface Prepared {
  readonly project: OpenProject;
  readonly request: ImageRequest;
  readonly lock: Lock;
  readonly services: StepServices;
  readonly out: string;
}

/** Chooses board and engine, brings the lock up to what they need, and opens the store. */
export async function prepare(context: Context, options: BuildOptions): Promise<Prepared> {
  const [first] = await prepareTargets(context, options, firstTargetOf);
  if (first === undefined) throw new Error("no target was chosen");
  return first;
}

/** The one target of a build without `--matrix`. */
export function firstTargetOf({ merged }: OpenProject): readonly Target[] {
  return [firstTarget(merged)];
}

/** The same for every combination of the project's matrix, with one lock and one store. */
export async function prepareMatrix(context: Context, options: BuildOptions): Promise<Prepared[]> {
  return await prepareTargets(context, options, ({ merged }) => matrixTargets(merged));
}

/** Says of each engine that was not tried as a whole what was not, and why: once for all of its boards. */
function warnUnverified({ emit }: Pick<Context, "emit">, requests: readonly ImageRequest[]): void {
  const engines = new Map(requests.map(({ engine: { recipe } }) => [recipe.name, recipe]));
  for (const { title, notVerified } of engines.values())
    if (notVerified !== undefined)
      emit({ type: "log", level: "warn", message: `The engine ${title} is not verified: ${notVerified}` });
}

/** A project may be for boards with a radio and for others: these have no Wi-Fi, which is told. */
function warnWithoutRadio({ emit }: Context, requests: readonly ImageRequest[]): void {
  const { wifi } = requests[0]?.project.system ?? {};
  if (wifi === undefined) return;
  const names = [...new Set(requests.flatMap(({ board }) => (board.wifi === undefined ? [board.name] : [])))];
  if (names.length === 0) return;
  const message = `\`system.wifi\` is not for ${names.join(", ")}: no radio is known there, and the image has no Wi-Fi.`;
  emit({ type: "log", level: "warn", message });
}

/** Says of each engine that nothing here can run which models are in an image without having been run. */
function warnUnchecked({ emit }: Pick<Context, "emit">, requests: readonly ImageRequest[]): void {
  const told = new Set<string>();
  for (const { engine, project } of requests) {
    const { name, title, supports } = engine.recipe;
    const models = Object.keys(project.models);
    if (supports.accelerators.length === 0 || models.length === 0 || told.has(name)) continue;
    told.add(name);
    const needs = supports.accelerators.join(", ");
    const message = `Results of ${title} were not compared with the reference on this machine, nor with golden outputs (${models.join(", ")}): it needs ${needs}, which nothing emulates. Compare them on the board.`;
    emit({ type: "log", level: "warn", message });
  }
}

/** The same for any targets and any purpose; only for an image the boards must have images made of Debian's packages. */
export async function prepareTargets(
  context: Context,
  options: BuildOptions,
  choose: ChooseTargets,
  purpose: Purpose = "image",
): Promise<Prepared[]> {
  const session = await lockSession(context, options, choose, purpose);
  const isOfImages = purpose === "image" || purpose === "parts";
  const { project, services } = session;
  // An image that lets anybody in at its console does not leave a build without a word.
  if (project.merged.project.system.debug && isOfImages) {
    const message =
      "`system.debug: true`: the image gives a root shell without password to anybody at its serial console. Never ship it.";
    context.emit({ type: "log", level: "warn", message });
  }
  for (const [board, { engine, by, why }] of Object.entries(project.choices ?? {}))
    context.emit({ type: "log", level: "info", message: `the least ${by} on ${board}: ${engine} (${why})` });
  if (purpose === "image") warnWithoutRadio(context, session.requests);
  if (purpose !== "models") warnUnverified(context, session.requests);
  if (isOfImages) warnUnchecked(context, session.requests);
  const prepared = (lock: Lock) =>
    session.requests.map((request) => ({ project, request, services, lock, out: outFolder(project, request) }));
  const lock = session.known ?? emptyLock(session.distribution);
  if (options.locked) {
    session.check(lock);
    return prepared(await session.pin(lock));
  }
  const complete = await session.resolve(lock);
  const text = formatLock(complete);
  if (session.known !== undefined && formatLock(session.known) === text) return prepared(session.known);
  await session.write(complete);
  return prepared(parseLock(text, session.file));
}
