import { EdgeimgError, type Place } from "../../errors/edgeimg-error.js";
import { nearest } from "../../errors/nearest.js";

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
