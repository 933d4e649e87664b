import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { freePort, isFree } from "../../device/free-port.js";
import type { HostPlace } from "../../device/host-app.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import type { Problem } from "../../ground/events.js";
import { hostName, hostRequest } from "../../image/request.js";
import { useStore } from "../../store/use.js";
import type { Prepared } from "../session/prepare.js";
import { requireWritable } from "../session/publish.js";
import type { Context, HostRunOptions, RunResult } from "../types.js";
import { type RunningApp, startApp } from "./app.js";
import { buildHost, type HostBuild, prepareHost, tellStaleTypes } from "./build.js";
import { type ProjectWatch, watchProject } from "./watch.js";

/**
 * Runs a project's app on this machine until the user stops it, and starts it anew when a build after a change of its files gives another.
 * A build that fails is told, and the app goes on as it is. The first one must succeed: its error is thrown.
 */
export async function runHost(context: Context, options: HostRunOptions): Promise<RunResult> {
  if (options.port !== undefined && !(await isFree(options.port)))
    throw new EdgeimgError("ERR_EDGEIMG_PORT_TAKEN", `Port ${options.port} of 127.0.0.1 is in use.`, {
      hint: "Name another with --port, or leave it out: then a free one is taken.",
    });
  const began = context.now();
  const prepared = await prepareHost(context, options);
  const { store } = prepared.services;
  return await useStore(store, context.signal, async () => {
    const { folder, outBase } = prepared.project;
    const watch = watchProject(folder, prepared.request.exclude);
    const tmp = await mkdtemp(join(store.root, "tmp", "host-"));
    try {
      const first = await buildHost(context, prepared);
      await tellStaleTypes(context, prepared, first);
      const place = { data: join(outBase, hostName, "data"), tmp, port: options.port ?? (await freePort()) };
      await requireWritable(join(outBase, hostName));
      await mkdir(join(place.data, "app"), { recursive: true });
      for (const message of differences(context, prepared, place))
        context.emit({ type: "log", level: "info", message });
      return await serve({ context, options, watch, place, first, began });
    } finally {
      watch.close();
      await rm(tmp, { recursive: true, force: true });
    }
  });
}

interface Serving {
  readonly context: Context;
  readonly options: HostRunOptions;
  readonly watch: ProjectWatch;
  readonly place: HostPlace;
  readonly first: HostBuild;
  /** When its build began. */
  readonly began: number;
}

/** Keeps the app running, and up to date. */
async function serve({ context, options, watch, place, first, began }: Serving): Promise<RunResult> {
  const { emit, signal } = context;
  const start = (one: HostBuild, changed: readonly string[], since: number): RunningApp => {
    const url = `http://127.0.0.1:${place.port}/`;
    emit({ type: "app-started", url, changed, ms: context.now() - since });
    return startApp(one, place, emit);
  };
  let current = first;
  let app = start(first, [], began);
  try {
    while (!signal.aborted) {
      const changed = await nextChange(watch, signal);
      if (changed === undefined) break;
      const since = context.now();
      // A mistake in edgeimg.yaml fails the first half.
      const build = async () => await buildHost(context, await prepareHost(context, options));
      const next = await build().catch((error: unknown) => {
        if (!(error instanceof EdgeimgError) || signal.aborted) throw error;
        emit({ type: "app-kept", changed, isRunning: app.isRunning(), problem: problemOf(error) });
      });
      if (next === undefined || (next.key === current.key && app.isRunning())) continue;
      current = next;
      await app.stop();
      if (!signal.aborted) app = start(next, changed, since);
    }
  } finally {
    await app.stop();
  }
  return { exitCode: 130 };
}

/** Undefined when the user has stopped it. */
async function nextChange(watch: ProjectWatch, signal: AbortSignal): Promise<readonly string[] | undefined> {
  return await watch.next(signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    return undefined;
  });
}

/** What is not as on the board, in words. */
function differences({ cwd }: Context, { request }: Prepared, place: HostPlace): string[] {
  const { engine, host } = hostRequest(request);
  const { board, project } = request;
  const other = engine === request.engine ? "" : `, and ${engine.recipe.title} that of ${request.engine.recipe.title}`;
  const missing = [
    "the supervisor that starts an app again",
    "settings of a card",
    "ssh",
    ...(project.packages.length > 0 ? ["`packages`"] : []),
  ];
  return [
    `this machine (${host.arch}) takes the place of ${board.name}${other}. Missing: ${missing.join(", ")}`,
    `the app's /data is ${relative(cwd, place.data)}, kept from run to run`,
  ];
}

function problemOf({ code, message, place, details, hint }: EdgeimgError): Problem {
  return {
    code,
    message,
    ...(place === undefined ? {} : { place }),
    ...(details.length === 0 ? {} : { details }),
    ...(hint === undefined ? {} : { hint }),
  };
}
