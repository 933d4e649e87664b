import { boardFiles, commonFiles } from "./board-files.js";
import { defconfig, defconfigName } from "./defconfig.js";
import { adapterPackage, enginePackage } from "./engine-packages.js";
import { libraryPackage } from "./library-package.js";
import { helpText, marker, markerText } from "./names.js";
import { appPackages, ownPackage } from "./own-packages.js";
import { hashFile } from "./package-files.js";
import type { TreeRequest } from "./request.js";
import { type Sites, siteSymbols } from "./sources.js";
import { type TreeFile, textFile } from "./tree-file.js";

/** Which files of recipes/runtime and recipes/kernels the packages bring along. */
export interface RecipeListings {
  readonly runtime: readonly string[];
  readonly kernels: readonly string[];
}

const prompts: Readonly<Record<keyof Sites, { prompt: string; help: string }>> = {
  pypi: { prompt: "Python packages", help: "Where source archives of Python packages are: FIRST_LETTER/NAME/FILE." },
  npm: { prompt: "npm packages", help: "Where npm packages are: NAME/-/FILE." },
  cargo: { prompt: "Rust crates", help: "Where Rust crates are: NAME/NAME-VERSION.crate." },
  deb: { prompt: "Debian packages", help: "A mirror of Debian, or a snapshot of the date in edgeimg.lock." },
};

/** A whole external tree, sorted by path: pure, the same files for the same request. */
export function renderTree(request: TreeRequest, listings: RecipeListings): TreeFile[] {
  const { boards, engines, catalog, project, render, series, releases, sites } = request;
  const { runtime, kernels } = catalog;
  const libraries = Object.entries(runtime.buildroot.libraries);
  const headers = listings.runtime.filter((path) => path.endsWith(".h"));
  const packages = [
    ...engines.flatMap((engine) => enginePackage(request, engine)),
    ...libraries.flatMap(([name, library]) => libraryPackage(request, name, library)),
    ...ownPackage(request, runtime, {
      files: [
        ...new Set([
          ...headers,
          ...runtime.programs.filter(({ install }) => install !== null).flatMap(({ sources }) => sources),
        ]),
      ],
    }),
    // Headers of the recipes that the runtime looks into.
    ...runtime.headers.flatMap((name) =>
      listings[name]
        .filter((path) => path.startsWith("include/"))
        .map(
          (path): TreeFile => ({
            path: `package/edgeimg-runtime/src/${name}-${path}`,
            executable: false,
            once: false,
            from: "file",
            file: `${catalog.home}/recipes/${name}/${path}`,
          }),
        ),
    ),
    ...(project.kernels
      ? ownPackage(request, kernels, {
          files: listings.kernels.filter((path) => path.startsWith("include/") || path.startsWith("src/")),
        })
      : []),
    ...adapterPackage(request),
    ...appPackages(request),
  ];
  const names = [...new Set(packages.map(({ path }) => path.split("/")[1] ?? ""))]
    .filter((name) => packages.some(({ path }) => path === `package/${name}/Config.in`))
    .sort();
  const title = `${project.name}: ${boards.map(({ name }) => name).join(", ")} with ${engines.map(({ recipe }) => recipe.name).join(", ")}`;
  const own = (path: string, text: string) => textFile(`own/${path}`, text, { once: true });
  const files: TreeFile[] = [
    textFile("external.desc", render("buildroot/external.desc.hbs", { marker, title })),
    textFile("external.mk", render("buildroot/external.mk.hbs", { marker })),
    textFile(
      "Config.in",
      render("buildroot/Config.in.hbs", {
        marker,
        packages: names,
        sites: (Object.keys(prompts) as (keyof Sites)[]).map((kind) => ({
          symbol: siteSymbols[kind],
          prompt: prompts[kind].prompt,
          url: sites[kind],
          help: helpText(prompts[kind].help),
        })),
      }),
    ),
    textFile(
      "README.md",
      render("buildroot/README.md.hbs", {
        markerText,
        title,
        series: series.name,
        defconfigs: boards.flatMap((board) =>
          engines.map((engine) => ({
            name: `${board.name}-${engine.recipe.name}`,
            file: defconfigName(board, engine),
          })),
        ),
      }),
    ),
    ...boards.flatMap((board) => engines.map((engine) => defconfig(request, board, engine))),
    ...commonFiles(request),
    ...boards.flatMap((board) => boardFiles(request, board)),
    ...packages,
    hashFile(request, "patches/linux/linux.hash", [
      {
        from: series.kernel.from,
        files: [{ name: `linux-${series.kernel.version}.tar.xz`, sha256: series.kernel.sha256 }],
      },
      {
        from: "Licence texts, the same in all versions",
        files: Object.entries(releases.kernelLicenses).map(([name, sha256]) => ({ name, sha256 })),
      },
    ]),
    own("Config.in", "# Yours: `source` lines of your own packages in package/.\n"),
    own("own.mk", `${"#".repeat(80)}\n#\n# Yours: make rules beside those of your packages.\n#\n${"#".repeat(80)}\n`),
    own("linux.fragment", "# Yours: the last word on the kernel's configuration.\n"),
    own("busybox.fragment", "# Yours: the last word on busybox's configuration.\n"),
    // A name that Buildroot leaves out when it lays the folder over the root.
    own("rootfs-overlay/.empty", ""),
  ];
  const paths = new Map(files.map((file) => [file.path, file]));
  return [...paths.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
