import type { StoreLimits } from "../../store/tidy.js";
import type { Context } from "../types.js";

/** What a store is held to unless the environment says otherwise; docs/lock-and-store.md tells them. */
const defaults = { days: 30, gigabytes: 20 };

/** `EDGEIMG_STORE_DAYS` and `EDGEIMG_STORE_GB`; undefined when one of them is `off`. */
export function storeLimits(env: Context["env"]): StoreLimits | undefined {
  const read = (text: string | undefined, usual: number) => {
    if (text === "off") return undefined;
    const value = Number(text);
    return text !== undefined && text !== "" && Number.isFinite(value) && value > 0 ? value : usual;
  };
  const days = read(env.EDGEIMG_STORE_DAYS, defaults.days);
  const gigabytes = read(env.EDGEIMG_STORE_GB, defaults.gigabytes);
  return days === undefined || gigabytes === undefined ? undefined : { days, bytes: gigabytes * 1e9 };
}
