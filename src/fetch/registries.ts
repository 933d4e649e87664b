import { PackageURL, UrlConverter } from "@socketregistry/packageurl-js";
import { type Dispatcher, request } from "undici";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { FetchFile } from "./types.js";

/** Where registries are. A type that is absent is at its own default place. */
export interface Registries {
  /** Base addresses of Debian mirrors, best first. */
  readonly deb: readonly string[];
  readonly npm?: string;
  /** A simple index (PEP 503, PEP 691). */
  readonly pypi?: string;
  /** A sparse cargo index (RFC 2789): its config.json says where crates are. */
  readonly cargo?: string;
  /** A Maven repository. */
  readonly maven?: string;
  /** Asked before GitHub and before any `download_url`, for a file by its name: what a company mirrors of the open web. */
  readonly files?: string;
  /** Answers instead of the registries, for tests and air-gapped mirrors: address of a folder with files by name. */
  readonly override?: string;
}

interface Network {
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
}

/** Addresses at which a file may be had, best first. */
export async function resolveUrls(
  file: Pick<FetchFile, "purl" | "name" | "path">,
  registries: Registries,
  network: Network,
): Promise<string[]> {
  if (registries.override !== undefined) return [join(registries.override, file.name)];
  const purl = parsePurl(file.purl);
  switch (purl.type) {
    case "deb":
      return registries.deb.map((base) => join(base, file.path ?? sourcePath(purl, file.name)));
    case "pypi":
      return [await pypiUrl(file, purl, registries, network)];
    case "cargo":
      return [await crateUrl(purl, registries.cargo ?? defaultCrateIndex(purl), network)];
    case "maven": {
      const url = mavenFile(known(purl), file.name);
      return [
        registries.maven === undefined
          ? url
          : join(registries.maven, new URL(url).pathname.replace(/^\/maven2\//, "/")),
      ];
    }
    case "github":
      return [...mirrored(file.name, registries), githubArchive(purl)];
    case "generic":
      return [...mirrored(file.name, registries), genericUrl(purl)];
    case "npm":
      return [atRegistry(known(purl), registries.npm)];
    default:
      return [known(purl)];
  }
}

/** The address that the purl library knows. Throws ERR_EDGEIMG_CATALOG_INVALID when it knows none. */
function known(purl: PackageURL): string {
  const url = UrlConverter.toDownloadUrl(purl)?.url;
  if (url !== undefined && url !== null) return url;
  throw new EdgeimgError("ERR_EDGEIMG_CATALOG_INVALID", `No download address is known for ${purl.toString()}.`, {
    hint: "Use a purl of type deb, npm, pypi, cargo, maven or github, or pkg:generic/NAME@VERSION?download_url=https://...",
  });
}

/** Where a Debian archive has a file of a source package (Debian Policy does not say; dak, which keeps the archive, lays it out so). */
function sourcePath(purl: PackageURL, file: string): string {
  const { name = "", qualifiers } = purl;
  if (qualifiers?.arch !== "source") throw noAddress(purl, "add ?arch=source, and name the file of the source package");
  return `pool/main/${name.startsWith("lib") ? name.slice(0, 4) : name.slice(0, 1)}/${name}/${file}`;
}

function mirrored(name: string, { files }: Registries): string[] {
  return files === undefined ? [] : [join(files, name)];
}

/** The archive of a tag, as the forge itself makes it. */
function githubArchive(purl: PackageURL): string {
  const home = UrlConverter.toRepositoryUrl(purl)?.url;
  if (home === undefined || home === null || purl.version === undefined)
    throw noAddress(purl, "name an owner, a repository and a tag");
  return `${home.split("/tree/")[0]}/archive/${encodeURIComponent(purl.version)}.tar.gz`;
}

/** The address that a generic purl carries (purl specification, "generic"). */
function genericUrl(purl: PackageURL): string {
  const url = purl.qualifiers?.download_url;
  if (typeof url !== "string") throw noAddress(purl, "add ?download_url=https://...");
  if (!/^https?:\/\//.test(url)) throw noAddress(purl, "its download_url must begin with https://");
  return url;
}

function noAddress(purl: PackageURL, what: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_CATALOG_INVALID", `No download address is known for ${purl.toString()}.`, {
    hint: `A purl of type ${purl.type} needs more: ${what}.`,
  });
}

/** The same folder of a Maven repository, whatever the file: a classifier or another ending is part of its name. */
function mavenFile(url: string, name: string): string {
  return url.slice(0, url.lastIndexOf("/") + 1) + name;
}

/** Where a registry with a sparse index has a crate: `dl` of its config.json (The Cargo Book, "Registry Index"). */
async function crateUrl(purl: PackageURL, index: string, network: Network): Promise<string> {
  const response = await request(join(index.replace(/^sparse\+/, ""), "config.json"), network);
  if (response.statusCode !== 200) {
    discard(response);
    throw new Error(`the crate index answered ${response.statusCode}`);
  }
  const { dl } = (await response.body.json()) as { dl?: unknown };
  if (typeof dl !== "string") throw new Error("the crate index's config.json names no `dl`");
  const name = purl.name ?? "";
  const version = purl.version ?? "";
  const filled = dl.replaceAll("{crate}", name).replaceAll("{version}", version);
  return filled === dl ? join(dl, `${name}/${version}/download`) : filled;
}

/** The sparse index of the public registry, beside its own address (The Cargo Book, "Registries"): cargo itself asks no other host. */
function defaultCrateIndex(purl: PackageURL): string {
  return `https://index.${new URL(known(purl)).host}/`;
}

function parsePurl(text: string): PackageURL {
  try {
    return PackageURL.fromString(text);
  } catch (cause) {
    throw new EdgeimgError(
      "ERR_EDGEIMG_CATALOG_INVALID",
      `${text} is no package URL: ${cause instanceof Error ? cause.message : cause}.`,
      {
        cause,
        hint: "A package URL looks like pkg:npm/%40scope/name@1.2.3.",
      },
    );
  }
}

/** The same path at the user's registry. */
function atRegistry(url: string, registry: string | undefined): string {
  return registry === undefined ? url : join(registry, new URL(url).pathname);
}

async function pypiUrl(
  file: Pick<FetchFile, "purl" | "name" | "path">,
  purl: PackageURL,
  registries: Registries,
  network: Network,
): Promise<string> {
  const name = (purl.name ?? "").toLowerCase().replace(/[-_.]+/g, "-");
  const index = registries.pypi === undefined ? defaultIndex(purl) : join(registries.pypi, `${name}/`);
  const response = await request(index, { ...network, headers: { accept: "application/vnd.pypi.simple.v1+json" } });
  if (response.statusCode !== 200) {
    discard(response);
    throw new Error(`the package index answered ${response.statusCode}`);
  }
  const page = (await response.body.json()) as { files?: readonly { filename?: string; url?: string }[] };
  const wanted = file.path ?? file.name;
  const found = page.files?.find((candidate) => candidate.filename === wanted)?.url;
  if (found === undefined) {
    throw new EdgeimgError("ERR_EDGEIMG_FETCH_MISSING", `The package index lists no file ${wanted} of ${file.purl}.`, {
      hint: "The release may have been withdrawn: choose another version.",
    });
  }
  return new URL(found, index).href;
}

/** The simple index page of a PyPI package, as the purl library knows it. */
function defaultIndex(purl: PackageURL): string {
  return known(purl);
}

/** Gives up an answer's body. It reports that as an error, which would end the process if nobody listened. */
export function discard({ body }: Pick<Dispatcher.ResponseData, "body">): void {
  body.on("error", () => {}).destroy();
}

function join(base: string, path: string): string {
  return `${base.replace(/\/+$/, "")}/${path.replace(/^\/+/, "")}`;
}
