import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PackageURL, UrlConverter } from "@socketregistry/packageurl-js";
import type { Sites } from "../../builders/buildroot/sources.js";
import type { Proxies } from "../../fetch/proxies.js";
import type { Registries } from "../../fetch/registries.js";
import { hostMirrors } from "../../lock/apt.js";

type Env = Readonly<Record<string, string | undefined>>;

/** Where the user's own configuration says that registries are: apt's sources, npm's and pip's settings. */
export async function userRegistries(env: Env): Promise<Registries> {
  const home = env.HOME ?? "/";
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
  return {
    deb: await hostMirrors(env),
    ...(npm === undefined ? {} : { npm }),
    ...(pypi === undefined ? {} : { pypi }),
  };
}

export function userProxies(env: Env): Proxies {
  return {
    http: env.http_proxy ?? env.HTTP_PROXY,
    https: env.https_proxy ?? env.HTTPS_PROXY ?? env.http_proxy ?? env.HTTP_PROXY,
    none: env.no_proxy ?? env.NO_PROXY,
  };
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
    deb: (deb[0] ?? "").replace(/\/$/, ""),
  };
}
