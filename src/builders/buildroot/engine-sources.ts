import type { CatalogRecipe } from "../../catalog/catalog.js";
import { buildrootName } from "../../catalog/recipe.js";
import { type PinnedSource, sourcesFor } from "../../catalog/source.js";
import { upper } from "./names.js";
import { archOfTree, type TreeRequest } from "./request.js";
import { downloadOf } from "./sources.js";
import { copyOf, type TreeFile } from "./tree-file.js";

export interface EngineSources {
  /** What Buildroot itself downloads and unpacks. */
  readonly main: PinnedSource;
  /** Makefile lines for the rest: further archives, patches, wheels, which are zip archives. */
  readonly lines: string;
  readonly archives: readonly { readonly name: string; readonly sha256: string }[];
  /** The patches. */
  readonly files: readonly TreeFile[];
}

/** A recipe's sources as a package of Buildroot has them; undefined for a recipe that is its own source. */
export function engineSources(
  request: TreeRequest,
  { recipe, folder }: Pick<CatalogRecipe, "recipe" | "folder">,
): EngineSources | undefined {
  const arch = archOfTree(request);
  const [first, ...others] = sourcesFor(recipe.sources, arch);
  if (first === undefined) return undefined;
  const [, main] = first;
  const all = [main, ...others.map(([, source]) => source)];
  const name = buildrootName(recipe);
  const package_ = `package/${name}`;
  const further = others.map(([, source]) => ({ ...downloadOf(source), ...source, ...placeOf(source) }));
  const patches = all
    .flatMap(({ into = "", patches }) => patches.map((path) => ({ into, path })))
    // Buildroot wants them numbered.
    .map((one, index) => ({ ...one, file: `${String(index + 1).padStart(4, "0")}-${nameOf(one.path)}` }));
  const rendered = request.render("buildroot/package/sources.hbs", {
    v: upper(name),
    // Buildroot takes one folder off by itself.
    strip: main.strip === 1 || isZip(main) ? "" : String(main.strip),
    isZip: isZip(main),
    isCrate: isCrate(main),
    further,
    urls: further.map(({ site, file }) => `${site}/${file}`),
    patches: patches.map(({ into, file }) => ({
      into,
      folder: `$(BR2_EXTERNAL_EDGEIMG_PATH)/${package_}/patches`,
      file,
    })),
  });
  return {
    main,
    lines: rendered.trim(),
    archives: all.map((source) => ({ name: downloadOf(source).file, sha256: source.sha256 })),
    files: patches.map(({ file, path }) => copyOf(`${package_}/patches/${file}`, `${folder}/${path}`)),
  };
}

function placeOf(source: PinnedSource): { into: string; strip: string; isZip: boolean } {
  return { into: source.into ?? "", strip: String(source.strip), isZip: isZip(source) };
}

function isZip(source: PinnedSource): boolean {
  const { file } = downloadOf(source);
  return file.endsWith(".whl") || file.endsWith(".zip");
}

/** A .tar.gz of which Buildroot does not know the ending. */
function isCrate(source: PinnedSource): boolean {
  return downloadOf(source).file.endsWith(".crate");
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
