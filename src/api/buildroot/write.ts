import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  type Releases,
  releaseOf,
  releases,
  type Series,
  seriesFor,
  seriesNamed,
} from "../../builders/buildroot/releases.js";
import type { Parts, TreeRequest } from "../../builders/buildroot/request.js";
import { hasSites, type Sites } from "../../builders/buildroot/sources.js";
import type { RecipeListings } from "../../builders/buildroot/tree.js";
import { renderTree } from "../../builders/buildroot/tree.js";
import type { TreeFile } from "../../builders/buildroot/tree-file.js";
import type { Board } from "../../catalog/board.js";
import { builderLacks } from "../../catalog/builders.js";
import type { Catalog, CatalogRecipe } from "../../catalog/catalog.js";
import { operatorsOf } from "../../config/merge.js";
import { givenModel } from "../../config/model-schema.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { parseYamlWith } from "../../formats/yaml-schema.js";
import { checkSupport } from "../../image/request.js";
import { findPath } from "../../parts/conversion.js";
import { walk } from "../../store/tree.js";
import { findNamed } from "../session/find-named.js";
import { imageRequest, type OpenProject, openProject } from "../session/open-project.js";
import { defaultSites, userRegistries } from "../session/registries.js";
import type { BuildrootOptions, BuildrootResult, Context } from "../types.js";
import { makeParts } from "./parts.js";
import { writeTree } from "./write-tree.js";

/** Writes a Buildroot external tree for the chosen boards and engines. */
export async function writeBuildrootTree(context: Context, options: BuildrootOptions): Promise<BuildrootResult> {
  const started = context.now();
  const { project, boards, engines } = await chooseAll(context, options);
  const known = await readReleases(project.catalog.home);
  const series =
    options.buildroot === undefined
      ? seriesNamed(known, options.series)
      : (await readBuildroot(resolve(context.cwd, options.buildroot), known)).series;
  const made = await makeParts(context, options, { boards, engines });
  const files = await renderFiles(context, { project, boards, engines, known, series, ...made });
  if (options.buildroot !== undefined) await requireFreeNames(resolve(context.cwd, options.buildroot), files);
  const { packages } = project.merged.project;
  if (packages.length > 0) {
    context.emit({
      type: "log",
      level: "warn",
      message: `\`packages\` names packages of Debian, which are not part of the tree: ${packages.join(", ")}. Choose Buildroot's in a defconfig of your own.`,
    });
  }
  const folder = resolve(project.outBase, options.out === undefined ? "buildroot" : ".");
  const written = await writeTree(folder, files);
  return {
    folder,
    series: series.name,
    boards: boards.map(({ name }) => name),
    engines: engines.map(({ recipe }) => recipe.name),
    files: files.length,
    ...written,
    ms: context.now() - started,
  };
}

/** A project with the boards and engines that a tree is for. */
export interface Chosen {
  readonly project: OpenProject;
  readonly boards: readonly Board[];
  readonly engines: readonly CatalogRecipe[];
}

/** `--board` and `--engine` may be lists; `--matrix` takes all that there are, of engines those that can be given the project's models. Throws ERR_EDGEIMG_UNKNOWN_NAME. */
export async function chooseAll(
  context: Context,
  options: Pick<BuildrootOptions, "configFile" | "board" | "engine" | "out" | "matrix">,
): Promise<Chosen> {
  const names = (text: string | undefined) => text?.split(",").map((one) => one.trim());
  const wanted = { boards: names(options.board), engines: names(options.engine) };
  const project = await openProject(context, {
    ...options,
    board: wanted.boards?.[0],
    engine: wanted.engines?.[0],
  });
  const { catalog, merged } = project;
  const { matrix } = merged.project;
  const all = {
    boards: matrix.boards ?? withBuildroot(catalog),
    engines: matrix.engines ?? withSources(catalog).filter((name) => readsAll(merged.project, catalog, name)),
  };
  const boards = wanted.boards ?? (options.matrix ? all.boards : merged.boards);
  const engines = wanted.engines ?? (options.matrix ? all.engines : [merged.engine]);
  const chosen = {
    project,
    boards: boards.map((name) => findNamed("board", name, catalog.boards, undefined)),
    engines: engines.map((name) => findNamed("engine", name, catalog.engines, undefined)),
  };
  for (const board of chosen.boards) {
    const lacks = builderLacks(board, "buildroot");
    if (lacks !== undefined) {
      throw new EdgeimgError("ERR_EDGEIMG_CATALOG_INVALID", `Buildroot makes no image for ${board.name}.`, {
        details: [lacks],
        hint: `Add what is missing to its file, or build it with \`edgeimg build\` where \`edgeimg boards\` says so. Boards that Buildroot makes images for: ${withBuildroot(catalog).join(", ")}.`,
      });
    }
    if (merged.project.system.wifi !== undefined && board.wifi !== undefined)
      throw new EdgeimgError("ERR_EDGEIMG_BUILDROOT_WIFI", `An image for ${board.title} by Buildroot has no Wi-Fi.`, {
        place: merged.place(["system", "wifi"]),
        hint: "Build it with `edgeimg build`, or take `system.wifi` out of the file.",
      });
    for (const engine of chosen.engines) {
      requireSites(engine.recipe, catalog);
      checkSupport({ board, engine, ops: operatorsOf(merged.project, engine.recipe.name) });
    }
  }
  for (const { recipe } of chosen.engines) requireSources(recipe, catalog);
  return chosen;
}

/** Throws ERR_EDGEIMG_ENGINE_UNSUPPORTED for an engine whose archives no registry has. */
function requireSites({ title, sources }: CatalogRecipe["recipe"], catalog: Catalog): void {
  if (hasSites(sources)) return;
  throw new EdgeimgError(
    "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
    `Buildroot cannot fetch ${title}: an archive of it has to come from you.`,
    { hint: `Build the image with \`edgeimg build\`, or choose another engine: ${withSources(catalog).join(", ")}.` },
  );
}

/** Throws ERR_EDGEIMG_ENGINE_UNSUPPORTED for an engine that is taken out of the distribution's packages. */
function requireSources({ title, build }: CatalogRecipe["recipe"], catalog: Catalog): void {
  if (build.kind !== "packages") return;
  throw new EdgeimgError(
    "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
    `${title} is taken out of Debian's packages, and a Buildroot tree has none of them.`,
    { hint: `Build the image with \`edgeimg build\`, or choose another engine: ${withSources(catalog).join(", ")}.` },
  );
}

/** Engines that a Buildroot tree can have. */
function withSources({ engines }: Catalog): string[] {
  return [...engines.values()]
    .flatMap(({ recipe: { name, build, sources } }) => (build.kind === "packages" || !hasSites(sources) ? [] : [name]))
    .sort();
}

/** Whether an engine can be given all models of a project. */
function readsAll({ models }: OpenProject["merged"]["project"], { engines, converters }: Catalog, name: string) {
  const accepts = engines.get(name)?.recipe.model.accepts ?? [];
  return Object.values(models).every(
    (one) => findPath(converters, { from: givenModel(one).format, accepts }) !== undefined,
  );
}

function withBuildroot({ boards }: Catalog): string[] {
  return [...boards.values()]
    .flatMap((board) => (builderLacks(board, "buildroot") === undefined ? [board.name] : []))
    .sort();
}

export async function readReleases(home: string): Promise<Releases> {
  const file = join(home, "templates/buildroot/releases.yaml");
  return parseYamlWith(releases, await readFile(file, "utf8"), { file, code: "ERR_EDGEIMG_CATALOG_INVALID" }).value;
}

/** A Buildroot tree that was named: its release and series. Throws ERR_EDGEIMG_BUILDROOT_FOLDER and ..._RELEASE. */
export async function readBuildroot(folder: string, known: Releases): Promise<{ release: string; series: Series }> {
  const text = await readFile(join(folder, "Makefile"), "utf8").catch(() => "");
  const release = releaseOf(text);
  if (release === undefined) {
    throw new EdgeimgError("ERR_EDGEIMG_BUILDROOT_FOLDER", `${folder} is no Buildroot tree.`, {
      details: ["It has no Makefile that says `export BR2_VERSION := ...`."],
      hint: "Name the folder of an unpacked release of Buildroot with --buildroot.",
    });
  }
  return { release, series: seriesFor(known, release) };
}

/** Throws ERR_EDGEIMG_BUILDROOT_PACKAGE for a package of the tree that the release has as well. */
export async function requireFreeNames(buildroot: string, files: readonly TreeFile[]): Promise<void> {
  const names = new Set(files.flatMap(({ path }) => /^package\/([^/]+)\/[^/]+\.mk$/.exec(path)?.[1] ?? []));
  for (const name of names) {
    for (const folder of ["package", "boot", "toolchain", "fs"]) {
      const there = await readFile(join(buildroot, folder, name, `${name}.mk`)).catch(() => undefined);
      if (there === undefined) continue;
      throw new EdgeimgError("ERR_EDGEIMG_BUILDROOT_PACKAGE", `Buildroot has a package ${name} of its own.`, {
        details: [`${folder}/${name}/${name}.mk there, package/${name}/${name}.mk in the tree`],
        hint: `Rename the recipe "${name}", or take Buildroot's package in its place.`,
      });
    }
  }
}

/** The tree's files, rendered. */
export async function renderFiles(
  context: Context,
  job: Chosen & { known: Releases; series: Series; parts: Parts; epoch: number },
): Promise<TreeFile[]> {
  const { project, boards, engines } = job;
  const base = imageRequest(project, { board: boards[0]?.name ?? "", engine: engines[0]?.recipe.name ?? "" });
  const sites: Sites = defaultSites(await userRegistries(context.env, context.signal));
  const request: TreeRequest = {
    project: project.merged.project,
    boards,
    engines,
    catalog: project.catalog,
    releases: job.known,
    series: job.series,
    sites,
    parts: job.parts,
    epoch: job.epoch,
    version: base.versions.edgeimg,
    render: base.render,
  };
  return renderTree(request, listRecipes(project.catalog.home));
}

/** Files of the recipes whose sources the tree brings along. */
export function listRecipes(home: string): RecipeListings {
  const list = (name: string) =>
    [...walk(join(home, "recipes", name), "")].filter((path) => /\.(c|h|S|inc)$/.test(path)).sort();
  return { runtime: list("runtime"), kernels: list("kernels") };
}
