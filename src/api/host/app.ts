import { join } from "node:path";
import { programOf } from "../../catalog/runtime.js";
import { type HostCommand, type HostPlace, hostCommand, startHostApp } from "../../device/host-app.js";
import type { Emit } from "../../ground/events.js";
import { hostName } from "../../image/request.js";
import { nativeCommand } from "../../parts/launch.js";
import type { HostBuild } from "./build.js";

export interface RunningApp {
  /** Asks it to end as a board that shuts down does, and kills it after a while. Resolves when nothing of it runs. */
  readonly stop: () => Promise<void>;
  readonly isRunning: () => boolean;
}

/** The command line of an app on this machine, and its environment. */
export function appCommand({ request, trees }: HostBuild, place: HostPlace): HostCommand {
  const { app, system } = request.project;
  const { runtime, kernels } = request.catalog;
  const tree = (target: string, ...path: string[]) => join(trees[target] ?? "", ...path);
  const files = {
    launcher: nativeCommand(request.host.arch, tree("sysroot", "root")),
    runtime: tree("runtime", programOf(runtime, "app-host").output),
    app: tree("app", "data/app"),
    models: trees.models === undefined ? undefined : tree("models", "data/models"),
    engine: tree("engine", "libedge_nn.so"),
    kernels: trees.kernels === undefined ? [] : kernels.programs.map(({ output }) => tree("kernels", output)),
  };
  return hostCommand(files, { board: hostName, timezone: system.timezone, env: app.env }, place);
}

/** Starts an app. What it writes is told line by line, as a board's console is. */
export function startApp(build: HostBuild, place: HostPlace, emit: Emit): RunningApp {
  let running = true;
  let stopped = false;
  const app = startHostApp(appCommand(build, place), {
    cwd: join(place.data, "app"),
    tell: ({ text, milestone }) => {
      emit({ type: "console", line: text });
      if (milestone !== undefined) emit({ type: "milestone", name: milestone.name, fields: milestone.fields });
    },
  });
  const ended = app.ended.then(({ exitCode, reason }) => {
    running = false;
    if (!stopped) emit({ type: "app-ended", reason: exitCode === 0 ? "exit code 0" : reason });
  });
  return {
    isRunning: () => running,
    stop: async () => {
      stopped = true;
      app.end();
      await ended;
    },
  };
}
