import type { Board } from "../../catalog/board.js";
import type { CatalogRecipe } from "../../catalog/catalog.js";
import { buildrootName } from "../../catalog/recipe.js";
import { programOf } from "../../catalog/runtime.js";
import { adapterArguments } from "../../parts/engine.js";
import { engineSources } from "./engine-sources.js";
import { libraryContext } from "./library-package.js";
import { helpText, marker, upper } from "./names.js";
import {
  configIn,
  hashFile,
  licenceText,
  makefile,
  needsOf,
  pinned,
  sourceContext,
  withoutWerror,
} from "./package-files.js";
import { archOfTree, type TreeRequest } from "./request.js";
import { siteVariable } from "./sources.js";
import { copyOf, type TreeFile, textFile } from "./tree-file.js";

type Scalar = string | number | boolean;

/** The package of an inference engine, from its recipe. */
export function enginePackage(request: TreeRequest, { recipe, folder }: CatalogRecipe): TreeFile[] {
  const { build, version, license, buildroot } = recipe;
  const name = buildrootName(recipe);
  const made = engineSources(request, { recipe, folder });
  if (build.kind === "packages" || build.kind === "adapter" || made === undefined) return [];
  const where = `recipes/engines/${recipe.name}/recipe.yaml`;
  const licenses = Object.entries(license.files).map(([file, sha256]) => ({ name: file, sha256 }));
  const headers = request.parts.headers.get(recipe.name) ?? [];
  const common = {
    ...sourceContext(name, version, made.main),
    sources: made.lines,
    license: license.spdx,
    licenseFiles: licenses.map((file) => file.name).join(" "),
    dependencies: buildroot.packages.join(" "),
  };
  const chosen = request.parts.operators.get(recipe.name);
  return [
    ...made.files,
    ...(chosen === undefined ? [] : [copyOf(`package/${name}/${chosen.path}`, chosen.file)]),
    configIn(request, {
      name,
      help: `${recipe.title}, an inference engine.`,
      homepage: recipe.homepage,
      depends: buildroot.depends,
      selects: buildroot.selects,
    }),
    hashFile(request, `package/${name}/${name}.hash`, [
      { from: pinned(where), files: made.archives },
      {
        from: pinned("edgeimg.lock"),
        files: headers.map(({ file, sha256 }) => ({ name: file, sha256 })),
      },
      { from: licenceText, files: licenses },
    ]),
    makefile(request, name, build.kind, { ...common, ...buildContext(request, { recipe, build }) }),
  ];
}

type Recipe = CatalogRecipe["recipe"];

/** What the makefile of a kind of build wants to know beside where the engine comes from. */
function buildContext(
  request: TreeRequest,
  {
    recipe,
    build,
  }: { readonly recipe: Recipe; readonly build: Exclude<Recipe["build"], { kind: "packages" | "adapter" }> },
): object {
  const headers = request.parts.headers.get(recipe.name) ?? [];
  const chosen = request.parts.operators.get(recipe.name);
  const operators = chosen === undefined ? undefined : `$(${upper(buildrootName(recipe))}_PKGDIR)/${chosen.path}`;
  switch (build.kind) {
    case "cmake":
      return {
        subdir: build.directory === "." ? "" : build.directory,
        options: [
          ...(operators === undefined ? [] : [`-C ${operators}`]),
          ...Object.entries(build.options).map(cmakeOption),
          ...(build.cflags.length === 0 ? [] : cmakeFlags(build.cflags)),
        ],
        variants: build.variants.map(({ cpus, options, cflags }) => ({
          cpus: cpuSymbols(request.boards, cpus)
            .map((symbol) => `$(${symbol})`)
            .join(""),
          options: [...Object.entries(options).map(cmakeOption), ...(cflags.length === 0 ? [] : cmakeFlags(cflags))],
        })),
      };
    case "prebuilt":
      return {
        downloads: headers,
        urls: headers.map(({ path }) => `${siteVariable("deb")}/${path}`),
        files: Object.entries(build.files[archOfTree(request)] ?? {}).map(([from, to]) => ({
          from,
          // Libraries that nothing links are opened from the adapter's folder.
          to: recipe.libraries.includes(to.replace(/^lib\//, "")) ? `usr/lib/edgeimg/${to.slice(4)}` : `usr/${to}`,
        })),
      };
    case "compile":
      return { method: "", variables: [], ...libraryContext(build, operators === undefined ? [] : [`@${operators}`]) };
  }
}

function cmakeOption([key, value]: readonly [string, Scalar]): string {
  return `-D${key}=${value === true ? "ON" : value === false ? "OFF" : value}`;
}

function cmakeFlags(flags: readonly string[]): string[] {
  return [
    `-DCMAKE_C_FLAGS="$(TARGET_CFLAGS) ${flags.join(" ")}"`,
    `-DCMAKE_CXX_FLAGS="$(TARGET_CXXFLAGS) ${flags.join(" ")}"`,
  ];
}

/** Buildroot's symbol of a board's core. */
export function cpuSymbol(board: Board): string {
  return board.buildroot?.cpu ?? `BR2_${board.cpu.replaceAll("-", "_")}`;
}

/** Symbols of some cores, and of boards that have one of them under another symbol. */
function cpuSymbols(boards: readonly Board[], cpus: readonly string[]): string[] {
  const own = boards.filter(({ cpu }) => cpus.includes(cpu)).map(cpuSymbol);
  return [...new Set([...cpus.map((cpu) => `BR2_${cpu.replaceAll("-", "_")}`), ...own])].sort();
}

/** libedge_nn.so of the engine that is chosen in menuconfig. `listings` has the files of our own libraries, by their recipes' names. */
export function adapterPackage(
  request: TreeRequest,
  listings: Readonly<Record<string, readonly string[]>>,
): TreeFile[] {
  const { engines, catalog, render } = request;
  const common = programOf(catalog.runtime, "adapter-common");
  const name = "edgeimg-adapter";
  return [
    textFile(
      `package/${name}/Config.in`,
      render("buildroot/package/edgeimg-adapter.Config.in.hbs", {
        marker,
        engines: engines.map(({ recipe }) => ({
          name: recipe.name,
          symbol: upper(recipe.name),
          package:
            recipe.build.kind === "adapter"
              ? undefined
              : { name: buildrootName(recipe), symbol: upper(buildrootName(recipe)) },
          depends: Object.keys(recipe.buildroot.depends),
          help: helpText(`${recipe.title}, version ${recipe.version}.`),
          ...needsOf(Object.entries(recipe.buildroot.depends).filter(([, word]) => word !== "")),
        })),
      }),
    ),
    makefile(request, name, name, {
      version: request.version,
      common: common.output,
      commonArguments: [
        ...withoutWerror(common.cflags),
        ...common.include.map((folder) => `-I${folder}`),
        ...common.sources,
      ],
      engines: engines.map(({ recipe, adapter }) => {
        const { language, arguments: args } = adapterArguments(
          { recipe, adapter },
          {
            include: ["include", "src"],
            own: recipe.name,
            used: (library) => library,
            common: common.output,
          },
        );
        return {
          symbol: upper(recipe.name),
          compiler: language === "c" ? "$(TARGET_CC) $(TARGET_CFLAGS)" : "$(TARGET_CXX) $(TARGET_CXXFLAGS)",
          arguments: withoutWerror(args),
        };
      }),
    }),
    ...adapterFiles(request, listings),
  ];
}

/** What adapters are compiled of: what they have in common, their own files, and those of the libraries that they use. */
function adapterFiles(
  { engines, catalog }: TreeRequest,
  listings: Readonly<Record<string, readonly string[]>>,
): TreeFile[] {
  const common = programOf(catalog.runtime, "adapter-common");
  const folder = "package/edgeimg-adapter/src";
  return [
    ...[...common.sources, ...common.files].map((path) =>
      copyOf(`${folder}/${path}`, `${catalog.home}/recipes/runtime/${path}`),
    ),
    ...engines.flatMap(({ recipe, adapter }) =>
      [...recipe.adapter.sources, ...recipe.adapter.headers].map((path) =>
        copyOf(`${folder}/${recipe.name}/${path}`, `${adapter.folder}/${path}`),
      ),
    ),
    ...engines.flatMap(({ adapter }) =>
      adapter.uses.flatMap(({ library, folder: from }) =>
        (listings[library.name] ?? [])
          .filter((path) => /^(?:include|src)\//.test(path))
          .map((path) => copyOf(`${folder}/${library.name}/${path}`, `${from}/${path}`)),
      ),
    ),
  ];
}
