import { PackageURL } from "@socketregistry/packageurl-js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { globMatcher } from "../formats/glob.js";
import type { AptSolver } from "./apt.js";
import type { AptPackage } from "./choices.js";
import type { Lock } from "./lock-file.js";

/** A set of packages that a plan needs. */
export interface PackageSetRequest {
  readonly name: string;
  readonly arch: string;
  readonly packages: readonly string[];
  /** Only packages of the closure whose names match are kept; all when absent. */
  readonly keep?: readonly string[] | undefined;
}

export interface Requirements {
  readonly distribution: { readonly name: string; readonly purlNamespace: string };
  readonly sets: readonly PackageSetRequest[];
}

/** The sets that a lock does not hold, or holds for another request or distribution. */
export function missingSets(lock: Lock, requirements: Requirements): PackageSetRequest[] {
  if (lock.distribution.name !== requirements.distribution.name) return [...requirements.sets];
  return requirements.sets.filter((set) => {
    const known = lock.sets[set.name];
    const wanted = [set.arch, requestOf(set), set.keep ?? null];
    return (
      known === undefined || JSON.stringify([known.arch, known.request, known.keep ?? null]) !== JSON.stringify(wanted)
    );
  });
}

/** Throws ERR_EDGEIMG_LOCK_DISAGREES when a locked build cannot go by this lock. */
export function checkLocked(lock: Lock, requirements: Requirements, file: string): void {
  const missing = missingSets(lock, requirements);
  if (missing.length === 0 && lock.distribution.name === requirements.distribution.name) return;
  throw new EdgeimgError("ERR_EDGEIMG_LOCK_DISAGREES", `${file} does not hold what this build needs.`, {
    place: { file },
    details: missing
      .slice(0, 8)
      .map(
        (set) =>
          `set "${set.name}" (${set.arch}): ${lock.sets[set.name] === undefined ? "absent" : "made for other packages"}`,
      ),
    hint: "Run `edgeimg lock --update`, review the difference and commit it; or build without --locked.",
  });
}

/** Adds the sets that a lock lacks. `open` gives a solver per architecture; it is only asked when something is missing. */
export async function completeLock(job: {
  readonly lock: Lock;
  readonly requirements: Requirements;
  readonly open: (arch: string) => Promise<AptSolver>;
  /** Told before each set is asked for, and at the end. */
  readonly progress?: (done: number, total: number) => void;
}): Promise<Lock> {
  const { requirements, open, progress } = job;
  const isSame = job.lock.distribution.name === requirements.distribution.name;
  const sets = isSame ? { ...job.lock.sets } : {};
  const packages = isSame ? { ...job.lock.packages } : {};
  let { date } = job.lock.distribution;
  const missing = missingSets(job.lock, requirements);
  const chosen = await choose(missing, open, progress);
  for (const set of missing) {
    const choice = chosen.get(set.name);
    if (choice === undefined) throw new Error(`nothing was chosen for ${set.name}`);
    date = choice.date;
    const kept = set.keep === undefined ? () => true : globMatcher(set.keep);
    const ids: string[] = [];
    for (const found of choice.packages) {
      if (!kept(found.name)) continue;
      const id = new PackageURL(
        "deb",
        requirements.distribution.purlNamespace,
        found.name,
        found.version,
        { arch: found.arch },
        undefined,
      ).toString();
      ids.push(id);
      packages[id] = { path: found.path, size: found.size, sha256: found.sha256 };
    }
    const keep = set.keep === undefined ? {} : { keep: [...set.keep] };
    sets[set.name] = { arch: set.arch, request: requestOf(set), ...keep, packages: ids };
  }
  return { ...job.lock, distribution: { name: requirements.distribution.name, date }, sets, packages };
}

/** What apt chooses for each set, by its name: the architectures at once, since apt works in a folder of its own for each. */
async function choose(
  sets: readonly PackageSetRequest[],
  open: (arch: string) => Promise<AptSolver>,
  progress: ((done: number, total: number) => void) | undefined,
): Promise<ReadonlyMap<string, { readonly date: string; readonly packages: readonly AptPackage[] }>> {
  const chosen = new Map<string, { readonly date: string; readonly packages: readonly AptPackage[] }>();
  const ofArch = async (arch: string) => {
    const solver = await open(arch);
    for (const set of sets.filter((one) => one.arch === arch)) {
      progress?.(chosen.size, sets.length);
      chosen.set(set.name, { date: solver.date, packages: await solver.solve(set.packages) });
    }
  };
  const ended = await Promise.allSettled([...new Set(sets.map(({ arch }) => arch))].map(ofArch));
  for (const one of ended) if (one.status === "rejected") throw one.reason;
  if (sets.length > 0) progress?.(sets.length, sets.length);
  return chosen;
}

/** What a lock's sets were made for: asked again, they give the same sets with the packages of today. */
export function lockedRequests(lock: Lock): PackageSetRequest[] {
  return Object.entries(lock.sets).map(([name, { arch, request, keep }]) => ({ name, arch, packages: request, keep }));
}

function requestOf(set: PackageSetRequest): string[] {
  return [...set.packages].sort();
}
