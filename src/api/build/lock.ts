import { matrixTargets } from "../../config/matrix.js";
import { emptyLock, formatLock, type Lock } from "../../lock/lock-file.js";
import { lockSession } from "../session/lock-session.js";
import type { Context, LockChange, LockOptions, LockResult } from "../types.js";

/** Moves the lock of all the project's boards and engines to what the archives hold now, or only says what it lacks. */
export async function updateLock(context: Context, options: LockOptions): Promise<LockResult> {
  const session = await lockSession(context, options, ({ merged }) => matrixTargets(merged));
  const before = session.known ?? emptyLock(session.distribution);
  if (!options.update) {
    session.check(before);
    await session.pin(before);
  }
  const after = options.update ? await session.renew(before) : before;
  if (options.update && (session.known === undefined || formatLock(before) !== formatLock(after)))
    await session.write(after);
  return {
    file: session.file,
    entries: Object.keys(after.packages).length + Object.keys(after.sources).length + Object.keys(after.recipes).length,
    changes: changesBetween(before, after),
  };
}

/** Packages and sources by name whose version or hash differ. */
function changesBetween(before: Lock, after: Lock): LockChange[] {
  const from = versions(before);
  const to = versions(after);
  return [...new Set([...from.keys(), ...to.keys()])]
    .sort()
    .flatMap((name) => (from.get(name) === to.get(name) ? [] : [{ name, from: from.get(name), to: to.get(name) }]));
}

/** "pkg:deb/debian/NAME ARCH" -> version; sources by purl without version. */
function versions(lock: Lock): Map<string, string> {
  const found = new Map<string, string>();
  for (const id of [...Object.keys(lock.packages), ...Object.keys(lock.sources), ...Object.keys(lock.recipes)]) {
    const at = id.lastIndexOf("@");
    const [version = "", rest = ""] = id.slice(at + 1).split("?");
    found.set(`${id.slice(0, at)}${rest === "" ? "" : `?${rest}`}`, decodeURIComponent(version));
  }
  return found;
}
