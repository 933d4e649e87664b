import { PackageURL, UrlConverter } from "@socketregistry/packageurl-js";
import { type Dispatcher, request } from "undici";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { FetchFile } from "../steps/kind.js";

/** Where registries are. A type that is absent is at its own default place. */
export interface Registries {
  /** Base addresses of Debian mirrors, best first. */
  readonly deb: readonly string[];
  readonly npm?: string;
  /** A simple index (PEP 503, PEP 691). */
  readonly pypi?: string;
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
      if (file.path === undefined) throw new Error(`${file.purl} has no pool path`);
      return registries.deb.map((base) => join(base, file.path ?? ""));
    case "pypi":
      return [await pypiUrl(file, purl, registries, network)];
    default: {
      const known = UrlConverter.toDownloadUrl(purl)?.url;
      if (known === undefined || known === null) {
        throw new EdgeimgError("ERR_EDGEIMG_CATALOG_INVALID", `No download address is known for ${file.purl}.`, {
          hint: "Use a purl of type deb, npm, pypi, cargo or maven.",
        });
      }
      return [purl.type === "npm" ? atRegistry(known, registries.npm) : known];
    }
  }
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
  const known = UrlConverter.toDownloadUrl(purl)?.url;
  if (known === undefined || known === null) throw new Error(`no index known for ${purl.name}`);
  return known;
}

/** Gives up an answer's body. It reports that as an error, which would end the process if nobody listened. */
export function discard({ body }: Pick<Dispatcher.ResponseData, "body">): void {
  body.on("error", () => {}).destroy();
}

function join(base: string, path: string): string {
  return `${base.replace(/\/+$/, "")}/${path.replace(/^\/+/, "")}`;
}
