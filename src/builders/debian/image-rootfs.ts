import { architectures } from "../../catalog/architecture.js";
import type { Recipe } from "../../catalog/recipe.js";
import type { RuntimeRecipe } from "../../catalog/runtime.js";
import type { ImageDescription } from "../../image/describe.js";
import type { ImageRequest } from "../../image/request.js";
import { wifiInputs } from "../../image/wifi.js";
import type { ImageParts } from "../../parts/image-parts.js";
import type { DebianContext } from "../../parts/roots.js";
import type { AssembleEntry } from "../../steps/assemble.js";
import { type ImageSources, type RootfsStepOptions, rootfsStep } from "./rootfs.js";

/** The app's folder in an image. */
const appFolder = "app";

export interface RootfsSteps {
  /** Its `data.tar` is the root file system, without the app where that comes later. */
  readonly base: string;
  /** Its `data/` is the rest. */
  readonly app: string | undefined;
}

export interface RootfsSources {
  readonly image: ImageDescription;
  readonly parts: ImageParts;
  readonly sources: ImageSources;
  /** Root of packages that the project names. */
  readonly extra: string | undefined;
  /** What Wi-Fi is laid from, by the names of inputs; empty without it. */
  readonly wifi: Readonly<Record<string, string>>;
  readonly appLater: boolean;
}

/** The root file system of an image: what the distribution gives, and the parts; with `appLater` the app in a tree of its own. */
export function imageRootfs(context: DebianContext, request: ImageRequest, from: RootfsSources): RootfsSteps {
  const { image, parts, sources, extra, appLater } = from;
  const { recipe } = request.engine;
  const app = appLater
    ? context.plan.add({
        id: "rootfs/app",
        kind: "assemble",
        title: "Collect the app's files",
        why: "they are added to the root file system last",
        inputs: parts.app.inputs,
        params: { format: "folder", entries: parts.app.entries },
      })
    : undefined;
  const base = rootfsStep(context, {
    image,
    sources,
    inputs: {
      ...parts.programs,
      ...from.wifi,
      adapter: parts.adapter,
      ...(appLater ? parts.app.assets.inputs : parts.app.inputs),
      ...(parts.engine === undefined ? {} : { engine: parts.engine }),
      ...(extra === undefined ? {} : { extra }),
      ...parts.models.inputs,
    },
    entries: partEntries(context, request, from),
    libraries: libraryFolders(context, from),
    wanted: openedLibraries(recipe, parts),
    ...(appLater ? { later: { folder: appFolder, entries: parts.app.assets.entries } } : {}),
  });
  return { base, app };
}

/** What the parts put into the root: programs, adapter and engine, the app unless it comes later, models, further packages. */
function partEntries(
  context: DebianContext,
  { project, engine, catalog }: ImageRequest,
  { image, parts, extra, appLater }: RootfsSources,
): AssembleEntry[] {
  return [
    ...programEntries(catalog.runtime),
    ...(image.features.kernels ? programEntries(catalog.kernels) : []),
    ...engineEntries(context, engine.recipe, parts),
    ...(appLater ? [] : parts.app.entries),
    ...parts.models.entries,
    ...(extra === undefined ? [] : [extraEntry(context, project.packages)]),
  ];
}

/** The adapter with its engine, of the inputs `adapter`, `engine` and `packages`. */
export function engineEntries(
  context: DebianContext,
  recipe: Recipe,
  { engine }: Pick<ImageParts, "engine">,
): AssembleEntry[] {
  return [
    libraryEntry("adapter", "libedge_nn.so", "libedge_nn.so"),
    ...(engine === undefined
      ? []
      : recipe.libraries.map((library) => libraryEntry("engine", library, `usr/lib/${library}`))),
    ...recipe.plugins.map((folder) => pluginEntry(context, folder)),
  ];
}

/** Libraries that an engine's adapter opens. An engine of packages has them where the packages put them. */
export function openedLibraries(
  { name: engine, libraries }: Recipe,
  parts: Pick<ImageParts, "engine">,
): { readonly name: string; readonly neededBy: string }[] {
  return parts.engine === undefined ? libraries.map((name) => ({ name, neededBy: `the engine ${engine}` })) : [];
}

/** Folders of the parts in which shared libraries are looked for. */
export function libraryFolders(
  { arch }: DebianContext,
  { parts, extra, wifi }: Pick<RootfsSources, "extra" | "wifi"> & { readonly parts: Pick<ImageParts, "engine"> },
): RootfsStepOptions["libraries"] {
  const target = `usr/lib/${architectures[arch].triplet}`;
  return [
    ...(parts.engine === undefined ? [] : [{ input: "engine", path: "usr/lib", target: "usr/lib/edgeimg" }]),
    ...(wifi[wifiInputs.packages] === undefined
      ? []
      : [{ input: wifiInputs.packages, path: `root/${target}`, target }]),
    ...(extra === undefined ? [] : [{ input: "extra", path: `root/${target}`, target }]),
  ];
}

/** What the project's own packages bring, and those that they depend on. */
function extraEntry({ distribution, arch }: DebianContext, packages: readonly string[]): AssembleEntry {
  const { never, named } = distribution.extra;
  const { triplet } = architectures[arch];
  return {
    type: "tree",
    path: "",
    from: { input: "extra", path: "root" },
    // The top folder of the app is the app's alone.
    exclude: [...never, `${appFolder}{,/**}`],
    onlyFrom: { packages: [...packages].sort(), files: named.map((glob) => glob.replaceAll("{triplet}", triplet)) },
  };
}

/** A folder of libraries that the engine looks through when it starts. */
function pluginEntry({ arch }: DebianContext, folder: string): AssembleEntry {
  const path = folder.replaceAll("{triplet}", architectures[arch].triplet);
  return { type: "tree", path, from: { input: "packages", path: `root/${path}` } };
}

function libraryEntry(input: string, library: string, path: string): AssembleEntry {
  return { type: "file", path: `usr/lib/edgeimg/${library}`, mode: 0o755, from: { input, path } };
}

/** What a recipe's programs are in the root; the input has the program's name. */
function programEntries({ programs }: RuntimeRecipe): AssembleEntry[] {
  return programs.flatMap(({ output, install }): AssembleEntry[] =>
    install === null
      ? []
      : [{ type: "file", path: install.replace(/^\//, ""), mode: 0o755, from: { input: output, path: output } }],
  );
}
