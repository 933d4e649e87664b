import { startWatcher } from "../process/end-with-us.js";
import { type ProcessEnd, startProcess } from "../process/start-process.js";
import { type ConsoleLine, lineSplitter, parseConsoleLine } from "./console.js";

/** Where an app's folders are on this machine. */
export interface HostPlace {
  readonly data: string;
  readonly tmp: string;
  /** Local port that stands for the app's port 80. */
  readonly port: number;
}

/** What an app runs with on this machine, as paths. */
export interface HostFiles {
  /** The first words of the command: a loader and its libraries. */
  readonly launcher: readonly string[];
  readonly runtime: string;
  readonly app: string;
  readonly models: string | undefined;
  readonly engine: string;
  readonly kernels: readonly string[];
}

/** What the app is told of where it runs. */
export interface HostSettings {
  readonly board: string;
  readonly timezone: string;
  /** The project's own variables. */
  readonly env: Readonly<Record<string, string>>;
}

export interface HostCommand {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The port that apps serve on. */
const appPort = 80;
/** Milliseconds for the app's onShutdown functions: those that a board gives it. */
const graceMs = 5000;

/** The command line of an app on this machine, and its environment: what the supervisor of a board gives it. */
export function hostCommand(files: HostFiles, settings: HostSettings, { data, tmp, port }: HostPlace): HostCommand {
  const { launcher, runtime, app, models, engine, kernels } = files;
  return {
    command: [
      ...launcher,
      runtime,
      ...["--app", app],
      ...(models === undefined ? [] : ["--models", models]),
      ...["--engine", engine],
      ...kernels.flatMap((file) => ["--kernels", file]),
      ...["--data", data, "--tmp", tmp, "--writable", "/data/app", "--writable", "/tmp"],
      ...["--env-file", "/dev/null"],
      ...["--address", "127.0.0.1", "--map-port", `${appPort}=${port}`],
    ],
    env: { HOME: "/data/app", TMPDIR: "/tmp", EDGEIMG_BOARD: settings.board, TZ: settings.timezone, ...settings.env },
  };
}

export interface StartedApp {
  /** Asks it to end as a board that shuts down does, and kills it after a while. */
  readonly end: () => void;
  /** Never rejects. */
  readonly ended: Promise<ProcessEnd>;
}

/** Starts an app. What it writes is told line by line, as a board's console is. */
export function startHostApp(
  { command, env }: HostCommand,
  job: { readonly cwd: string; readonly signal?: AbortSignal; readonly tell: (line: ConsoleLine) => void },
): StartedApp {
  const [program = "", ...args] = command;
  const watcher = startWatcher();
  const child = startProcess({ program, args, env, cwd: job.cwd, graceMs, signal: job.signal });
  if (child.pid !== undefined) watcher.watch(child.pid);
  let index = 0;
  const tell = (lines: readonly string[]): void => {
    for (const raw of lines) job.tell(parseConsoleLine(raw, index++));
  };
  const splitters = [child.stdout, child.stderr].map((stream) => {
    const splitter = lineSplitter();
    stream?.on("data", (bytes: Buffer) => tell(splitter.push(bytes)));
    return splitter;
  });
  const ended = child.ended.then((end) => {
    watcher.release();
    for (const splitter of splitters) tell(splitter.end());
    return end;
  });
  return { end: child.end, ended };
}
