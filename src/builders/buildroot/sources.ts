import { PackageURL } from "@socketregistry/packageurl-js";
import { type PinnedFile, type Source, sourceFile } from "../../catalog/source.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";

/** Addresses of registries as the generated tree's Config.in offers them; whoever builds may set others. */
export interface Sites {
  readonly pypi: string;
  readonly npm: string;
  readonly cargo: string;
  readonly deb: string;
}

export const siteSymbols: Readonly<Record<keyof Sites, string>> = {
  pypi: "BR2_EDGEIMG_SITE_PYPI",
  npm: "BR2_EDGEIMG_SITE_NPM",
  cargo: "BR2_EDGEIMG_SITE_CARGO",
  deb: "BR2_EDGEIMG_SITE_DEB",
};

/** A site as a make expression. */
export function siteVariable(kind: keyof Sites): string {
  return `$(call qstrip,$(${siteSymbols[kind]}))`;
}

/** Where Buildroot finds an archive: `site` is a make expression, `file` its name there. */
export interface Download {
  readonly site: string;
  readonly file: string;
  readonly kind: keyof Sites;
}

/** Whether Buildroot can be told where an engine's sources are. */
export function hasSites(sources: Readonly<Record<string, Source>>): boolean {
  return Object.values(sources).every(({ purl }) => /^pkg:(pypi|npm|cargo)\//.test(purl));
}

/** The place of a source in its registry, by the registry's own rule. Throws ERR_EDGEIMG_CATALOG_INVALID for other kinds of purls. */
export function downloadOf(source: PinnedFile): Download {
  const purl = PackageURL.fromString(source.purl);
  const file = sourceFile(source);
  const name = purl.name ?? "";
  switch (purl.type) {
    case "pypi":
      return { kind: "pypi", site: `${siteVariable("pypi")}/${name[0] ?? ""}/${name}`, file };
    case "npm": {
      const scope = purl.namespace === undefined ? "" : `${purl.namespace}/`;
      return { kind: "npm", site: `${siteVariable("npm")}/${scope}${name}/-`, file };
    }
    case "cargo":
      return { kind: "cargo", site: `${siteVariable("cargo")}/${name}`, file };
    default:
      throw new EdgeimgError("ERR_EDGEIMG_CATALOG_INVALID", `Buildroot cannot be told where ${source.purl} is.`, {
        hint: "Use a purl of type pypi, npm or cargo.",
      });
  }
}
