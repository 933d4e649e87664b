import { EdgeimgError } from "./edgeimg-error.js";

/** The error to show when a disk or a quota is full, wherever that was met; undefined for any other failure. */
export function noSpace(error: unknown, message = "No space is left for the store."): EdgeimgError | undefined {
  if (!(error instanceof Error) || !("code" in error) || (error.code !== "ENOSPC" && error.code !== "EDQUOT"))
    return undefined;
  return new EdgeimgError("ERR_EDGEIMG_STORE_FULL", message, {
    cause: error,
    hint: "Free some space (`edgeimg cache prune`) or set XDG_CACHE_HOME to a larger disk, then run again: it continues.",
  });
}
