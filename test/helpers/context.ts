import { join } from "node:path";
import type { Context } from "../../src/api/types.js";

/** What the API is called with: in a folder, whose `cache/` is the store's unless `env` is given. Nothing of it is shown. */
export function quietContext(
  cwd: string,
  given: Partial<Pick<Context, "env" | "now" | "signal">> = {},
): Context & { readonly cwd: string } {
  return {
    cwd,
    env: { XDG_CACHE_HOME: join(cwd, "cache") },
    now: () => 0,
    date: Date.now,
    emit: () => {},
    signal: new AbortController().signal,
    ...given,
  };
}
