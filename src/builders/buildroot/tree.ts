import { boardFiles } from "./board-files.js";
import { describeBoard } from "./board-image.js";
import { commonFiles } from "./common-files.js";
import { defconfig, defconfigName } from "./defconfig.js";
import { adapterPackage, enginePackage } from "./engine-packages.js";
import { libraryPackage } from "./library-package.js";
import { helpText, marker, markerText } from "./names.js";
import { appPackages, ownPackage } from "./own-packages.js";
import { hashFile } from "./package-files.js";
import type { TreeRequest } from "./request.js";
import { type Sites, siteSymbols } from "./sources.js";
import { copyOf, type TreeFile, textFile } from "./tree-file.js";

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
  const { engines } = request;
  const images = request.boards.map((board) => describeBoard(request, board));
  const [first] = images;
  if (first === undefined) throw new Error("a tree has at least one board");
  const packages = packageFolders(request, listings);
  const files: TreeFile[] = [
    ...frameFiles(request, packages),
    ...images.flatMap((one) => engines.map((engine) => defconfig(request, one, engine))),
    ...commonFiles(request, first.image),
    ...images.flatMap((one) => boardFiles(request, one)),
    ...packages,
    kernelHashes(request),
    ...ownFiles(),
  ];
  const paths = new Map(files.map((file) => [file.path, file]));
  return [...paths.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** `package/`: engines and their libraries, our own programs, adapter, app and models. */
function packageFolders(request: TreeRequest, listings: RecipeListings): TreeFile[] {
  const { engines, catalog, project } = request;
  const { runtime, kernels } = catalog;
  const headers = listings.runtime.filter((path) => path.endsWith(".h"));
  const sources = runtime.programs.filter(({ install }) => install !== null).flatMap((program) => program.sources);
  return [
    ...engines.flatMap((engine) => enginePackage(request, engine)),
    ...Object.entries(runtime.buildroot.libraries).flatMap(([name, library]) => libraryPackage(request, name, library)),
    ...ownPackage(request, runtime, { files: [...new Set([...headers, ...sources])] }),
    // Headers of the recipes that the runtime looks into.
    ...runtime.headers.flatMap((name) =>
      listings[name]
        .filter((path) => path.startsWith("include/"))
        .map((path) =>
          copyOf(`package/edgeimg-runtime/src/${name}-${path}`, `${catalog.home}/recipes/${name}/${path}`),
        ),
    ),
    ...(project.kernels
      ? ownPackage(request, kernels, {
          files: listings.kernels.filter((path) => path.startsWith("include/") || path.startsWith("src/")),
        })
      : []),
    ...adapterPackage(request, { ...listings }),
    ...appPackages(request),
  ];
}

/** What makes a folder an external tree: its name, its menu, its make rules; and what a person reads of it. */
function frameFiles(request: TreeRequest, packages: readonly TreeFile[]): TreeFile[] {
  const { boards, engines, project, render, series, sites } = request;
  const names = [...new Set(packages.map(({ path }) => path.split("/")[1] ?? ""))]
    .filter((name) => packages.some(({ path }) => path === `package/${name}/Config.in`))
    .sort();
  const title = `${project.name}: ${boards.map(({ name }) => name).join(", ")} with ${engines.map(({ recipe }) => recipe.name).join(", ")}`;
  const siteOptions = (Object.keys(prompts) as (keyof Sites)[]).map((kind) => ({
    symbol: siteSymbols[kind],
    prompt: prompts[kind].prompt,
    url: sites[kind],
    help: helpText(prompts[kind].help),
  }));
  const defconfigs = boards.flatMap((board) =>
    engines.map((engine) => ({ name: `${board.name}-${engine.recipe.name}`, file: defconfigName(board, engine) })),
  );
  return [
    textFile("external.desc", render("buildroot/external.desc.hbs", { marker, title })),
    textFile("external.mk", render("buildroot/external.mk.hbs", { marker })),
    textFile("Config.in", render("buildroot/Config.in.hbs", { marker, packages: names, sites: siteOptions })),
    textFile("README.md", render("buildroot/README.md.hbs", { markerText, title, series: series.name, defconfigs })),
  ];
}

function kernelHashes(request: TreeRequest): TreeFile {
  const { kernel } = request.series;
  return hashFile(request, "patches/linux/linux.hash", [
    { from: kernel.from, files: [{ name: `linux-${kernel.version}.tar.xz`, sha256: kernel.sha256 }] },
    {
      from: "Licence texts, the same in all versions",
      files: Object.entries(request.releases.kernelLicenses).map(([name, sha256]) => ({ name, sha256 })),
    },
  ]);
}

/** Files that are the user's from the first time on. */
function ownFiles(): TreeFile[] {
  const own = (path: string, text: string) => textFile(`own/${path}`, text, { once: true });
  return [
    own("Config.in", "# Yours: `source` lines of your own packages in package/.\n"),
    own("own.mk", `${"#".repeat(80)}\n#\n# Yours: make rules beside those of your packages.\n#\n${"#".repeat(80)}\n`),
    own("linux.fragment", "# Yours: the last word on the kernel's configuration.\n"),
    own("busybox.fragment", "# Yours: the last word on busybox's configuration.\n"),
    // A name that Buildroot leaves out when it lays the folder over the root.
    own("rootfs-overlay/.empty", ""),
  ];
}
