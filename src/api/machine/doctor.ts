import { access, constants, mkdir, readFile, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { PackageURL, UrlConverter } from "@socketregistry/packageurl-js";
import { type Dispatcher, request } from "undici";
import { loadCatalog } from "../../catalog/catalog.js";
import type { Distribution } from "../../catalog/distribution.js";
import { createAgent } from "../../fetch/proxies.js";
import { parseDeb822 } from "../../formats/deb822.js";
import { packageHome } from "../../ground/home.js";
import { hostMirrors } from "../../lock/apt.js";
import { captureProcess, definedVariables } from "../../process/capture-process.js";
import { cacheFolder } from "../session/cache-folder.js";
import { userProxies } from "../session/registries.js";

type Env = Readonly<Record<string, string | undefined>>;

export interface DoctorCheck {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, in a few words. */
  readonly found: string;
  /** The command that cures it. */
  readonly cure?: string;
}

/** Two roots, sources, downloads and work of one cold build, measured, with room for a second engine. */
const neededBytes = 6e9;
const oldestNode = 20;
const answerMs = 8000;

/** Looks at everything that a build needs of the machine. Throws nothing for what is missing: that is the answer. */
export async function doctor({
  env,
  signal,
}: {
  readonly env: Env;
  readonly signal: AbortSignal;
}): Promise<readonly DoctorCheck[]> {
  const family = await distributionFamily();
  const { distribution } = await loadCatalog(packageHome, undefined);
  const { keyring, keyringPackages } = distribution;
  const agent = createAgent(userProxies(env), answerMs);
  const ask = (url: string) =>
    answer(url, { dispatcher: agent, signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]) });
  try {
    // All are started before any is waited for, and all are waited for: one that fails must not leave another's failure to nobody.
    const checks = await Promise.allSettled([
      checkNode(),
      checkProgram({ name: "apt-get", cure: installCommand(family, "apt"), env, signal }),
      checkProgram({ name: "dpkg-deb", cure: installCommand(family, "dpkg"), env, signal }),
      checkKeyring(keyring, installCommand(family, keyringPackages[family] ?? keyringPackages.debian ?? keyring)),
      checkMirror({ env, distribution, ask, signal }),
      npmAddress(env, signal).then((url) =>
        checkRegistry({ name: "npm registry", url, cure: "npm config set registry ADDRESS", ask }),
      ),
      pypiAddress(env, signal).then((url) =>
        checkRegistry({ name: "Python package index", url, cure: "pip config set global.index-url ADDRESS", ask }),
      ),
      checkStore(env),
      checkLoopback(),
    ]);
    // What was stopped says that it could not be reached.
    signal.throwIfAborted();
    return checks.map((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value;
    });
  } finally {
    await agent.close().catch(() => {});
  }
}

type Family = "debian" | "fedora" | "arch" | "alpine" | "other";

async function distributionFamily(): Promise<Family> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  const ids = [...text.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap((match) => (match[1] ?? "").split(" "));
  const known: Readonly<Record<string, Family>> = {
    debian: "debian",
    ubuntu: "debian",
    fedora: "fedora",
    arch: "arch",
    alpine: "alpine",
  };
  for (const id of ids) if (known[id] !== undefined) return known[id];
  return "other";
}

/** The command that installs a package, in the words of the host's distribution. */
function installCommand(family: Family, name: string): string {
  switch (family) {
    case "fedora":
      return `sudo dnf install ${name}`;
    case "arch":
      return `sudo pacman -S ${name}`;
    case "alpine":
      return `sudo apk add ${name}`;
    case "debian":
    case "other":
      return `sudo apt-get install ${name}`;
  }
}

async function checkNode(): Promise<DoctorCheck> {
  const major = Number(process.versions.node.split(".")[0]);
  const ok = major >= oldestNode;
  return {
    name: "Node",
    ok,
    found: process.versions.node,
    ...(ok ? {} : { cure: `install Node ${oldestNode} or newer: nvm install ${oldestNode}` }),
  };
}

interface ProgramCheck {
  readonly name: string;
  readonly cure: string;
  readonly env: Env;
  readonly signal: AbortSignal;
}

async function checkProgram({ name, cure, env, signal }: ProgramCheck): Promise<DoctorCheck> {
  const result = await captureProcess({
    program: name,
    args: ["--version"],
    env: { ...definedVariables(env), LC_ALL: "C" },
    timeoutMs: answerMs,
    signal,
  });
  if (result.exitCode !== 0) return { name, ok: false, found: "not on the PATH", cure };
  return { name, ok: true, found: result.stdout.split("\n")[0]?.trim() ?? "found" };
}

async function checkKeyring(path: string, cure: string): Promise<DoctorCheck> {
  const name = "Debian archive keyring";
  const readable = await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
  return readable ? { name, ok: true, found: path } : { name, ok: false, found: `no ${path}`, cure };
}

type Ask = (url: string) => Promise<{ readonly status: number; readonly text: string }>;

async function checkMirror({
  env,
  distribution: { suites, origin: wanted },
  ask,
  signal,
}: {
  readonly env: Env;
  readonly distribution: Pick<Distribution, "suites" | "origin">;
  readonly ask: Ask;
  readonly signal: AbortSignal;
}): Promise<DoctorCheck> {
  const suite = suites[0] ?? "stable";
  const name = "Debian mirror";
  const cure = "export EDGEIMG_DEBIAN_MIRROR=ADDRESS    (of a Debian mirror near you)";
  const known = await hostMirrors(env, signal).catch(() => []);
  const mirrors = known.filter((one) => !/security/.test(one));
  const failures: string[] = [];
  for (const mirror of mirrors.slice(0, 4)) {
    if (!/^https?:/.test(mirror)) return { name, ok: true, found: `${redact(mirror)} (not asked)` };
    try {
      const { status, text } = await ask(`${mirror}/dists/${suite}/Release`);
      const origin = status === 200 ? parseDeb822(text)[0]?.Origin : undefined;
      if (origin === wanted) return { name, ok: true, found: `${redact(mirror)} has ${suite}` };
      failures.push(
        `${redact(mirror)} ${status === 200 ? `is of ${origin ?? "unknown origin"}` : `answers ${status} for ${suite}`}`,
      );
    } catch (error) {
      failures.push(`${redact(mirror)} cannot be reached (${reason(error)})`);
    }
  }
  return { name, ok: false, found: failures.join("; ") || "none in apt's configuration", cure };
}

interface RegistryCheck {
  readonly name: string;
  readonly url: string | undefined;
  readonly cure: string;
  readonly ask: Ask;
}

/** Any answer shows that it can be reached; whether it has a file is seen when that is fetched. */
async function checkRegistry({ name, url, cure, ask }: RegistryCheck): Promise<DoctorCheck> {
  if (url === undefined) return { name, ok: false, found: "no address known", cure };
  try {
    const { status } = await ask(url);
    if (status < 500 && status !== 407) return { name, ok: true, found: redact(url) };
    return { name, ok: false, found: `${redact(url)} answers ${status}`, cure: `${cure}    (or set HTTPS_PROXY)` };
  } catch (error) {
    return {
      name,
      ok: false,
      found: `${redact(url)} cannot be reached (${reason(error)})`,
      cure: `export HTTPS_PROXY=ADDRESS    (or: ${cure})`,
    };
  }
}

async function npmAddress(env: Env, signal: AbortSignal): Promise<string | undefined> {
  const result = await captureProcess({
    program: "npm",
    args: ["config", "get", "registry"],
    env: definedVariables(env),
    timeoutMs: answerMs,
    signal,
  });
  const configured = result.stdout.trim();
  return /^https?:/.test(configured) ? configured : defaultAddress("pkg:npm/edgeimg@1.0.0", "/");
}

async function pypiAddress(env: Env, signal: AbortSignal): Promise<string | undefined> {
  const result = await captureProcess({
    program: "pip",
    args: ["config", "get", "global.index-url"],
    env: definedVariables(env),
    timeoutMs: answerMs,
    signal,
  });
  const configured = env.PIP_INDEX_URL ?? result.stdout.trim();
  return /^https?:/.test(configured) ? configured : defaultAddress("pkg:pypi/pip@25.0", "/simple/pip/");
}

/** Where a registry is when nothing is configured, as the package-URL library knows it. */
function defaultAddress(purl: string, path: string): string | undefined {
  const known = UrlConverter.toDownloadUrl(PackageURL.fromString(purl))?.url;
  return known === undefined ? undefined : new URL(path, known).href;
}

async function checkStore(env: Env): Promise<DoctorCheck> {
  const name = "space for the store";
  const cure = "export XDG_CACHE_HOME=FOLDER    (on a disk with room)";
  let folder = "";
  try {
    folder = cacheFolder({ env });
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const found = `${(free / 1e9).toFixed(1)} GB free in ${folder}`;
    return free >= neededBytes
      ? { name, ok: true, found }
      : { name, ok: false, found: `${found}; a build wants ${neededBytes / 1e9} GB`, cure };
  } catch (error) {
    const found = folder === "" ? reason(error) : `${dirname(folder)} cannot be written (${reason(error)})`;
    return { name, ok: false, found, cure };
  }
}

/** `run` and `test` forward a local port to the emulated board. */
function checkLoopback(): Promise<DoctorCheck> {
  const name = "local ports";
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve({ name, ok: false, found: reason(error), cure: "sudo ip link set lo up" }));
    server.listen(0, "127.0.0.1", () => server.close(() => resolve({ name, ok: true, found: "127.0.0.1 can listen" })));
  });
}

async function answer(url: string, options: { readonly dispatcher: Dispatcher; readonly signal: AbortSignal }) {
  const response = await request(url, options);
  const text = await readSome(response.body, 1 << 20);
  return { status: response.statusCode, text };
}

async function readSome(body: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    parts.push(part);
    size += part.length;
    if (size > limit) break;
  }
  return Buffer.concat(parts).toString("utf8");
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

/** User names and passwords in an address are nobody's business. */
function redact(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}
