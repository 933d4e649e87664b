import { storeAt } from "../../store/store.js";
import { isTidyDue, noteTidied } from "../../store/tidied.js";
import { tidyStore } from "../../store/tidy.js";
import { whenUnused } from "../../store/use.js";
import { cacheFolder } from "../session/cache-folder.js";
import { storeLimits } from "../session/store-limits.js";
import type { Context, TidyOptions, TidyResult } from "../types.js";

/**
 * Looks through the store and removes what is too old or too much, when that is due (`isTidyDue`) and nobody else uses it; undefined when nothing
 * was done. A failure to tidy, or an interruption, is no failure of the command that it follows: the next one tries again.
 */
export async function tidyCache(context: Context, { since }: TidyOptions): Promise<TidyResult | undefined> {
  const limits = storeLimits(context.env);
  if (limits === undefined) return undefined;
  const { signal } = context;
  try {
    const store = storeAt(cacheFolder(context));
    const now = context.date();
    if (!(await isTidyDue(store, now, limits))) return undefined;
    const bytes = await whenUnused(store, signal, async () => {
      const freed = await tidyStore({ store, limits, now, since, signal });
      await noteTidied(store, now, limits);
      return freed;
    });
    return bytes === undefined ? undefined : { bytes, days: limits.days, gigabytes: limits.bytes / 1e9 };
  } catch {
    return undefined;
  }
}
