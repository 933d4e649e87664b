import { join } from "node:path";
import type { Distribution } from "../../catalog/distribution.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { openApt } from "../../lock/apt.js";
import type { Lock } from "../../lock/lock-file.js";
import { completeLock, missingSets, type Requirements } from "../../lock/resolve.js";
import { withLock } from "../../store/lock.js";
import { lockFolder, type Store } from "../../store/store.js";
import type { Context } from "../types.js";

export interface LockPackagesJob extends Pick<Context, "env" | "signal" | "emit"> {
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
  const { lock, needed, distribution, store, env, signal, emit } = job;
  const missing = missingSets(lock, needed);
  if (missing.length > 0 && job.offline) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_FETCH_OFFLINE",
      `The lock does not hold ${missing.map((set) => set.name).join(", ")}, and --offline forbids asking apt.`,
      { hint: "Run once without --offline." },
    );
  }
  const solvers = new Map<string, ReturnType<typeof openApt>>();
  const open = async (arch: string) => {
    const known = solvers.get(arch);
    if (known !== undefined) return await known;
    emit({ type: "log", level: "info", message: `asking apt for packages of ${distribution.name} (${arch})` });
    const solver = openApt({
      folder: join(store.root, "apt", `${distribution.name}-${arch}`),
      arch,
      mirrors: await job.mirrors(),
      suites: distribution.suites,
      components: distribution.components,
      keyring: distribution.keyring,
      env,
      signal,
    });
    solvers.set(arch, solver);
    return await solver;
  };
  const complete = async () => await completeLock({ lock, requirements: needed, open });
  if (missing.length === 0) return await complete();
  // apt refuses to work in a folder where another apt works.
  return await withLock({ folder: lockFolder(store), key: "apt", signal }, complete);
}
