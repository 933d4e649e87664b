import { readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { requirements } from "../builders/debian/package-sets.js";
import { checkBoard, checkSupport, type ImageRequest } from "../builders/debian/request.js";
import { type Catalog, loadCatalog } from "../catalog/catalog.js";
import { loadProject } from "../config/load.js";
import { firstTarget, matrixTargets, type Target, targetName, targetPath } from "../config/matrix.js";
import { type MergedProject, mergeProject } from "../config/merge.js";
import { EdgeimgError, type Place } from "../errors/edgeimg-error.js";
import { nearest } from "../errors/nearest.js";
import { createFetcher } from "../fetch/fetcher.js";
import type { Registries } from "../fetch/registries.js";
import { lazy } from "../lazy.js";
import { openApt } from "../lock/apt.js";
import { emptyLock, formatLock, type Lock, parseLock } from "../lock/lock-file.js";
import { checkLocked, completeLock, lockedRequests, missingSets, type Requirements } from "../lock/resolve.js";
import type { StepServices } from "../steps/kind.js";
import { withLock } from "../store/lock.js";
import { openStore, type Store } from "../store/store.js";
import { appDependencies } from "./app-dependencies.js";
import { packageHome } from "./home.js";
import { pinSources } from "./pin-sources.js";
import { userProxies, userRegistries } from "./registries.js";
import { templateRenderer } from "./render-template.js";
import type { BuildOptions, Context } from "./types.js";

/** A project with the catalog, before a board is chosen. */
export interface OpenProject {
  readonly merged: MergedProject;
  readonly catalog: Catalog;
  /** The folder of edgeimg.yaml. */
  readonly folder: string;
  /** Where results and the lock go. */
  readonly outBase: string;
  readonly lockFile: string;
}

/** Reads edgeimg.yaml, or the bundled example where there is none, and the catalog. */
export async function openProject(
  context: Context,
  options: Pick<BuildOptions, "configFile" | "board" | "engine" | "out">,
): Promise<OpenProject> {
  const asked = options.configFile;
  const file = resolve(context.cwd, asked ?? "edgeimg.yaml");
  const own = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (asked === undefined && cause.code === "ENOENT") return undefined;
    throw new EdgeimgError("ERR_EDGEIMG_CONFIG_MISSING", `${asked ?? "edgeimg.yaml"} cannot be read.`, {
      cause,
      hint: "Name the project's file with --config, or start a project with `edgeimg init`.",
    });
  });
  const example = join(packageHome, "examples/read-text/edgeimg.yaml");
  const text = own ?? (await readFile(example, "utf8"));
  const shown = own === undefined ? "the bundled example" : relative(context.cwd, file) || file;
  const merged = mergeProject(loadProject(text, shown), { board: options.board, engine: options.engine });
  const folder = dirname(own === undefined ? example : file);
  return {
    merged,
    catalog: await loadCatalog(packageHome.replace(/\/$/, ""), own === undefined ? undefined : folder),
    folder,
    outBase: resolve(own === undefined ? context.cwd : folder, options.out ?? "out"),
    lockFile: join(own === undefined ? context.cwd : folder, "edgeimg.lock"),
  };
}

/** A board or engine of the catalog by name. Throws ERR_EDGEIMG_UNKNOWN_NAME with the nearest one. */
export function findNamed<T>(
  kind: "board" | "engine",
  wanted: string,
  known: ReadonlyMap<string, T>,
  place: Place | undefined,
): T {
  const found = known.get(wanted);
  if (found !== undefined) return found;
  const names = [...known.keys()].sort();
  const close = nearest(wanted, names);
  throw new EdgeimgError("ERR_EDGEIMG_UNKNOWN_NAME", `There is no ${kind} "${wanted}".`, {
    ...(place === undefined ? {} : { place }),
    hint:
      close === undefined
        ? `Known: ${names.join(", ")}.`
        : `Did you mean "${close}"? \`edgeimg ${kind}s\` lists them all.`,
  });
}

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

/** The same for any targets. `parts`: for another builder, so that the boards need not have images made of Debian's packages. */
export async function prepareTargets(
  context: Context,
  options: BuildOptions,
  choose: ChooseTargets,
  purpose: "image" | "parts" = "image",
): Promise<Prepared[]> {
  const session = await lockSession(context, options, choose, purpose);
  const { project, services } = session;
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

/** Where the results of one board and engine go. */
export function outFolder({ outBase }: OpenProject, { board, engine }: ImageRequest): string {
  return join(outBase, targetName({ board: board.name, engine: engine.recipe.name }));
}

type ChooseTargets = (project: OpenProject) => readonly Target[];

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

export async function lockSession(
  context: Context,
  options: BuildOptions,
  choose: ChooseTargets,
  purpose: "image" | "parts" = "image",
): Promise<LockSession> {
  const project = await openProject(context, options);
  const dependencies = await appDependencies(project.folder);
  const cache = relative(project.folder, cacheFolder(context));
  const requests = choose(project)
    .map((target) => imageRequest(project, target))
    .map((request) => ({
      ...request,
      dependencies,
      // CI servers keep the store within the project's folder: it is no part of the app.
      exclude: cache === "" || cache.startsWith("..") ? request.exclude : [...request.exclude, cache],
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
    log: (message) => context.emit({ type: "log", level: "warn", message }),
  });
  const services: StepServices = {
    store,
    fetcher,
    jobs: options.jobs ?? availableParallelism(),
    signal: context.signal,
    emit: context.emit,
    now: context.now,
  };
  const file = project.lockFile;
  const needed = allRequirements(requests.map(requirements));
  const job = { context, options, request, store, registries };
  const pin = (lock: Lock, locked: boolean) =>
    pinSources({ lock, project: request.project, fetcher, locked, signal: context.signal });
  return {
    project,
    requests,
    services,
    distribution: needed.distribution.name,
    file,
    known: await readLock(file),
    check: (lock) => checkLocked(lock, needed, relative(context.cwd, file)),
    resolve: async (lock) => await pin(await resolvePackages({ ...job, needed }, lock), false),
    renew: async (old) => {
      const known = new Set(needed.sets.map((set) => set.name));
      const others = lockedRequests(old).filter((set) => !known.has(set.name));
      const all = { ...needed, sets: [...needed.sets, ...others] };
      return await pin(await resolvePackages({ ...job, needed: all }, emptyLock(needed.distribution.name)), false);
    },
    pin: (lock) => pin(lock, true),
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

/** The first board of the project when no target is given. */
export function imageRequest(project: OpenProject, target: Target = firstTarget(project.merged)): ImageRequest {
  const { merged, catalog, folder, outBase } = project;
  const place = (key: "board" | "engine", origin: { from: string }) =>
    origin.from === "file" ? merged.place(targetPath(merged, key, target[key])) : undefined;
  const inside = relative(folder, outBase);
  return {
    project: merged.project,
    localPath: (path) => (isAbsolute(path) ? path : join(folder, path)),
    dependencies: [],
    exclude: inside === "" || inside.startsWith("..") ? ["out"] : ["out", inside],
    board: findNamed("board", target.board, catalog.boards, place("board", merged.boardOrigin)),
    engine: findNamed("engine", target.engine, catalog.engines, place("engine", merged.engineOrigin)),
    catalog,
    host: { arch: debianArch(process.arch), node: process.arch },
    render: templateRenderer(catalog.home),
    versions: {
      edgeimg: versionOf("../../package.json"),
      esbuild: versionOf("esbuild/package.json"),
      typescript: versionOf("typescript/package.json"),
    },
  };
}

const require = createRequire(import.meta.url);

function versionOf(path: string): string {
  const { version } = require(path) as { version: string };
  return version;
}

function debianArch(node: string): string {
  return node === "x64" ? "amd64" : node;
}

/** The user's cache folder (XDG Base Directory Specification). */
export function cacheFolder({ env }: Pick<Context, "env">): string {
  const xdg = env.XDG_CACHE_HOME;
  return xdg !== undefined && isAbsolute(xdg) ? xdg : join(env.HOME ?? "/", ".cache");
}

interface LockJob {
  readonly needed: Requirements;
  readonly context: Context;
  readonly options: BuildOptions;
  readonly request: ImageRequest;
  readonly store: Store;
  readonly registries: () => Promise<Registries>;
}

/** Asks apt for the sets that a lock lacks. */
async function resolvePackages(job: LockJob, lock: Lock): Promise<Lock> {
  const { context, options, request, store, needed } = job;
  const missing = missingSets(lock, needed);
  if (missing.length > 0 && options.offline) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_FETCH_OFFLINE",
      `The lock does not hold ${missing.map((set) => set.name).join(", ")}, and --offline forbids asking apt.`,
      { hint: "Run once without --offline." },
    );
  }
  const { distribution } = request.catalog;
  const solvers = new Map<string, ReturnType<typeof openApt>>();
  const open = async (arch: string) => {
    const known = solvers.get(arch);
    if (known !== undefined) return await known;
    context.emit({ type: "log", level: "info", message: `asking apt for packages of ${distribution.name} (${arch})` });
    const solver = openApt({
      folder: join(store.root, "apt", `${distribution.name}-${arch}`),
      arch,
      mirrors: (await job.registries()).deb,
      suites: distribution.suites,
      components: distribution.components,
      keyring: distribution.keyring,
      env: context.env,
      signal: context.signal,
    });
    solvers.set(arch, solver);
    return await solver;
  };
  const complete = async () => await completeLock({ lock, requirements: needed, open });
  if (missing.length === 0) return await complete();
  // apt refuses to work in a folder where another apt works.
  return await withLock(`${store.root}/apt`, context.signal, complete);
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
