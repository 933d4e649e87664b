import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { FetchFile } from "./types.js";

/** ERR_EDGEIMG_FETCH_OFFLINE */
export function offline(file: Pick<FetchFile, "name" | "purl">): EdgeimgError {
  return new EdgeimgError(
    "ERR_EDGEIMG_FETCH_OFFLINE",
    `${file.name} (${file.purl}) is not in the store, and --offline forbids fetching it.`,
    { hint: "Run once without --offline." },
  );
}

/** ERR_EDGEIMG_FETCH_UNREACHABLE */
export function nowhere(file: Pick<FetchFile, "name" | "purl">): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FETCH_UNREACHABLE", `No mirror is known for ${file.name} (${file.purl}).`, {
    hint: "This host's apt names no Debian mirror: set EDGEIMG_DEBIAN_MIRROR to one.",
  });
}

/** ERR_EDGEIMG_FETCH_HASH */
export function notPinned(file: Pick<FetchFile, "name" | "purl">, details: readonly string[]): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_FETCH_HASH", `${file.name} (${file.purl}) is not the pinned file.`, {
    details,
    hint: "Try another mirror. If upstream really changed the file, review it and move the pin.",
  });
}
