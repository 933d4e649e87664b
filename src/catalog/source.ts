import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import type { Arch } from "./architecture.js";
import { arch, sha256 } from "./common.js";
import type { RawBlob } from "./disk.js";

/** A path that stays within its folder. */
export const inside = z
  .string()
  .regex(/^(?!\/)(?!(?:[^/]*\/)*\.\.(?:\/|$))[^\0\n]+$/, "a relative path without ..")
  .max(1000);

/** A file of a package's version, pinned: what the project names for models, and what a tool is made of. */
export const pinnedFile = z.strictObject({
  purl: z
    .string()
    .startsWith("pkg:")
    .describe(
      "Package URL with version: of a registry (`pypi`, `npm`, `cargo`, `maven`, `deb`), of a tag (`pkg:github/OWNER/NAME@TAG`), or `pkg:generic/NAME@VERSION?download_url=URL` for any other place.",
    ),
  file: z.string().optional().describe("The file's name in that package version, where there are several (PyPI)."),
  sha256: sha256.describe("Its hash: a download that differs is refused."),
  size: z.int().positive().optional().describe("Its size in bytes."),
});
export type PinnedFile = z.infer<typeof pinnedFile>;

/** One of the archives that a recipe is made of. */
export const source = pinnedFile.extend({
  sha256: sha256
    .optional()
    .describe(
      "Its hash: a file that differs is refused. Only a `supplied` archive may be without one: then the project gives it (`supplied` of edgeimg.yaml).",
    ),
  strip: z.int().min(0).default(1).describe("Folders taken off the front of each path."),
  into: inside.optional().describe("The folder of the source tree that it is laid into; absent: the tree itself."),
  only: z.array(z.string()).default([]).describe("Globs of what is unpacked; everything when empty."),
  patches: z
    .array(inside)
    .default([])
    .describe(
      "Unified diffs of the recipe's folder, applied in this order without fuzz; paths in them start with a/ and b/.",
    ),
  arch: z.array(arch).default([]).describe("Only for boards of these architectures; for all when empty."),
  supplied: z
    .string()
    .optional()
    .describe(
      "For an archive that nobody may hand on: how a user gets it, one sentence. It is taken from the folder `sources` beside edgeimg.yaml.",
    ),
});
export type Source = z.infer<typeof source>;
/** A source whose hash is known: the recipe's, or else the project's. */
export type PinnedSource = Source & { readonly sha256: string };

/**
 * The sources of a recipe by name, laid into one tree in this order. No `purl` stands for the folder's own files: a recipe without
 * sources is made of them.
 */
export const sources = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/),
  source.refine(
    (one) => one.sha256 !== undefined || one.supplied !== undefined,
    "give `sha256`: only an archive that the user supplies may leave it to the project",
  ),
);

/**
 * The sources that a board of an architecture needs, in the recipe's order.
 * @throws EdgeimgError ERR_EDGEIMG_SOURCE_UNPINNED for one whose hash neither the recipe nor the project gives
 */
export function sourcesFor(sources: Readonly<Record<string, Source>>, arch: Arch): [string, PinnedSource][] {
  return Object.entries(sources)
    .filter(([, source]) => source.arch.length === 0 || source.arch.includes(arch))
    .map(([name, source]): [string, PinnedSource] => {
      const { sha256 } = source;
      if (sha256 === undefined) throw unpinned(source);
      return [name, { ...source, sha256 }];
    });
}

/** Sources of recipes with the hashes that the project gives to those that have none: by `sourceKey`. */
export function withHashes(
  sources: Readonly<Record<string, Source>>,
  given: Readonly<Record<string, string>>,
): Record<string, Source> {
  return Object.fromEntries(
    Object.entries(sources).map(([name, source]) => [
      name,
      { ...source, sha256: source.sha256 ?? given[sourceKey(source)] },
    ]),
  );
}

/**
 * A blob of a board that the user brings, with its hash.
 * @throws EdgeimgError ERR_EDGEIMG_SOURCE_UNPINNED
 */
export function pinnedBlob(blob: NonNullable<RawBlob["supplied"]>): { readonly purl: string; readonly sha256: string } {
  const { purl, sha256, how } = blob;
  if (sha256 === undefined) throw unpinned({ purl, supplied: how });
  return { purl, sha256 };
}

/** ERR_EDGEIMG_SOURCE_UNPINNED */
function unpinned(source: Pick<Source, "purl" | "supplied"> & { readonly file?: string | undefined }): EdgeimgError {
  const key = sourceKey(source);
  return new EdgeimgError("ERR_EDGEIMG_SOURCE_UNPINNED", `No hash is known of ${key}, which has to come from you.`, {
    key: ["supplied"],
    details: [
      ...(source.supplied === undefined ? [] : [source.supplied]),
      "Nobody whom the recipe's author could ask publishes its sha256: the one of the archive that you trust goes into edgeimg.yaml:",
      "supplied:",
      `  "${key}": SHA256`,
    ],
    hint: "Put the archive into the folder `sources` beside edgeimg.yaml, and what `sha256sum` tells of it into edgeimg.yaml, as above.",
  });
}

/** "NAME-VERSION.tgz" for a purl that names no file. */
export function fileNameOf(purl: string): string {
  return `${decodeURIComponent(purl.split("/").at(-1) ?? "")
    .replace("@", "-")
    .replace(/[?#].*$/, "")}.tgz`;
}

/** The name under which a pinned file is fetched. */
export function sourceFile({ purl, file }: Pick<PinnedFile, "purl"> & { readonly file?: string | undefined }): string {
  return file ?? fileNameOf(purl);
}

/** How the lock names a source: its purl, and the file where a release has several. */
export function sourceKey({ purl, file }: { readonly purl: string; readonly file?: string | undefined }): string {
  return file === undefined ? purl : `${purl}#${file}`;
}

/** npm tarballs and crates hold one folder; wheels do not. */
export function stripOf(purl: string): number {
  return purl.startsWith("pkg:npm/") || purl.startsWith("pkg:cargo/") ? 1 : 0;
}
