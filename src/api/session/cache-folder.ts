import { isAbsolute, join } from "node:path";
import type { Context } from "../types.js";

/** The user's cache folder (XDG Base Directory Specification). */
export function cacheFolder({ env }: Pick<Context, "env">): string {
  const xdg = env.XDG_CACHE_HOME;
  return xdg !== undefined && isAbsolute(xdg) ? xdg : join(env.HOME ?? "/", ".cache");
}
