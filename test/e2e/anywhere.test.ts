import { spawn } from "node:child_process";
import { chmod, chown, cp, mkdir, open, readdir, readFile, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import t, { type Test } from "tap";
import { cacheFolder } from "../../src/api/session/cache-folder.js";
import { assertCode, edgeimg, jsonLines, packedProgram, scratchFolder, storeActions } from "./lab.js";
import { otherMachine } from "./other-machine.js";

/**
 * One project built in different surroundings. First twice at once on the user's own store, which is empty on a bare machine. Then from nothing
 * in another folder, as another user without rights, with another time zone, locale, umask, number of jobs and clock, with nothing on the PATH
 * but what the README asks for, on a disk that is full at first, and killed at twenty random moments. Every step, and the image, must have the
 * same bytes.
 */
const home = fileURLToPath(new URL("../../", import.meta.url));
const kills = 20;
const nobody = 65534;
const isRoot = process.getuid?.() === 0;

const folder = await scratchFolder("anywhere");
const args = ["build", "--board", "rpi4", "--engine", "ncnn", "--json"];
const results = "out/rpi4-ncnn/SHA256SUMS";

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

const plain = { program: "", cwd: join(folder, "plain"), cache: cacheFolder(process) };
const twin = { cwd: join(folder, "twin") };
const other = { program: "", cwd: join(folder, "a", "deeper folder"), cache: join(folder, "other-cache") };
const plainEnv = { TZ: "UTC", LANG: "C" };

// Other users must be able to read the program and to enter the folders.
await chmod(folder, 0o755);
for (const path of [plain.cwd, twin.cwd, other.cwd, other.cache]) await mkdir(path, { recursive: true });
const machine = await otherMachine({ disk: other.cache, diskSize: "400m", clock: "+2d", user: nobody });
const played = typeof machine === "string" ? undefined : machine;
const notPlayed = typeof machine === "string" ? machine : false;
t.teardown(async () => {
  played?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What runs a command in the other surroundings. */
const otherEnv = {
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
// The test's own runner puts NODE_OPTIONS into every environment.
const script = 'umask 077; unset NODE_OPTIONS; cd "$0"; exec "$@"';
const surrounded = [...(played?.enter ?? user), "/bin/sh", "-c", script, other.cwd];
const otherWords = () => [...surrounded, process.execPath, other.program, ...args, "--jobs", "3"];

t.test("two builds at once on one store give the same bytes", async (t) => {
  plain.program = await packedProgram(await made(join(folder, "packed-1")));
  const runs = await Promise.all([plain, twin].map(({ cwd }) => edgeimg(plain.program, args, { cwd, env: plainEnv })));
  for (const run of runs) {
    assertCode(t, run, 0);
    const result = jsonLines(run.stdout).find((line) => line.command === "build");
    t.comment(`${Math.round(Number(result?.ms) / 1000)} s`);
  }
  t.equal(await readFile(join(twin.cwd, results), "utf8"), await readFile(join(plain.cwd, results), "utf8"));
});

t.test("the other surroundings", async () => {
  other.program = await packedProgram(await made(join(folder, "packed-2")));
  await ownDependencies(dirname(dirname(dirname(other.program))));
  await cp(join(plain.cwd, "edgeimg.lock"), join(other.cwd, "edgeimg.lock"));
  if (isRoot) for (const path of [other.cwd, join(other.cwd, "edgeimg.lock")]) await chown(path, nobody, nobody);
  if (isRoot && played === undefined) await chown(other.cache, nobody, nobody);
});

t.test("a clock two days ahead", { skip: notPlayed }, async (t) => {
  const { stdout } = await started([...surrounded, process.execPath, "-p", "Date.now()"]);
  t.ok(Math.abs(Number(stdout) - Date.now() - 2 * 86_400_000) < 60_000, stdout);
});

t.test("a full disk: a clear error", { skip: notPlayed }, async (t) => {
  const run = await started(otherWords());
  t.equal(run.exitCode, 2);
  const errors = jsonLines(run.stdout ?? "").filter((line) => line.type === "error");
  t.match(errors, [{ code: "ERR_EDGEIMG_STORE_FULL", hint: /run again: it continues/ }]);
  t.notMatch(`${run.stdout}${run.stderr}`, /^\s+at /m, "no stack trace");
  await played?.resizeDisk("8g");
});

t.test("after twenty kills the build in other surroundings gives the same bytes", async (t) => {
  const random = generator(20261124);
  for (let kill = 0; kill < kills; kill++) {
    const code = await runAndKill(otherWords(), 300 + random() * 5_000);
    t.ok(code === "killed" || code === 0, `kill ${kill + 1}: ${code}`);
  }
  const run = await started(otherWords());
  t.equal(run.exitCode, 0, `${run.stdout?.slice(-1500)}${run.stderr?.slice(-1500)}`);
  await compare(t);
});

t.test("a stored object with a flipped byte is noticed and made anew", async (t) => {
  const image = await treeWith(seenCache(), /\.img\.zst$/);
  await chmod(image, 0o644);
  const file = await open(image, "r+");
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 1000);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 4]), 0, 1, 1000);
  await file.close();
  await rm(join(other.cwd, "out"), { recursive: true });
  const run = await started(otherWords());
  t.equal(run.exitCode, 0, run.stderr?.slice(-2000));
  const warnings = jsonLines(run.stdout ?? "").filter((line) => line.level === "warn");
  t.match(warnings, [{ message: /^stored object [0-9a-f]{12} is damaged at .*\.img\.zst; made anew$/ }]);
  await compare(t);
});

async function started(words: readonly string[]) {
  const [first = "", ...rest] = words;
  return await execa(first, rest, {
    env: otherEnv,
    extendEnv: false,
    reject: false,
    maxBuffer: 1 << 28,
    stdin: "ignore",
  });
}

/** A file in a tree of the store. */
async function treeWith(cache: string, name: RegExp): Promise<string> {
  const trees = join(cache, "edgeimg/v1/trees");
  for (const tree of await readdir(trees)) {
    if (tree.endsWith(".json")) continue;
    const found = (await readdir(join(trees, tree))).find((file) => name.test(file));
    if (found !== undefined) return join(trees, tree, found);
  }
  throw new Error(`no tree has ${name}`);
}

/** Where the other surroundings' store is seen from here. */
function seenCache(): string {
  return played?.seen(other.cache) ?? other.cache;
}

async function compare(t: Test): Promise<void> {
  const here = await storeActions(plain.cache);
  const there = await storeActions(seenCache());
  t.ok(there.size > 40, `${there.size} actions of the build from nothing`);
  const differing = [...there].filter(([action, tree]) => here.get(action) !== tree);
  t.strictSame(differing, [], "each step was made here as well, with the same tree");
  const read = async (base: string) => await readFile(join(base, results), "utf8");
  t.equal(await read(other.cwd), await read(plain.cwd), "the same result files");
}

/** Ends with a kill -9 of the program alone: what it started goes on, as after a crash. */
async function runAndKill(words: readonly string[], ms: number): Promise<number | "killed" | null> {
  const [first = "", ...rest] = words;
  const child = spawn(first, rest, { env: otherEnv, stdio: "ignore" });
  const closed = new Promise<number | null>((resolve) => child.on("exit", (code) => resolve(code)));
  const winner = await Promise.race([closed, sleep(ms).then(() => "time" as const)]);
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
