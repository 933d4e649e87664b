import * as z from "../ground/zod.js";
import { arch, sha256 } from "./common.js";

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

/**
 * The sources of a recipe by name, laid into one tree in this order. No `purl` stands for the folder's own files: a recipe without
 * sources is made of them.
 */
export const sources = z.record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/), source);

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
