import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { type Arch, archOfNode } from "../../catalog/architecture.js";
import { type Catalog, loadCatalog, withSupplied } from "../../catalog/catalog.js";
import { firstExample } from "../../catalog/examples.js";
import { loadProject } from "../../config/load.js";
import { firstTarget, type Target, targetName, targetPath } from "../../config/matrix.js";
import { type MergedProject, mergeProject, operatorsOf } from "../../config/merge.js";
import { EdgeimgError, withKeyPlace } from "../../errors/edgeimg-error.js";
import { packageHome } from "../../ground/home.js";
import { hostName, type ImageRequest } from "../../image/request.js";
import type { BuildOptions, Context } from "../types.js";
import { chooseEngine, type EngineChoices } from "./auto-engine.js";
import { findNamed } from "./find-named.js";
import { templateRenderer } from "./render-template.js";

/** A project with the catalog, before a board is chosen. */
export interface OpenProject {
  readonly merged: MergedProject;
  readonly catalog: Catalog;
  /** The folder of edgeimg.yaml. */
  readonly folder: string;
  /** Where results and the lock go. */
  readonly outBase: string;
  readonly lockFile: string;
  /** What a comparison chose, where the project leaves the engine to one. */
  readonly choices: EngineChoices | undefined;
  /** Whether it is the bundled example, since there is no project. */
  readonly isExample: boolean;
}

/** Reads edgeimg.yaml, or the bundled example where there is none, and the catalog. */
export async function openProject(
  context: Context,
  options: Pick<BuildOptions, "configFile" | "board" | "engine" | "out">,
): Promise<OpenProject> {
  const asked = options.configFile;
  const file = resolve(context.cwd, asked ?? "edgeimg.yaml");
  const own = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (asked === undefined && cause.code === "ENOENT") return undefined;
    throw new EdgeimgError("ERR_EDGEIMG_CONFIG_MISSING", `${asked ?? "edgeimg.yaml"} cannot be read.`, {
      cause,
      hint: "Name the project's file with --config, or start a project with `edgeimg init`.",
    });
  });
  const found = own === undefined ? join(firstExample(packageHome).folder, "edgeimg.yaml") : file;
  const text = own ?? (await readFile(found, "utf8"));
  const shown = own === undefined ? "the bundled example" : relative(context.cwd, file) || file;
  const merged = mergeProject(loadProject(text, shown), { board: options.board, engine: options.engine });
  const folder = dirname(found);
  const catalog = withSupplied(
    await loadCatalog(packageHome.replace(/\/$/, ""), own === undefined ? undefined : folder),
    merged.project.supplied,
  );
  const outBase = resolve(own === undefined ? context.cwd : folder, options.out ?? "out");
  const lockFile = join(own === undefined ? context.cwd : folder, "edgeimg.lock");
  const benchFile = (board: string) => join(benchFolder({ outBase }, board), benchReportFile);
  const localPath = (path: string) => resolve(folder, path);
  const chosen = await chooseEngine({ merged, catalog, benchFile, localPath, lockFile }).catch((error: unknown) => {
    throw withKeyPlace(error, merged.place);
  });
  return { ...chosen, catalog, folder, outBase, lockFile, isExample: own === undefined };
}

/** Where the results of one board and engine go. */
export function outFolder({ outBase }: OpenProject, { board, engine }: ImageRequest): string {
  return join(outBase, targetName({ board: board.name, engine: engine.recipe.name }));
}

/** Where comparisons of engines on a board go. */
export function benchFolder({ outBase }: Pick<OpenProject, "outBase">, board: string): string {
  return join(outBase, `${board}-bench`);
}

/** The file of a comparison that programs read. */
export const benchReportFile = "bench.json";

/** The first board of the project when no target is given. */
export function imageRequest(project: OpenProject, target: Target = firstTarget(project.merged)): ImageRequest {
  const { merged, catalog, folder, outBase } = project;
  const place = (key: "board" | "engine", origin: { from: string }) =>
    origin.from === "file" ? merged.place(targetPath(merged, key, target[key])) : undefined;
  const inside = relative(folder, outBase);
  // Named one by one: another folder for results may hold other things, even the app.
  const results = () => [
    join(inside, hostName),
    ...[...catalog.boards.keys()].flatMap((one) =>
      [...catalog.engines.keys()].map((other) => join(inside, targetName({ board: one, engine: other }))),
    ),
  ];
  // Archives that the user supplies are no part of the app, unless the app lives there.
  const supplied = merged.project.app.entry.startsWith("sources/") ? [] : ["sources"];
  return {
    project: merged.project,
    localPath: (path) => (isAbsolute(path) ? path : join(folder, path)),
    dependencies: [],
    exclude: [...(isWithin(inside) && inside.split("/")[0] !== "out" ? ["out", ...results()] : ["out"]), ...supplied],
    board: findNamed("board", target.board, catalog.boards, place("board", merged.boardOrigin)),
    ops: operatorsOf(merged.project, target.engine),
    engine: findNamed("engine", target.engine, catalog.engines, place("engine", merged.engineOrigin)),
    catalog,
    host: { arch: hostArch(process.arch), node: process.arch },
    render: templateRenderer(catalog.home),
    versions: {
      edgeimg: versionOf(join(packageHome, "package.json")),
      esbuild: versionOf("esbuild/package.json"),
      typescript: versionOf("typescript/package.json"),
    },
  };
}

/** Whether a relative path stays within its folder. */
function isWithin(path: string): boolean {
  return path !== ".." && !path.startsWith("../") && !isAbsolute(path);
}

const require = createRequire(import.meta.url);

function versionOf(path: string): string {
  const { version } = require(path) as { version: string };
  return version;
}

function hostArch(node: string): Arch {
  const found = archOfNode(node);
  if (found !== undefined) return found;
  throw new EdgeimgError(
    "ERR_EDGEIMG_HOST_UNSUPPORTED",
    `edgeimg has no tools for machines of the architecture ${node}.`,
  );
}
