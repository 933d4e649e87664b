import { readFile, rename, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { planImage, planParts } from "../../builders/debian/plan-image.js";
import type { Target } from "../../config/matrix.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { createFetcher } from "../../fetch/fetcher.js";
import { lazy } from "../../ground/lazy.js";
import { checkBoard, checkSupport, type ImageRequest } from "../../image/request.js";
import { emptyLock, formatLock, type Lock, parseLock } from "../../lock/lock-file.js";
import { checkLocked, lockedRequests, type Requirements } from "../../lock/resolve.js";
import { requirements } from "../../parts/package-sets.js";
import type { StepServices } from "../../steps/kind.js";
import { openStore } from "../../store/store.js";
import type { BuildOptions, Context } from "../types.js";
import { appDependencies } from "./app-dependencies.js";
import { cacheFolder } from "./cache-folder.js";
import { checkProject } from "./check-project.js";
import { lockPackages } from "./lock-packages.js";
import { imageRequest, type OpenProject, openProject } from "./open-project.js";
import { pinRecipes } from "./pin-recipes.js";
import { pinSources } from "./pin-sources.js";
import { userProxies, userRegistries } from "./registries.js";

export type ChooseTargets = (project: OpenProject) => readonly Target[];

/** What commands that deal with the lock have in common. */
export interface LockSession {
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
  /** Adds what a lock lacks, asking apt and registries. */
  resolve(lock: Lock): Promise<Lock>;
  /** A new lock for the request and for all that an old one was made for: other boards, other engines. */
  renew(old: Lock): Promise<Lock>;
  /** A locked build's sources: never asks anybody. */
  pin(lock: Lock): Promise<Lock>;
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
  purpose: "image" | "parts" = "image",
): Promise<LockSession> {
  const project = await openProject(context, options);
  await checkProject({ ...project, localPath: (path) => resolve(project.folder, path) });
  const dependencies = await appDependencies(project.folder);
  // The project's own folder may be the cache folder: then the store alone is left out.
  const cache = relative(project.folder, cacheFolder(context)) || "edgeimg/v1";
  const requests = choose(project)
    .map((target) => imageRequest(project, target))
    .map((request) => ({
      ...request,
      dependencies,
      // CI servers keep the store within the project's folder: it is no part of the app.
      exclude: cache.startsWith("..") ? request.exclude : [...request.exclude, cache],
    }));
  for (const request of requests) {
    checkSupport(request);
    if (purpose === "image") checkBoard(request);
  }
  const [request] = requests;
  if (request === undefined) throw new Error("no target was chosen");
  const store = await openStore(cacheFolder(context));
  const registries = lazy(() => userRegistries(context.env));
  const fetcher = createFetcher({
    store,
    registries,
    proxies: userProxies(context.env),
    offline: options.offline,
    supplied: join(project.folder, "sources"),
    log: (message) => context.emit({ type: "log", level: "warn", message }),
  });
  const services: StepServices = {
    store,
    fetcher,
    jobs: options.jobs ?? availableParallelism(),
    keepWork: options.keepWork ?? false,
    signal: context.signal,
    emit: context.emit,
    now: context.now,
  };
  const file = project.lockFile;
  const needed = allRequirements(requests.map(requirements));
  const lockSets = (lock: Lock, wanted: Requirements) =>
    lockPackages({
      lock,
      needed: wanted,
      distribution: request.catalog.distribution,
      store,
      mirrors: async () => (await registries()).deb,
      offline: options.offline,
      ...context,
    });
  const planOf = purpose === "image" ? planImage : planParts;
  const pin = async (lock: Lock, known: Lock["recipes"], locked: boolean) => {
    const pinned = await pinSources({ lock, project: request.project, fetcher, locked, signal: context.signal });
    const plans = requests.map((one) => planOf(one, pinned));
    return pinRecipes({ lock: pinned, known, plans, catalog: request.catalog, locked });
  };
  return {
    project,
    requests,
    services,
    distribution: needed.distribution.name,
    file,
    known: await readLock(file),
    check: (lock) => checkLocked(lock, needed, relative(context.cwd, file)),
    resolve: async (lock) => await pin(await lockSets(lock, needed), lock.recipes, false),
    renew: async (old) => {
      const known = new Set(needed.sets.map((set) => set.name));
      const others = lockedRequests(old).filter((set) => !known.has(set.name));
      const all = { ...needed, sets: [...needed.sets, ...others] };
      const renewed = await lockSets(emptyLock(needed.distribution.name), all);
      // What other boards and engines had stays; what moved since is new.
      const { recipes } = await pin(renewed, {}, false);
      const rest = Object.entries(old.recipes).filter(([key]) => !Object.hasOwn(recipes, key));
      return await pin(renewed, { ...Object.fromEntries(rest), ...recipes }, false);
    },
    pin: (lock) => pin(lock, lock.recipes, true),
    write: (lock) => writeOutput(file, formatLock(lock)),
  };
}

/** What several images need: each set of packages once. */
function allRequirements(list: readonly Requirements[]): Requirements {
  const [first, ...others] = list;
  if (first === undefined) throw new Error("no target was chosen");
  const sets = new Map([first, ...others].flatMap((one) => one.sets.map((set) => [set.name, set])));
  return { ...first, sets: [...sets.values()] };
}

/** The lock of a project; undefined when there is none yet. */
export async function readLockOf({ lockFile }: Pick<OpenProject, "lockFile">): Promise<Lock | undefined> {
  return await readLock(lockFile);
}

async function readLock(file: string): Promise<Lock | undefined> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseLock(text, file);
}

async function writeOutput(file: string, text: string): Promise<void> {
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
