import { join } from "node:path";
import { programOf } from "../../catalog/runtime.js";
import { lineSplitter, parseConsoleLine } from "../../device/console.js";
import type { Emit } from "../../ground/events.js";
import { hostName } from "../../image/request.js";
import { nativeCommand } from "../../parts/launch.js";
import { startWatcher } from "../../process/end-with-us.js";
import { startProcess } from "../../process/start-process.js";
import type { HostBuild } from "./build.js";

/** Where an app's folders are on this machine. */
export interface HostPlace {
  readonly data: string;
  readonly tmp: string;
  /** Local port that stands for the app's port 80. */
  readonly port: number;
}

export interface RunningApp {
  /** Asks it to end as a board that shuts down does, and kills it after a while. Resolves when nothing of it runs. */
  readonly stop: () => Promise<void>;
  readonly isRunning: () => boolean;
}

/** The port that apps serve on. */
const appPort = 80;
/** Milliseconds for the app's onShutdown functions: those that a board gives it. */
const graceMs = 5000;

/** The command line of an app on this machine, and its environment: what the supervisor of a board gives it. */
export function appCommand(
  { request, trees }: HostBuild,
  { data, tmp, port }: HostPlace,
): { readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const { app, system } = request.project;
  const { runtime, kernels } = request.catalog;
  const tree = (target: string, ...path: string[]) => join(trees[target] ?? "", ...path);
  const ofKernels = trees.kernels === undefined ? [] : kernels.programs.map(({ output }) => tree("kernels", output));
  return {
    command: [
      ...nativeCommand(request.host.arch, tree("sysroot", "root")),
      tree("runtime", programOf(runtime, "app-host").output),
      ...["--app", tree("app", "data/app")],
      ...(trees.models === undefined ? [] : ["--models", tree("models", "data/models")]),
      ...["--engine", tree("engine", "libedge_nn.so")],
      ...ofKernels.flatMap((file) => ["--kernels", file]),
      ...["--data", data, "--tmp", tmp, "--writable", "/data/app", "--writable", "/tmp"],
      ...["--env-file", "/dev/null"],
      ...["--address", "127.0.0.1", "--map-port", `${appPort}=${port}`],
    ],
    env: { HOME: "/data/app", TMPDIR: "/tmp", EDGEIMG_BOARD: hostName, TZ: system.timezone, ...app.env },
  };
}

/** Starts an app. What it writes is told line by line, as a board's console is. */
export function startApp(build: HostBuild, place: HostPlace, emit: Emit): RunningApp {
  const { command, env } = appCommand(build, place);
  const [program = "", ...args] = command;
  let running = true;
  let stopped = false;
  const watcher = startWatcher();
  const child = startProcess({ program, args, env, cwd: join(place.data, "app"), graceMs });
  if (child.pid !== undefined) watcher.watch(child.pid);
  let index = 0;
  const splitters = [child.stdout, child.stderr].map((stream) => {
    const splitter = lineSplitter();
    stream?.on("data", (bytes: Buffer) => tell(splitter.push(bytes)));
    return splitter;
  });
  const tell = (lines: readonly string[]): void => {
    for (const raw of lines) {
      const { text, milestone } = parseConsoleLine(raw, index++);
      emit({ type: "console", line: text });
      if (milestone !== undefined) emit({ type: "milestone", name: milestone.name, fields: milestone.fields });
    }
  };
  const ended = child.ended.then(({ exitCode, reason }) => {
    running = false;
    watcher.release();
    for (const splitter of splitters) tell(splitter.end());
    if (!stopped) emit({ type: "app-ended", reason: exitCode === 0 ? "exit code 0" : reason });
  });
  return {
    isRunning: () => running,
    stop: async () => {
      stopped = true;
      child.end();
      await ended;
    },
  };
}
