import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PackageURL, UrlConverter } from "@socketregistry/packageurl-js";
import type { Sites } from "../../builders/buildroot/sources.js";
import type { Proxies } from "../../fetch/proxies.js";
import type { Registries } from "../../fetch/registries.js";
import { hostMirrors } from "../../lock/apt.js";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where the user's own configuration says that registries are: apt's sources, the settings of npm, pip, cargo and Maven. For files of the
 * open web, which no client is configured for, EDGEIMG_FILES_MIRROR names a folder of a server.
 */
export async function userRegistries(env: Env, signal?: AbortSignal): Promise<Registries> {
  // Without a home there are no settings of the user; `/` is nobody's.
  const home = env.HOME || "/nonexistent";
  const npm =
    env.npm_config_registry ??
    env.NPM_CONFIG_REGISTRY ??
    (await setting([join(home, ".npmrc"), "/etc/npmrc", "/usr/etc/npmrc"], /^registry\s*=\s*(\S+)/m));
  const pypi =
    env.PIP_INDEX_URL ??
    (await setting(
      [join(home, ".config/pip/pip.conf"), join(home, ".pip/pip.conf"), "/etc/pip.conf"],
      /^index-url\s*=\s*(\S+)/m,
    ));
  const cargo = await cargoIndex(env.CARGO_HOME ?? join(home, ".cargo"));
  const maven = await mavenMirror(join(home, ".m2/settings.xml"));
  const files = env.EDGEIMG_FILES_MIRROR;
  return {
    deb: await hostMirrors(env, signal),
    ...(npm === undefined ? {} : { npm }),
    ...(pypi === undefined ? {} : { pypi }),
    ...(cargo === undefined ? {} : { cargo }),
    ...(maven === undefined ? {} : { maven }),
    ...(files === undefined ? {} : { files }),
  };
}

export function userProxies(env: Env): Proxies {
  return {
    http: env.http_proxy ?? env.HTTP_PROXY,
    https: env.https_proxy ?? env.HTTPS_PROXY ?? env.http_proxy ?? env.HTTP_PROXY,
    none: env.no_proxy ?? env.NO_PROXY,
  };
}

/** The sparse index that replaces the public one, if any (The Cargo Book, "Source Replacement"). */
async function cargoIndex(folder: string): Promise<string | undefined> {
  for (const name of ["config.toml", "config"]) {
    const text = await readFile(join(folder, name), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const { parse } = await import("smol-toml");
    const { source } = parse(text) as { source?: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
    const seen = new Set<string>();
    let next: unknown = source?.["crates-io"]?.["replace-with"];
    while (typeof next === "string" && !seen.has(next)) {
      seen.add(next);
      const found = source?.[next];
      if (typeof found?.registry === "string") return found.registry;
      next = found?.["replace-with"];
    }
    return undefined;
  }
  return undefined;
}

/** The first mirror that stands for Maven Central (Maven, "Using Mirrors for Repositories"). */
async function mavenMirror(file: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  for (const block of text.split("<mirror>").slice(1)) {
    const of = between(block, "<mirrorOf>", "</mirrorOf>")?.split(",") ?? [];
    if (of.some((one) => ["*", "central", "external:*"].includes(one.trim()))) return between(block, "<url>", "</url>");
  }
  return undefined;
}

function between(text: string, open: string, close: string): string | undefined {
  const start = text.indexOf(open);
  const end = text.indexOf(close, start);
  return start === -1 || end === -1 ? undefined : text.slice(start + open.length, end).trim();
}

async function setting(files: readonly string[], pattern: RegExp): Promise<string | undefined> {
  for (const file of files) {
    const text = await readFile(file, "utf8").catch(() => "");
    const found = pattern.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The public registries as the purl library knows them, and the host's mirror of its distribution: Buildroot's first choice. */
export function defaultSites({ deb }: Pick<Registries, "deb">): Sites {
  const origin = (purl: string) => new URL(UrlConverter.toDownloadUrl(PackageURL.fromString(purl))?.url ?? "").origin;
  return {
    pypi: `${origin("pkg:pypi/any@1")}/packages/source`,
    npm: origin("pkg:npm/any@1"),
    // The public registry keeps its files beside its own address, by name and version, as its index says too.
    cargo: origin("pkg:cargo/any@1").replace("://", "://static.").concat("/crates"),
    deb: (deb[0] ?? "").replace(/\/$/, ""),
  };
}
