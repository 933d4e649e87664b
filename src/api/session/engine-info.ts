import type { Catalog, CatalogConverter } from "../../catalog/catalog.js";
import type { Recipe } from "../../catalog/recipe.js";
import { sourceFile } from "../../catalog/source.js";
import { findPath } from "../../parts/conversion.js";
import type { EngineInfo } from "../types.js";

/** All that the catalog tells of one engine. */
export function engineInfo(catalog: Catalog, recipe: Recipe): EngineInfo {
  const path = findPath(catalog.converters, { from: "onnx", accepts: recipe.model.accepts });
  const { name, title, version, homepage, license, supports, model, build, buildroot, proven } = recipe;
  return {
    ...{ name, title, version, homepage },
    license: license.spdx,
    licenseTexts: Object.entries(license.files).map(([path, sha256]) => ({
      ...{ path, sha256 },
      from: sourceOf(recipe, path),
    })),
    licensePackage: license.package,
    build: build.kind,
    sources: Object.entries(recipe.sources).map(([name, source]) => ({
      ...{ name, purl: source.purl, file: sourceFile(source), sha256: source.sha256, size: source.size },
    })),
    packages: recipe.packages.rootfs,
    accepts: model.accepts,
    converters: path?.map(({ converter }) => converter.name),
    types: path === undefined ? undefined : typesOf(path),
    tolerance: model.tolerance,
    arch: supports.arch,
    boards: [...catalog.boards.values()]
      .filter(({ arch, accelerators }) => supports.arch.includes(arch) && isWithin(supports.accelerators, accelerators))
      .map(({ name }) => name),
    accelerators: supports.accelerators,
    hosts: supports.host,
    dispatched: recipe.dispatched.map(({ files, extensions }) => ({ files, extensions })),
    buildroot:
      build.kind === "packages" || Object.keys(recipe.sources).length === 0
        ? undefined
        : { package: `package/${name}`, depends: Object.keys(buildroot.depends) },
    size: proven.size,
    proven: proven.on,
    notVerified: recipe.notVerified,
    notes: recipe.notes,
  };
}

function isWithin(some: readonly string[], all: readonly string[]): boolean {
  return some.every((one) => all.includes(one));
}

/** The source that a path of the unpacked tree comes from: that of the deepest folder. */
function sourceOf({ sources }: Recipe, path: string): string {
  const holders = Object.values(sources)
    .filter(({ into }) => into === undefined || path.startsWith(`${into}/`))
    .sort((a, b) => (b.into?.length ?? 0) - (a.into?.length ?? 0));
  return holders[0]?.purl ?? "the recipe's own folder";
}

/** What all converters on the way can take and give; undefined when none of them says. */
function typesOf(path: readonly CatalogConverter[]): EngineInfo["types"] {
  const traces = path.flatMap(({ converter: { trace } }) => (trace === undefined ? [] : [trace]));
  const [first, ...more] = traces;
  if (first === undefined) return undefined;
  const common = (lists: readonly (readonly string[])[], list: readonly string[]) =>
    list.filter((type) => lists.every((other) => other.includes(type)));
  const takes = common(
    more.map(({ types }) => Object.keys(types)),
    Object.keys(first.types),
  );
  const gives = traces.flatMap(({ outputs }) => (outputs === undefined ? [] : [outputs]));
  return { takes, gives: common(gives.slice(1), gives[0] ?? []) };
}
