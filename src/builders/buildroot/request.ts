import type { Arch } from "../../catalog/architecture.js";
import type { Board } from "../../catalog/board.js";
import type { Catalog, CatalogRecipe } from "../../catalog/catalog.js";
import type { Project } from "../../config/project-schema.js";
import type { RenderTemplate } from "../../image/render.js";
import type { Releases, Series } from "./releases.js";
import type { Sites } from "./sources.js";

/** A file that a package brings along: its path in the package's `src/`, and where it is on this machine. */
export interface PartFile {
  readonly path: string;
  readonly file: string;
}

/** A package of the distribution that an engine's headers are in. */
export interface HeaderPackage {
  /** The file's name, and its path in the pool. */
  readonly file: string;
  readonly path: string;
  readonly sha256: string;
}

/** What the first builder makes for the tree. */
export interface Parts {
  /** `main.js`, `main.js.map` and `assets/...`. */
  readonly app: readonly PartFile[];
  /** Converted and checked models by engine: NAME/FILE. */
  readonly models: ReadonlyMap<string, readonly PartFile[]>;
  /** What leaves operators out of an engine's build, for those that are built for the models alone: by engine. */
  readonly operators: ReadonlyMap<string, PartFile>;
  /** Packages with headers, by engine. */
  readonly headers: ReadonlyMap<string, readonly HeaderPackage[]>;
}

/** Everything that decides a tree. */
export interface TreeRequest {
  readonly project: Project;
  readonly boards: readonly Board[];
  readonly engines: readonly CatalogRecipe[];
  readonly catalog: Catalog;
  readonly releases: Releases;
  readonly series: Series;
  readonly sites: Sites;
  readonly parts: Parts;
  /** Seconds since 1970: no board's clock shows an earlier time. */
  readonly epoch: number;
  readonly version: string;
  readonly render: RenderTemplate;
}

/** The architecture of a tree's boards, whose engines are rendered once for all of them. */
export function archOfTree({ boards }: Pick<TreeRequest, "boards">): Arch {
  const [first] = boards;
  if (first === undefined) throw new Error("a tree has at least one board");
  return first.arch;
}
