import type { Catalog } from "../../catalog/catalog.js";
import { fileNameOf, sourceKey } from "../../catalog/source.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { Lock } from "../../lock/lock-file.js";
import type { Plan } from "../../plan/step.js";
import { fetchedFiles } from "../../steps/fetch.js";

type Pins = Lock["recipes"];

/** What plans fetch that neither Debian's packages nor the project's own sources are: the recipes' sources, converters, references. */
export function recipePins(plans: readonly Plan[], lock: Lock): Pins {
  const own = new Set(Object.keys(lock.sources).map((key) => (key.includes("#") ? key : `${key}#${fileNameOf(key)}`)));
  const pins: Pins = {};
  for (const { purl, name, sha256, size } of plans.flatMap((plan) =>
    plan.steps.flatMap((step) => (step.kind === "fetch" ? fetchedFiles(step.params) : [])),
  )) {
    if (Object.hasOwn(lock.packages, purl) || own.has(`${purl}#${name}`)) continue;
    const key = sourceKey({ purl, file: name === fileNameOf(purl) ? undefined : name });
    pins[key] = { sha256, ...(size === undefined ? {} : { size }) };
  }
  return pins;
}

/**
 * The lock with the sources of the recipes that plans fetch. Entries for other boards and engines stay as long as the catalog has them.
 * @throws EdgeimgError ERR_EDGEIMG_LOCK_DISAGREES when a recipe has moved since, or a locked build's lock lacks one
 */
export function pinRecipes(job: {
  readonly lock: Lock;
  /** What was locked before. */
  readonly known: Pins;
  readonly plans: readonly Plan[];
  readonly catalog: Catalog;
  readonly locked: boolean;
}): Lock {
  const { lock, known, catalog } = job;
  const pins = recipePins(job.plans, lock);
  const problems = Object.entries(pins).flatMap(([key, { sha256 }]) => {
    const before = known[key];
    if (before === undefined) return job.locked ? [`${key}: absent`] : [];
    return before.sha256 === sha256 ? [] : [`${key}: the lock has ${before.sha256}, the recipe ${sha256}`];
  });
  if (problems.length > 0) {
    throw new EdgeimgError("ERR_EDGEIMG_LOCK_DISAGREES", "edgeimg.lock does not pin what the recipes name.", {
      details: problems.slice(0, 8),
      hint: "Find out why a recipe changed; then run `edgeimg lock --update`, review the difference and commit it.",
    });
  }
  const current = pinsIn([
    [...catalog.boards.values()].map(({ disk }) => disk.raw),
    [...catalog.engines.values()],
    catalog.reference,
    [...catalog.tools.values()],
    [...catalog.converters.values()],
  ]);
  const kept = Object.entries(known).filter(([key, { sha256 }]) => current.get(key) === sha256);
  return { ...lock, recipes: { ...Object.fromEntries(kept), ...pins } };
}

/** Every pinned file within some data of the catalog: its key in a lock -> its sha256. */
function pinsIn(value: unknown, found = new Map<string, string>()): Map<string, string> {
  if (typeof value !== "object" || value === null) return found;
  const { purl, sha256, file } = value as {
    readonly purl?: unknown;
    readonly sha256?: unknown;
    readonly file?: unknown;
  };
  if (typeof purl === "string" && typeof sha256 === "string") {
    const named = typeof file === "string" && file !== fileNameOf(purl) ? file : undefined;
    found.set(sourceKey({ purl, file: named }), sha256);
  }
  for (const inner of value instanceof Map ? value.values() : Object.values(value)) pinsIn(inner, found);
  return found;
}
