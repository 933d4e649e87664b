import { existsSync, type FSWatcher, lstatSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { globMatcher } from "../../formats/glob.js";

/** Changes of a project's files. */
export interface ProjectWatch {
  /** Paths that changed since the last call, relative to the folder and sorted; waits for the first. Throws when the signal is aborted. */
  readonly next: (signal: AbortSignal) => Promise<readonly string[]>;
  readonly close: () => void;
}

/** Of no app: packages and history are large, the lock is our own to write. */
const ignored = ["node_modules", "**/node_modules", ".git", "**/.git", "edgeimg.lock", "edgeimg.lock.*.new"];
/** What editors write beside a file that they save: Vim, Emacs, and those that write anew and rename. */
const drafts = /(^|\/)(\.[^/]*\.sw[a-z]|[^/]*~|4913|\.?#[^/]*#?|[^/]*\.tmp)$/;

/** A save comes as several changes, a checkout as hundreds: they are one when no more come for so many milliseconds, */
const quietMs = 50;
/** and at the latest after so many such spans. */
const longestSpans = 20;

/**
 * Watches all folders of a project, so that a file that is missing today is seen when it comes; `exclude` are globs of what is none of its
 * business. Throws ERR_EDGEIMG_HOST_WATCH when the system allows no more watches (inotify(7)).
 */
export function watchProject(folder: string, exclude: readonly string[]): ProjectWatch {
  const changes = changeQueue(folder);
  const watchers = folderWatchers(folder, globMatcher([...ignored, ...exclude]), changes);
  try {
    watchers.add("");
  } catch (error) {
    watchers.close();
    throw noWatch(folder, error);
  }
  return { close: watchers.close, next: changes.next };
}

/** Watches folders and notes what changes in them; folders that come are watched as well. */
function folderWatchers(
  folder: string,
  excluded: (path: string) => boolean,
  changes: Pick<ReturnType<typeof changeQueue>, "add" | "fail">,
) {
  const watchers = new Map<string, FSWatcher>();
  const forget = (path: string): void => {
    for (const [known, watcher] of watchers) {
      if (known !== path && !known.startsWith(`${path}/`)) continue;
      watcher.close();
      watchers.delete(known);
    }
  };
  const note = (path: string): void => {
    if (excluded(path) || drafts.test(path)) return;
    const found = lstatSync(join(folder, path), { throwIfNoEntry: false });
    if (found === undefined) forget(path);
    try {
      if (found?.isDirectory() && !watchers.has(path)) add(path);
    } catch (error) {
      changes.fail(error);
      return;
    }
    changes.add(path);
  };
  const add = (path: string): void => {
    const place = join(folder, path);
    const watcher = watch(place, (_, name) => {
      if (name === null) return;
      // A folder that went tells so by its own name.
      note(path === "" ? name : existsSync(place) ? `${path}/${name}` : path);
    });
    watcher.on("error", changes.fail);
    watchers.set(path, watcher);
    for (const entry of readdirSync(place, { withFileTypes: true })) {
      const inner = path === "" ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory() && !excluded(inner)) add(inner);
    }
  };
  const close = (): void => {
    for (const watcher of watchers.values()) watcher.close();
    watchers.clear();
  };
  return { add, close };
}

/** Changes that nobody has asked for yet, and the first failure of a watcher. */
function changeQueue(folder: string) {
  const changed = new Set<string>();
  let count = 0;
  let wake = (): void => {};
  let failure: unknown;
  const add = (path: string): void => {
    changed.add(path);
    count++;
    wake();
  };
  const fail = (error: unknown): void => {
    failure ??= noWatch(folder, error);
    wake();
  };
  const next: ProjectWatch["next"] = async (signal) => {
    const stop = () => wake();
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (changed.size === 0 && failure === undefined && !signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      for (let seen = -1, spans = 0; seen !== count && spans < longestSpans && !signal.aborted; spans++) {
        seen = count;
        await sleep(quietMs);
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
    signal.throwIfAborted();
    if (failure !== undefined) throw failure;
    const paths = [...changed].sort();
    changed.clear();
    // Those that came and went are another's business, unless there is nothing else.
    const there = paths.filter((path) => existsSync(join(folder, path)));
    return there.length > 0 ? there : paths;
  };
  return { add, fail, next };
}

function noWatch(folder: string, cause: unknown): unknown {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code !== "ENOSPC" && code !== "EMFILE") return cause;
  return new EdgeimgError("ERR_EDGEIMG_HOST_WATCH", `The folders of ${folder} cannot be watched (${code}).`, {
    cause,
    hint:
      code === "ENOSPC"
        ? "Allow more watches: sudo sysctl fs.inotify.max_user_watches=524288"
        : "Allow more watchers: sudo sysctl fs.inotify.max_user_instances=1024; or end programs that watch files.",
  });
}
