import { type Arch, architectures } from "../catalog/architecture.js";
import type { Board } from "../catalog/board.js";
import { builderLacks } from "../catalog/builders.js";
import type { Catalog, CatalogRecipe } from "../catalog/catalog.js";
import { pinnedBlob, sourcesFor } from "../catalog/source.js";
import type { Operators, Project } from "../config/project-schema.js";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { RenderTemplate } from "./render.js";

/** What programs are compiled for: a board's processor, or the one of the machine that builds. */
export type Core = Pick<Board, "name" | "arch" | "cpu">;

/** Everything that decides an app, its models and the programs that run it. */
export interface AppRequest {
  readonly project: Project;
  /** Absolute path of a file of the project. */
  readonly localPath: (path: string) => string;
  /** Folders of the project, relative to it, that are no part of the app: results of builds, the store. */
  readonly exclude: readonly string[];
  /** Folders in the project's node_modules that the app may import. */
  readonly dependencies: readonly string[];
  readonly board: Core;
  readonly engine: CatalogRecipe;
  /** Which operators the engine is built with. */
  readonly ops: Operators;
  readonly catalog: Catalog;
  /** Debian's name of the host's architecture, and Node's. */
  readonly host: { readonly arch: Arch; readonly node: string };
  /** Versions of this program's own parts that decide bytes. */
  readonly versions: { readonly edgeimg: string; readonly esbuild: string; readonly typescript: string };
}

/** Everything that decides an image. */
export interface ImageRequest extends AppRequest {
  readonly board: Board;
  readonly render: RenderTemplate;
}

/** The name of the machine that builds where a board's would stand. */
export const hostName = "host";

/**
 * The same app on the machine that builds, with the project's engine where that runs there, else with the first of the catalog that does.
 * Throws ERR_EDGEIMG_ENGINE_UNSUPPORTED when there is none.
 */
export function hostRequest(request: AppRequest): AppRequest {
  const { arch } = request.host;
  const engines = [request.engine, ...request.catalog.engines.values()];
  const engine = engines.find(({ recipe }) => recipe.supports.host.includes(arch));
  if (engine === undefined)
    throw new EdgeimgError("ERR_EDGEIMG_ENGINE_UNSUPPORTED", `No engine runs apps on a machine that is ${arch}.`, {
      hint: "Boot the image instead: `edgeimg run`. An engine says under supports.host of its recipe where it runs.",
    });
  // On this machine nothing is gained by a smaller engine.
  return { ...request, board: { name: hostName, arch, cpu: architectures[arch].generic }, engine, ops: "all" };
}

/** The image's name, which its files have: PROJECT-BOARD-ENGINE. */
export function imageName({ project, board, engine }: Pick<ImageRequest, "project" | "board" | "engine">): string {
  return `${project.name}-${board.name}-${engine.recipe.name}`;
}

/**
 * Throws ERR_EDGEIMG_ENGINE_UNSUPPORTED when the engine does not run on the board, _ENGINE_OPERATORS when it is always whole and is to be less,
 * _SOURCE_UNPINNED when a source of it has no hash.
 */
export function checkSupport(request: Pick<ImageRequest, "board" | "engine" | "ops">): void {
  const { board, engine } = request;
  const { recipe } = engine;
  const { supports, build } = recipe;
  const hasFiles = build.kind !== "prebuilt" || build.files[board.arch] !== undefined;
  const without = supports.accelerators.filter((one) => !board.accelerators.includes(one));
  if (without.length > 0)
    throw new EdgeimgError(
      "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
      `${recipe.title} needs ${without.join(", ")}, which an image for ${board.name} does not drive.`,
      {
        details: board.notes.filter((note) => without.some((one) => note.toLowerCase().includes(one))),
        hint: "Choose another engine, or a board whose file has it under `accelerators`: `edgeimg engines` lists the boards of each.",
      },
    );
  if (supports.arch.includes(board.arch) && hasFiles) {
    // Before anything is asked for or fetched.
    checkOperators(request);
    sourcesFor(recipe.sources, board.arch);
    return;
  }
  throw new EdgeimgError(
    "ERR_EDGEIMG_ENGINE_UNSUPPORTED",
    `${recipe.title} does not run on ${board.name} (${board.arch}).`,
    {
      hint: `It supports: ${supports.arch.join(", ")}. \`edgeimg engines\` lists the others.`,
    },
  );
}

/** Throws ERR_EDGEIMG_ENGINE_OPERATORS when only some operators are wanted of an engine that is always whole. */
function checkOperators({ engine: { recipe }, ops }: Pick<ImageRequest, "engine" | "ops">): void {
  const { operators, title } = recipe;
  if (ops === "all" || (operators !== undefined && !("why" in operators))) return;
  const why = operators === undefined ? "its recipe does not say how" : `because ${operators.why}`;
  throw new EdgeimgError("ERR_EDGEIMG_ENGINE_OPERATORS", `${title} cannot be built for the models alone, ${why}.`, {
    key: ["engine", "ops"],
    hint: "Say `ops: all`, or leave it out. `edgeimg engines NAME` tells of each engine whether it can be.",
  });
}

/**
 * Throws ERR_EDGEIMG_BOARD_NO_IMAGE for a board whose image cannot be made of Debian's packages, ERR_EDGEIMG_SOURCE_UNPINNED when the user
 * has to bring a file of which no hash is given.
 */
export function checkBoard({ board }: Pick<ImageRequest, "board">): void {
  const lacks = builderLacks(board, "debian");
  if (lacks === undefined) {
    for (const { supplied } of board.disk.raw) if (supplied !== undefined) pinnedBlob(supplied);
    return;
  }
  const other = builderLacks(board, "buildroot") === undefined;
  throw new EdgeimgError("ERR_EDGEIMG_BOARD_NO_IMAGE", `There is no Debian image for ${board.title}.`, {
    details: [lacks],
    hint: other
      ? `Build it with Buildroot: \`edgeimg buildroot --board ${board.name} --engine NAME\`.`
      : "Give the file under disk.raw a `package`, or `supplied` for one that you bring: docs/boards.md says how.",
  });
}
