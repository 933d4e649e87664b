import { rename, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import type { Target } from "../../config/matrix.js";
import { EdgeimgError, placingErrors } from "../../errors/edgeimg-error.js";
import { createFetcher } from "../../fetch/fetcher.js";
import type { Registries } from "../../fetch/registries.js";
import { lazy } from "../../ground/lazy.js";
import type { ImageRequest } from "../../image/request.js";
import { formatLock, type Lock } from "../../lock/lock-file.js";
import { checkLocked, type Requirements } from "../../lock/resolve.js";
import type { StepServices } from "../../steps/kind.js";
import { openStore } from "../../store/store.js";
import type { BuildOptions, Context } from "../types.js";
import { appDependencies } from "./app-dependencies.js";
import { cacheFolder } from "./cache-folder.js";
import { checkProject } from "./check-project.js";
import { type LockMaker, lockMaker } from "./lock-maker.js";
import { imageRequest, type OpenProject, openProject } from "./open-project.js";
import { type Purpose, purposes } from "./purpose.js";
import { readLock } from "./read-lock.js";
import { userRegistries as readRegistries, userProxies } from "./registries.js";

export type ChooseTargets = (project: OpenProject) => readonly Target[];

/** What commands that deal with the lock have in common. */
export interface LockSession extends LockMaker {
  readonly project: OpenProject;
  /** One for each target; they differ in board and engine only. */
  readonly requests: readonly ImageRequest[];
  readonly services: StepServices;
  readonly distribution: string;
  readonly file: string;
  /** The lock as it is; undefined when there is none. */
  readonly known: Lock | undefined;
  /** Throws ERR_EDGEIMG_LOCK_DISAGREES when a lock does not cover the request. */
  check(lock: Lock): void;
  write(lock: Lock): Promise<void>;
}

/**
 * Opens what a command needs that builds: the project, the chosen boards and engines, the store, the lock.
 * Throws ERR_EDGEIMG_CONFIG_*, _CATALOG_INVALID, _UNKNOWN_NAME, _PROJECT_FILE, _LOCK_INVALID, and what a board or an engine does not support.
 */
export async function lockSession(
  context: Context,
  options: BuildOptions,
  choose: ChooseTargets,
  purpose: Purpose = "image",
): Promise<LockSession> {
  const userRegistries = (env: Context["env"]) => readRegistries(env, context.signal);
  const project = await openProject(context, options);
  await checkProject({ ...project, localPath: (path) => resolve(project.folder, path) });
  const requests = await targetRequests(context, project, choose(project));
  const { check, needs } = purposes[purpose];
  const needed = placingErrors(project.merged.place, () => {
    for (const request of requests) check(request);
    return allRequirements(requests.map(needs));
  });
  const registries = lazy(() => userRegistries(context.env));
  const services = await openServices(context, { options, project, registries });
  const file = project.lockFile;
  return {
    project,
    requests,
    services,
    distribution: needed.distribution.name,
    file,
    known: await readLock(file),
    check: (lock) => {
      checkLocked(lock, needed, relative(context.cwd, file));
      checkChoices(lock, project, context.cwd);
    },
    ...keepingChoices(
      lockMaker(context, { requests, purpose, needed, services, registries, offline: options.offline }),
      project,
    ),
    write: (lock) => writeLock(file, lock),
  };
}

/** Requests for the images of some targets, with what the project's folder says of the app. */
async function targetRequests(
  context: Context,
  project: OpenProject,
  targets: readonly Target[],
): Promise<readonly ImageRequest[]> {
  const dependencies = await appDependencies(project.folder);
  // The project's own folder may be the cache folder: then the store alone is left out.
  const cache = relative(project.folder, cacheFolder(context)) || "edgeimg/v1";
  // CI servers keep the store within the project's folder: it is no part of the app.
  const within = cache.startsWith("..") ? [] : [cache];
  return targets.map((target) => {
    const request = imageRequest(project, target);
    return { ...request, dependencies, exclude: [...request.exclude, ...within] };
  });
}

/** Opens the store, and all that steps run with. */
async function openServices(
  context: Context,
  from: {
    readonly options: BuildOptions;
    readonly project: OpenProject;
    readonly registries: () => Promise<Registries>;
  },
): Promise<StepServices> {
  const { options, project, registries } = from;
  const store = await openStore(cacheFolder(context));
  const fetcher = createFetcher({
    store,
    registries,
    proxies: userProxies(context.env),
    offline: options.offline,
    supplied: join(project.folder, "sources"),
    log: (message) => context.emit({ type: "log", level: "warn", message }),
  });
  return {
    store,
    fetcher,
    jobs: options.jobs ?? availableParallelism(),
    keepWork: options.keepWork ?? false,
    signal: context.signal,
    emit: context.emit,
    placeOf: project.merged.place,
    now: context.now,
  };
}

/** What several images need: each set of packages once. */
function allRequirements(list: readonly Requirements[]): Requirements {
  const [first, ...others] = list;
  if (first === undefined) throw new Error("no target was chosen");
  const sets = new Map([first, ...others].flatMap((one) => one.sets.map((set) => [set.name, set])));
  return { ...first, sets: [...sets.values()] };
}

/** Throws ERR_EDGEIMG_LOCK_DISAGREES when a lock has another engine than the comparison chooses. */
function checkChoices(lock: Lock, { choices, lockFile }: OpenProject, cwd: string): void {
  const details = Object.entries(choices ?? {}).flatMap(([board, { engine, bench }]) => {
    const known = lock.engines?.[board];
    if (known?.engine === engine && known.bench === bench) return [];
    return [
      `${board}: ${known === undefined ? "none" : `${known.engine} by another comparison`} in the lock, ${engine} by the file that is here`,
    ];
  });
  if (details.length === 0) return;
  const file = relative(cwd, lockFile);
  throw new EdgeimgError("ERR_EDGEIMG_LOCK_DISAGREES", `${file} has another choice of an engine.`, {
    place: { file },
    details,
    hint: "Run `edgeimg lock --update`, review the difference and commit it; or build without --locked.",
  });
}

/** A lock maker that keeps what a comparison chose. */
function keepingChoices(maker: LockMaker, { choices }: OpenProject): LockMaker {
  const kept = (lock: Lock, engines: Lock["engines"]): Lock => (engines === undefined ? lock : { ...lock, engines });
  return {
    ...maker,
    resolve: async (lock) =>
      kept(await maker.resolve(lock), choices === undefined ? lock.engines : { ...lock.engines, ...choices }),
    renew: async (old) =>
      kept(await maker.renew(old), choices === undefined ? undefined : { ...old.engines, ...choices }),
  };
}

/** Writes a lock. Throws ERR_EDGEIMG_OUTPUT_UNWRITABLE. */
export async function writeLock(file: string, lock: Lock): Promise<void> {
  const text = formatLock(lock);
  try {
    // Another build may write it at the same time.
    const draft = `${file}.${process.pid}.new`;
    await writeFile(draft, text);
    await rename(draft, file);
  } catch (cause) {
    throw new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `${file} cannot be written.`, {
      cause,
      hint: `Give yourself rights to ${dirname(file)}.`,
    });
  }
}
