import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { parseDeb822 } from "../formats/deb822.js";
import { hostPath } from "../ground/home.js";
import { captureProcess } from "../process/capture-process.js";
import { type AptPackage, openChoices } from "./choices.js";

export interface AptOptions {
  /** A folder of its own: apt's state never touches the host's. */
  readonly folder: string;
  readonly arch: string;
  readonly mirrors: readonly string[];
  readonly suites: readonly string[];
  /** The field Origin that its Release file must have. */
  readonly origin: string;
  /** A further suite with security updates, which has an archive of its own; and who is told when none can be had. */
  readonly security?: { readonly suite: string; readonly absent: (details: readonly string[]) => void } | undefined;
  readonly components: readonly string[];
  readonly keyring: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Told, while the lists are fetched, how many bytes have come. */
  readonly progress?: (bytes: number) => void;
}

export interface AptSolver {
  /** The Date of the first suite's Release file. */
  readonly date: string;
  /** Packages that installing `names` into an empty system would bring, sorted by name. */
  solve(names: readonly string[]): Promise<AptPackage[]>;
}

/** The lists alone: its cache of them is made by who asks for packages, which may be nobody (`openChoices`). */
const update = ["apt-get", "update", "-q", "-o", "pkgCacheFile::Generate=false"];

/**
 * Reads a Debian archive's indices with apt, in private folders, and solves with them. Nothing is installed: apt-get is only
 * ever asked to update these folders and to simulate. Throws ERR_EDGEIMG_APT_FAILED.
 */
export async function openApt(options: AptOptions): Promise<AptSolver> {
  const failures: string[] = [];
  for (const mirror of options.mirrors) {
    const config = await configure(options, mirror);
    const updated = await watched(options, () => apt(options, config, update));
    if (updated.exitCode !== 0) {
      failures.push(...lastErrors(updated.text));
      continue;
    }
    const release = await releaseOf(options);
    if (release.Origin !== options.origin) {
      failures.push(`the source configured first is not ${options.origin}'s (Origin: ${release.Origin ?? "none"})`);
      continue;
    }
    await addSecurity(options, { config, mirror });
    const choices = await openChoices(options.folder);
    return {
      date: release.Date ?? "",
      solve: (names) => choices.of(names, () => solve({ options, config, names })),
    };
  }
  throw new EdgeimgError(
    "ERR_EDGEIMG_APT_FAILED",
    `apt cannot read the package lists of ${options.suites[0]} for ${options.arch}.`,
    {
      details: failures.slice(0, 6),
      hint:
        options.mirrors.length === 0
          ? "No Debian mirror is configured on this host: set EDGEIMG_DEBIAN_MIRROR to one."
          : "Check the network and proxy settings (`edgeimg doctor`), or set EDGEIMG_DEBIAN_MIRROR to a mirror that has this suite.",
    },
  );
}

/** Adds the suite of security updates from the first mirror that has it; without one apt's folders stay as they are, and that is told. */
async function addSecurity(options: AptOptions, { config, mirror }: { config: string; mirror: string }): Promise<void> {
  const { security, folder, mirrors } = options;
  if (security === undefined) return;
  const file = join(folder, "etc/sources.list.d/security.sources");
  const details: string[] = [];
  const again = async () => await watched(options, () => apt(options, config, update));
  for (const candidate of [...mirrors.filter((one) => /security/.test(one)), mirror]) {
    await writeFile(file, sourceText(options, { mirror: candidate, suites: [security.suite] }));
    const { exitCode, text } = await again();
    const lists = await readdir(join(folder, "lists"));
    if (exitCode === 0 && lists.some((name) => new RegExp(`_dists_${security.suite}_(In)?Release$`).test(name))) return;
    details.push(...lastErrors(text));
  }
  await rm(file);
  await again();
  security.absent(details.slice(0, 4));
}

/** One entry of apt's sources, in deb822 form. */
function sourceText(options: AptOptions, { mirror, suites }: { mirror: string; suites: readonly string[] }): string {
  return [
    "Types: deb",
    `URIs: ${mirror}`,
    `Suites: ${suites.join(" ")}`,
    `Components: ${options.components.join(" ")}`,
    `Architectures: ${options.arch}`,
    `Signed-By: ${options.keyring}`,
    "",
  ].join("\n");
}

/** Tells of the bytes in apt's folder for what is under way: apt itself says nothing to who is no terminal. */
async function watched<T>({ folder, progress }: AptOptions, work: () => Promise<T>): Promise<T> {
  if (progress === undefined) return await work();
  const partial = join(folder, "lists/partial");
  const largest = new Map<string, number>();
  const look = async () => {
    for (const name of await readdir(partial).catch(() => [])) {
      const { size } = await stat(join(partial, name)).catch(() => ({ size: 0 }));
      largest.set(name, Math.max(size, largest.get(name) ?? 0));
    }
    progress([...largest.values()].reduce((sum, size) => sum + size, 0));
  };
  const timer = setInterval(() => void look(), 250);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

async function configure(options: AptOptions, mirror: string): Promise<string> {
  const { folder } = options;
  for (const part of [
    "lists/partial",
    "cache/archives/partial",
    "etc/apt.conf.d",
    "etc/preferences.d",
    "etc/sources.list.d",
  ]) {
    await mkdir(join(folder, part), { recursive: true });
  }
  await writeFile(join(folder, "status"), "");
  await rm(join(folder, "etc/sources.list.d/security.sources"), { force: true });
  const sources = join(folder, "etc/sources.list.d/distribution.sources");
  const text = sourceText(options, { mirror, suites: options.suites });
  // Were it written again, apt would read all of its lists again.
  if (text !== (await readFile(sources, "utf8").catch(() => ""))) await writeFile(sources, text);
  const config = join(folder, "apt.conf");
  const settings = [
    `Dir::State "${folder}"`,
    `Dir::State::lists "${folder}/lists"`,
    `Dir::State::status "${folder}/status"`,
    `Dir::Cache "${folder}/cache"`,
    `Dir::Etc "${folder}/etc"`,
    'Dir::Etc::netrc "/etc/apt/auth.conf"',
    'Dir::Etc::netrcparts "/etc/apt/auth.conf.d"',
    `APT::Architecture "${options.arch}"`,
    `APT::Architectures { "${options.arch}"; }`,
    'APT::Install-Recommends "false"',
    // Without root apt cannot change to a user of its own, and needs not.
    'APT::Sandbox::User ""',
    'Acquire::Languages "none"',
    'Acquire::Retries "3"',
    ...(await hostAcquireSettings(options)),
  ];
  await writeFile(config, settings.map((line) => `${line};\n`).join(""));
  return config;
}

/** The host's proxies and certificates hold for the private folders too. */
async function hostAcquireSettings(options: AptOptions): Promise<string[]> {
  const dump = await captureProcess({
    program: "apt-config",
    args: ["dump"],
    env: plainEnv(options),
    signal: options.signal,
  });
  return dump.stdout
    .split("\n")
    .filter((line) => /^Acquire::(http|https)::\S+ "[^"]+";$/.test(line))
    .map((line) => line.slice(0, -1));
}

async function solve(job: { options: AptOptions; config: string; names: readonly string[] }): Promise<AptPackage[]> {
  const { options, config, names } = job;
  const plan = await apt(options, config, ["apt-get", "install", "--simulate", "-q", "--", ...names]);
  if (plan.exitCode !== 0) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_APT_FAILED",
      `apt finds no set of packages that has ${names.join(", ")} for ${options.arch}.`,
      {
        details: lastErrors(plan.text),
        hint: "Check the names of extra packages; they are Debian's.",
      },
    );
  }
  const chosen = [...plan.text.matchAll(/^Inst (\S+) \((\S+) /gm)].map(
    ([, name, version]) => `${name?.split(":")[0]}=${version}`,
  );
  const shown = await apt(options, config, ["apt-cache", "show", "--", ...chosen]);
  const packages = parseDeb822(shown.text).flatMap((fields): AptPackage[] => {
    const { Package: name, Version: version, Architecture: arch, Filename: path, Size: size, SHA256: sha256 } = fields;
    if (!name || !version || !arch || !path || !size || !sha256) return [];
    return chosen.includes(`${name}=${version}`) ? [{ name, version, arch, path, size: Number(size), sha256 }] : [];
  });
  const unique = new Map(packages.map((found) => [found.name, found]));
  if (unique.size !== chosen.length) throw new Error(`apt-cache described ${unique.size} of ${chosen.length} packages`);
  return [...unique.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function apt(
  options: AptOptions,
  config: string,
  command: readonly string[],
): Promise<{ exitCode: number; text: string }> {
  const [program = "", ...args] = command;
  const result = await captureProcess({
    program,
    args,
    env: { ...plainEnv(options), APT_CONFIG: config },
    // It removes what is half fetched.
    graceMs: 5000,
    maxBytes: 1 << 28,
    signal: options.signal,
  });
  if (result.exitCode === undefined) {
    const what = result.code === undefined ? `ended (${result.reason})` : "could not be started";
    throw new EdgeimgError("ERR_EDGEIMG_APT_FAILED", `${program} ${what}.`, {
      details: result.code === undefined ? [] : [result.reason],
      hint: "A build needs apt (on Debian and Ubuntu it is always there); see `edgeimg doctor`.",
    });
  }
  return { exitCode: result.exitCode, text: result.all };
}

function plainEnv({ env }: AptOptions): Record<string, string> {
  const kept = ["PATH", "HOME", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"];
  const result: Record<string, string> = { LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  for (const key of kept) {
    const value = env[key];
    if (value !== undefined) result[key] = value;
  }
  return result;
}

async function releaseOf({ folder, suites }: AptOptions): Promise<Record<string, string>> {
  const names = (await readdir(join(folder, "lists"))).filter(
    (name) => name.endsWith(`_dists_${suites[0]}_InRelease`) || name.endsWith(`_dists_${suites[0]}_Release`),
  );
  const [name] = names;
  if (name === undefined) return {};
  const text = await readFile(join(folder, "lists", name), "utf8");
  return parseDeb822(text.replace(/^-----BEGIN PGP SIGNED MESSAGE-----\nHash: \S+\n\n/, ""))[0] ?? {};
}

function lastErrors(text: string): string[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const errors = lines.filter((line) => /^(E|Err|W):/.test(line));
  return (errors.length > 0 ? errors : lines).slice(-4);
}

/** Debian mirrors that the host's own apt is configured with, likeliest first. Throws the signal's reason when that is aborted. */
export async function hostMirrors(
  env: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<string[]> {
  const own = env.EDGEIMG_DEBIAN_SECURITY_MIRROR;
  if (env.EDGEIMG_DEBIAN_MIRROR) return withSecurity([env.EDGEIMG_DEBIAN_MIRROR], own);
  const result = await captureProcess({
    program: "apt-get",
    args: ["indextargets", "--format", "$(REPO_URI) $(COMPONENT)"],
    env: { ...hostPath(), LC_ALL: "C" },
    signal,
  });
  const addresses = new Set<string>();
  for (const line of result.stdout.split("\n")) {
    const [address, component] = line.trim().split(" ");
    if (address !== undefined && component === "main" && /^(https?|mirror\+\S+|file|copy):/.test(address))
      addresses.add(address.replace(/\/$/, ""));
  }
  const rank = (address: string) => (/\/debian$/.test(address) ? 0 : /security/.test(address) ? 2 : 1);
  return withSecurity(
    [...addresses].sort((a, b) => rank(a) - rank(b)),
    own,
  );
}

/** Mirrors keep security updates in an archive beside Debian's, as a rule: `.../debian-security` beside `.../debian`. */
function withSecurity(mirrors: readonly string[], own: string | undefined): string[] {
  if (own) return [...mirrors.filter((one) => !/security/.test(one)), own];
  if (mirrors.some((one) => /security/.test(one))) return [...mirrors];
  const beside = mirrors.find((one) => /\/debian\/?$/.test(one));
  return beside === undefined ? [...mirrors] : [...mirrors, `${beside.replace(/\/$/, "")}-security`];
}
