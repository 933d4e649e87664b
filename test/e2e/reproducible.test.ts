import { spawn } from "node:child_process";
import { chmod, chown, cp, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import t, { type Test } from "tap";
import { edgeimg, jsonLines, packedProgram, scratchFolder, storeActions } from "./lab.js";

/**
 * The same project built twice from nothing: once plainly, once in another folder, as another user without rights, with another time
 * zone, locale, umask and number of jobs, with nothing on the PATH but what the README asks for, and killed at twenty random moments.
 * Every step that both ran, and the image, must have the same bytes.
 */
const home = fileURLToPath(new URL("../../", import.meta.url));
const kills = 20;
const nobody = 65534;
const isRoot = process.getuid?.() === 0;

const folder = await scratchFolder("reproducible");
t.teardown(() => rm(folder, { recursive: true, force: true }));
const args = ["build", "--board", "rpi4", "--engine", "ncnn", "--json"];

/** How this machine reaches registries: proxies, and the certificates that they are trusted by. */
const network = Object.fromEntries(
  [
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
  ].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
);

const plain = { program: "", cwd: join(folder, "plain"), cache: join(folder, "plain-cache") };
const other = { program: "", cwd: join(folder, "a", "deeper folder"), cache: join(folder, "other-cache") };

t.test("a clean build", async (t) => {
  await mkdir(plain.cwd, { recursive: true });
  plain.program = await packedProgram(await made(join(folder, "packed-1")));
  const run = await edgeimg(plain.program, args, {
    cwd: plain.cwd,
    env: { XDG_CACHE_HOME: plain.cache, TZ: "UTC", LANG: "C" },
  });
  t.equal(run.code, 0, run.stderr.slice(-2000));
  const result = jsonLines(run.stdout).find((line) => line.command === "build");
  t.comment(`cold: ${Math.round(Number(result?.ms) / 1000)} s`);
});

t.test("a build killed twenty times, as another user in other surroundings, gives the same bytes", async (t) => {
  // The user must be able to read the program wherever this checkout lies.
  await chmod(folder, 0o755);
  other.program = await packedProgram(await made(join(folder, "packed-2")));
  await ownDependencies(dirname(dirname(dirname(other.program))));
  await mkdir(other.cwd, { recursive: true });
  await mkdir(other.cache);
  await cp(join(plain.cwd, "edgeimg.lock"), join(other.cwd, "edgeimg.lock"));
  for (const path of [other.cwd, other.cache, join(other.cwd, "edgeimg.lock")])
    if (isRoot) await chown(path, nobody, nobody);
  const env = {
    PATH: await poorPath(join(folder, "bin")),
    HOME: other.cwd,
    XDG_CACHE_HOME: other.cache,
    TZ: "Asia/Kathmandu",
    LANG: "de_DE.UTF-8",
    LC_ALL: "tr_TR.UTF-8",
    CI: "true",
    ...network,
  };
  const user = isRoot
    ? ["/usr/bin/setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", "--inh-caps=-all"]
    : [];
  const words = [
    ...user,
    "/bin/sh",
    "-c",
    'umask 077; exec "$@"',
    "sh",
    process.execPath,
    other.program,
    ...args,
    "--jobs",
    "3",
  ];
  const random = generator(20261124);
  for (let kill = 0; kill < kills; kill++) {
    const code = await runAndKill(words, { cwd: other.cwd, env, ms: 300 + random() * 22_000 });
    t.ok(code === "killed" || code === 0, `kill ${kill + 1}: ${code}`);
  }
  const [first = "", ...rest] = words;
  const run = await execa(first, rest, {
    cwd: other.cwd,
    env,
    extendEnv: false,
    reject: false,
    maxBuffer: 1 << 28,
    stdin: "ignore",
  });
  t.equal(run.exitCode, 0, `${run.stdout.slice(-1500)}${run.stderr.slice(-1500)}`);
  await compare(t);
});

async function compare(t: Test): Promise<void> {
  const before = await storeActions(plain.cache);
  const after = await storeActions(other.cache);
  t.ok(before.size > 40, `${before.size} actions of the clean build`);
  t.strictSame([...after.keys()].sort(), [...before.keys()].sort(), "the same actions");
  const differing = [...before].filter(([action, tree]) => after.get(action) !== tree);
  t.strictSame(differing, [], "each with the same tree");
  const read = async (base: string) => await readFile(join(base, "out/rpi4-ncnn/SHA256SUMS"), "utf8");
  t.equal(await read(other.cwd), await read(plain.cwd), "the same result files");
}

/** Ends with a kill -9 of the program alone: what it started goes on, as after a crash. */
async function runAndKill(
  words: readonly string[],
  options: { cwd: string; env: Record<string, string>; ms: number },
): Promise<number | "killed" | null> {
  const [first = "", ...rest] = words;
  const child = spawn(first, rest, { cwd: options.cwd, env: options.env, stdio: "ignore" });
  const closed = new Promise<number | null>((resolve) => child.on("exit", (code) => resolve(code)));
  const winner = await Promise.race([closed, sleep(options.ms).then(() => "time" as const)]);
  if (winner !== "time") return winner;
  child.kill("SIGKILL");
  await closed;
  return "killed";
}

/** A PATH with links to what a build needs of the host, and to nothing else: no compiler, no QEMU, no image tools. */
async function poorPath(bin: string): Promise<string> {
  await mkdir(bin);
  for (const name of ["apt-get", "apt-cache", "apt-config", "dpkg-deb", "dpkg", "npm"]) {
    const { stdout } = await execa("which", [name], { reject: false });
    if (stdout !== "") await symlink(stdout, join(bin, name));
  }
  return bin;
}

/** Puts copies of the installed run-time dependencies beside the program, in the place of the link. */
async function ownDependencies(program: string): Promise<void> {
  const { stdout } = await execa("npm", ["ls", "--omit=dev", "--all", "--parseable"], { cwd: home, reject: false });
  await rm(join(program, "node_modules"), { force: true });
  const base = join(home, "node_modules");
  for (const path of new Set(stdout.split("\n"))) {
    if (!path.startsWith(`${base}/`)) continue;
    await cp(path, join(program, "node_modules", path.slice(base.length + 1)), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}

async function made(path: string): Promise<string> {
  await mkdir(path);
  return path;
}

/** mulberry32: the same moments at every run of the test. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
