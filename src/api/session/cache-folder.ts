import { isAbsolute, join } from "node:path";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { Context } from "../types.js";

/**
 * The user's cache folder (XDG Base Directory Specification: a variable that is empty, or no absolute path, counts as not set).
 * Throws ERR_EDGEIMG_STORE_UNWRITABLE when nothing says where it is.
 */
export function cacheFolder({ env }: Pick<Context, "env">): string {
  const { XDG_CACHE_HOME: xdg = "", HOME: home = "" } = env;
  if (isAbsolute(xdg)) return xdg;
  if (isAbsolute(home)) return join(home, ".cache");
  throw new EdgeimgError("ERR_EDGEIMG_STORE_UNWRITABLE", "Neither XDG_CACHE_HOME nor HOME says where the store is.", {
    hint: "Set one of them to an absolute path: export XDG_CACHE_HOME=/var/cache/me",
  });
}
