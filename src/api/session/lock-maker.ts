import { placingErrors } from "../../errors/edgeimg-error.js";
import type { Registries } from "../../fetch/registries.js";
import type { ImageRequest } from "../../image/request.js";
import { emptyLock, type Lock } from "../../lock/lock-file.js";
import { lockedRequests, type Requirements } from "../../lock/resolve.js";
import type { StepServices } from "../../steps/kind.js";
import type { Context } from "../types.js";
import { lockPackages } from "./lock-packages.js";
import { pinRecipes } from "./pin-recipes.js";
import { pinSources } from "./pin-sources.js";
import { type Purpose, purposes } from "./purpose.js";

export interface LockMaker {
  /** Adds what a lock lacks, asking apt and registries. */
  resolve(lock: Lock): Promise<Lock>;
  /** A new lock for the request and for all that an old one was made for: other boards, other engines. */
  renew(old: Lock): Promise<Lock>;
  /** A locked build's sources: never asks anybody. */
  pin(lock: Lock): Promise<Lock>;
}

export interface LockMakerJob {
  /** For the same project; at least one. */
  readonly requests: readonly ImageRequest[];
  readonly purpose: Purpose;
  /** The packages that all of them need. */
  readonly needed: Requirements;
  readonly services: StepServices;
  readonly registries: () => Promise<Registries>;
  readonly offline: boolean;
}

/** How a session's lock is made: packages are chosen, then sources and recipes pinned. */
export function lockMaker(context: Context, job: LockMakerJob): LockMaker {
  const { requests, needed, services } = job;
  const [first] = requests;
  if (first === undefined) throw new Error("no target was chosen");
  const { catalog, project } = first;
  const choosePackages = (lock: Lock, wanted: Requirements) =>
    lockPackages({
      lock,
      needed: wanted,
      distribution: catalog.distribution,
      store: services.store,
      mirrors: async () => (await job.registries()).deb,
      offline: job.offline,
      ...context,
    });
  const { plan } = purposes[job.purpose];
  const planOf = (request: ImageRequest, lock: Lock) => placingErrors(services.placeOf, () => plan(request, lock));
  const pin = async (lock: Lock, known: Lock["recipes"], { locked }: { readonly locked: boolean }) => {
    const { fetcher } = services;
    const pinned = await pinSources({ lock, project, fetcher, locked, signal: context.signal });
    const plans = requests.map((one) => planOf(one, pinned));
    return pinRecipes({ lock: pinned, known, plans, catalog, locked });
  };
  return {
    resolve: async (lock) => await pin(await choosePackages(lock, needed), lock.recipes, { locked: false }),
    renew: async (old) => {
      const known = new Set(needed.sets.map((set) => set.name));
      const others = lockedRequests(old).filter((set) => !known.has(set.name));
      const all = { ...needed, sets: [...needed.sets, ...others] };
      const renewed = await choosePackages(emptyLock(needed.distribution.name), all);
      // What other boards and engines had stays; what moved since is new.
      const { recipes } = await pin(renewed, {}, { locked: false });
      const rest = Object.entries(old.recipes).filter(([key]) => !Object.hasOwn(recipes, key));
      return await pin(renewed, { ...Object.fromEntries(rest), ...recipes }, { locked: false });
    },
    pin: (lock) => pin(lock, lock.recipes, { locked: true }),
  };
}
