import { readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { checkSupport, type ImageRequest, requirements } from "../builders/debian/plan-image.js";
import { type Catalog, loadCatalog } from "../catalog/catalog.js";
import { loadProject } from "../config/load.js";
import { type MergedProject, mergeProject } from "../config/merge.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { nearest } from "../errors/nearest.js";
import { createFetcher } from "../fetch/fetcher.js";
import type { Registries } from "../fetch/registries.js";
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
  place: MergedProject["place"] | undefined,
): T {
  const found = known.get(wanted);
  if (found !== undefined) return found;
  const names = [...known.keys()].sort();
  const close = nearest(wanted, names);
  throw new EdgeimgError("ERR_EDGEIMG_UNKNOWN_NAME", `There is no ${kind} "${wanted}".`, {
    ...(place === undefined ? {} : { place: place([kind]) }),
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
  const session = await lockSession(context, options);
  const { project, request, services } = session;
  const lock = session.known ?? emptyLock(session.distribution);
  const out = join(project.outBase, `${request.board.name}-${request.engine.recipe.name}`);
  if (options.locked) {
    session.check(lock);
    return { project, request, services, out, lock: await session.pin(lock) };
  }
  const complete = await session.resolve(lock);
  if (session.known === undefined || formatLock(session.known) !== formatLock(complete)) await session.write(complete);
  return { project, request, services, out, lock: parseLock(formatLock(complete), session.file) };
}

/** What commands that deal with the lock have in common. */
export interface LockSession {
  readonly project: OpenProject;
  readonly request: ImageRequest;
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

export async function lockSession(context: Context, options: BuildOptions): Promise<LockSession> {
  const project = await openProject(context, options);
  const request = { ...imageRequest(project), dependencies: await appDependencies(project.folder) };
  checkSupport(request);
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
  const needed = requirements(request);
  const job = { context, options, request, store, registries };
  const pin = (lock: Lock, locked: boolean) =>
    pinSources({ lock, project: request.project, fetcher, locked, signal: context.signal });
  return {
    project,
    request,
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

/** The board is the first of the project's when no flag names one. */
export function imageRequest(project: OpenProject, boardName = project.merged.boards[0] ?? ""): ImageRequest {
  const { merged, catalog, folder, outBase } = project;
  const place = (origin: { from: string }) => (origin.from === "file" ? merged.place : undefined);
  const inside = relative(folder, outBase);
  return {
    project: merged.project,
    localPath: (path) => (isAbsolute(path) ? path : join(folder, path)),
    dependencies: [],
    exclude: inside === "" || inside.startsWith("..") ? ["out"] : ["out", inside],
    board: findNamed("board", boardName, catalog.boards, place(merged.boardOrigin)),
    engine: findNamed("engine", merged.engine, catalog.engines, place(merged.engineOrigin)),
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

function lazy<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
