import { join } from "node:path";
import type { Distribution } from "../../catalog/distribution.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { openApt } from "../../lock/apt.js";
import type { Lock } from "../../lock/lock-file.js";
import { completeLock, missingSets, type Requirements } from "../../lock/resolve.js";
import { withLock } from "../../store/lock.js";
import { lockFolder, type Store } from "../../store/store.js";
import type { Context } from "../types.js";

export interface LockPackagesJob extends Pick<Context, "env" | "signal" | "emit" | "now"> {
  readonly lock: Lock;
  readonly needed: Requirements;
  readonly distribution: Distribution;
  /** Holds apt's lists. */
  readonly store: Store;
  /** Asked when something is missing. */
  readonly mirrors: () => Promise<readonly string[]>;
  readonly offline: boolean;
}

/** The lock with the sets of packages that it lacks, which apt chooses. Throws ERR_EDGEIMG_FETCH_OFFLINE, ERR_EDGEIMG_APT_FAILED. */
export async function lockPackages(job: LockPackagesJob): Promise<Lock> {
  const { lock, needed, distribution, store, signal, emit } = job;
  const missing = missingSets(lock, needed);
  if (missing.length > 0 && job.offline) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_FETCH_OFFLINE",
      `The lock does not hold ${missing.map((set) => set.name).join(", ")}, and --offline forbids asking apt.`,
      { hint: "Run once without --offline." },
    );
  }
  const open = aptOpener(job);
  const complete = async () => {
    if (missing.length === 0) return await completeLock({ lock, requirements: needed, open });
    emit({ type: "log", level: "info", message: `asking apt for packages of ${distribution.name}` });
    const choice = task(job, "choose", `Let apt choose the packages of ${missing.length} sets`);
    return await choice.during(
      completeLock({
        lock,
        requirements: needed,
        open,
        progress: (done, total) => choice.progress(done, total, "objects"),
      }),
    );
  };
  if (missing.length === 0) return await complete();
  // apt refuses to work in a folder where another apt works.
  return await withLock({ folder: lockFolder(store), key: "apt", signal }, complete);
}

/** Opens apt for an architecture, once: with the distribution's lists, and those of its security updates where images are made of them. */
function aptOpener(job: LockPackagesJob): (arch: string) => ReturnType<typeof openApt> {
  const { needed, distribution, store, env, signal } = job;
  const goesOnImages = (arch: string) => needed.sets.some((set) => set.arch === arch && !set.name.startsWith("tools/"));
  const security = securityOf(job);
  const solvers = new Map<string, ReturnType<typeof openApt>>();
  return async (arch) => {
    const known = solvers.get(arch);
    if (known !== undefined) return await known;
    const mirrors = await job.mirrors();
    const from = mirrors[0] === undefined ? "" : ` from ${hostOf(mirrors[0])}`;
    const title = `Fetch the package lists of ${distribution.suites.join(", ")} (${arch})${from}`;
    const lists = task(job, `lists/${arch}`, title);
    const solver = openApt({
      folder: join(store.root, "apt", `${distribution.name}-${arch}`),
      arch,
      mirrors,
      suites: distribution.suites,
      origin: distribution.origin,
      security: goesOnImages(arch) ? security : undefined,
      components: distribution.components,
      keyring: distribution.keyring,
      env,
      signal,
      progress: (bytes) => lists.progress(bytes, undefined, "bytes"),
    });
    solvers.set(arch, solver);
    return await lists.during(solver);
  };
}

/** The suite of security updates, and what is said when no mirror has it. */
function securityOf({ distribution: { security: suite }, emit }: LockPackagesJob) {
  if (suite === undefined) return undefined;
  return {
    suite,
    absent: (details: readonly string[]) => {
      const message = `no mirror has ${suite}: images get security updates with Debian's next point release only. Configure it in the host's apt, or set EDGEIMG_DEBIAN_SECURITY_MIRROR. ${details.join(" ")}`;
      emit({ type: "log", level: "warn", message: message.trim() });
    },
  };
}

/** Work that is shown like a step of a build, though it makes the lock and no part of the image. */
function task({ emit, now }: Pick<Context, "emit" | "now">, id: string, title: string) {
  const step = `lock/${id}`;
  const started = now();
  emit({ type: "plan", steps: 1 });
  emit({ type: "step-start", step, title });
  return {
    progress: (done: number, total: number | undefined, unit: "bytes" | "objects") =>
      emit({ type: "step-progress", step, done, total, unit }),
    during: async <T>(work: Promise<T>): Promise<T> => {
      try {
        const result = await work;
        emit({ type: "step-end", step, title, cached: false, ms: now() - started, digest: "" });
        return result;
      } catch (error) {
        emit({ type: "step-failed", step, title, message: error instanceof Error ? error.message : String(error) });
        throw error;
      }
    },
  };
}

/** The server's name alone: an address may hold a password. */
function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host || "this machine" : "apt's mirror list";
}
