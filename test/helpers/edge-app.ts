import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { toolbox } from "./toolbox.js";

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly milestones: readonly Readonly<Record<string, unknown>>[];
}

export interface RunningApp {
  /** Waits for the milestone of that name and gives its fields. */
  milestone(name: string): Promise<Readonly<Record<string, unknown>>>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
  readonly finished: Promise<Finished>;
}

export interface RunOptions {
  /** Options of edge-run before the bundle. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The emulated core, as QEMU names it. Default: cortex-a53. */
  readonly cpu?: string;
}

/** A folder for one test file, removed by its `remove`. */
export async function appFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "edge-app-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Runs edge-run under qemu-user with exactly these arguments. */
export async function edgeRun(args: readonly string[]): Promise<Finished> {
  const { code, stdout, stderr } = await start(args, { env: {}, cpu: "cortex-a53" }).finished;
  return { code, stdout, stderr, milestones: milestones(stdout) };
}

/** Compiles JavaScript to `folder/main.qjb`; throws with the compiler's words when it cannot. */
export async function compile(folder: string, source: string): Promise<string> {
  const script = join(folder, "main.js");
  const bundle = join(folder, "main.qjb");
  await writeFile(script, source);
  const { code, stderr } = await edgeRun(["--compile", script, "--out", bundle]);
  if (code !== 0) throw new Error(stderr);
  return bundle;
}

/** Compiles and runs JavaScript to its end. */
export async function runSource(folder: string, source: string, options: RunOptions = {}): Promise<Finished> {
  return startBundle(await compile(folder, source), folder, options).finished;
}

/** Compiles JavaScript and leaves it running, for a server. */
export async function startSource(folder: string, source: string, options: RunOptions = {}): Promise<RunningApp> {
  return startBundle(await compile(folder, source), folder, options);
}

/** Runs a bundle; `folder` is the app's and may be written to. */
export function startBundle(bundle: string, folder: string, options: RunOptions = {}): RunningApp {
  const { flags = [], args = [], env = {}, cpu = "cortex-a53" } = options;
  const own = ["--app", folder, "--writable", folder, "--env-file", join(folder, "app.env")];
  return start([...own, ...flags, bundle, "--", ...args], { env, cpu });
}

/** The lines of a log that are milestones, each of which says when it was: left out, as it differs from run to run. */
function milestones(log: string): Readonly<Record<string, unknown>>[] {
  const found: Readonly<Record<string, unknown>>[] = [];
  for (const line of log.split("\n")) {
    if (!line.startsWith('{"edgeimg":')) continue;
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) continue;
    const { uptimeMs, ...fields } = value as Readonly<Record<string, unknown>>;
    if (typeof uptimeMs !== "number") throw new Error(`a milestone without uptimeMs: ${line}`);
    found.push(fields);
  }
  return found;
}

function start(args: readonly string[], { env, cpu }: Required<Pick<RunOptions, "env" | "cpu">>): RunningApp {
  const waiting = new Set<() => void>();
  let log = "";
  let ended = false;
  let kill = (_signal: "SIGTERM" | "SIGKILL"): void => {};
  const run = async (): Promise<Finished> => {
    const { qemuAarch64, sysroot, edgeRun: program } = await toolbox();
    const child = execa(qemuAarch64, ["-cpu", cpu, "-L", sysroot, program, ...args], {
      env: { ...env },
      extendEnv: false,
      reject: false,
      stripFinalNewline: false,
      // What a signal does is what some tests look at: no SIGKILL after it.
      forceKillAfterDelay: false,
      timeout: 180_000,
    });
    kill = (signal) => child.kill(signal);
    child.stdout.on("data", (bytes: Buffer) => {
      log += bytes.toString();
      for (const look of waiting) look();
    });
    const result = await child;
    ended = true;
    for (const look of waiting) look();
    return {
      code: result.exitCode ?? -1,
      stdout: result.stdout,
      stderr: result.stderr,
      milestones: milestones(result.stdout),
    };
  };
  const milestone = (name: string): Promise<Readonly<Record<string, unknown>>> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const whole = log.slice(0, log.lastIndexOf("\n") + 1);
        const found = milestones(whole).find((fields) => fields.edgeimg === name);
        if (found === undefined && !ended) return;
        waiting.delete(look);
        if (found === undefined) reject(new Error(`no milestone ${name} in:\n${log}`));
        else resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { milestone, kill: (signal) => kill(signal), finished: run() };
}
