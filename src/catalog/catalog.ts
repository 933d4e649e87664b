import { access, readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import type * as z from "zod";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { parseYamlWith } from "../formats/yaml-schema.js";
import { type Board, board } from "./board.js";
import { type Converter, converter } from "./converter.js";
import { type Distribution, distribution } from "./distribution.js";
import { type InitRecipe, initRecipe } from "./init.js";
import { type Recipe, recipe } from "./recipe.js";
import { type ReferenceRecipe, referenceRecipe } from "./reference.js";
import { type RuntimeRecipe, runtimeRecipe } from "./runtime.js";
import { sourceKey, withHashes } from "./source.js";
import { type Tool, type ToolEnvironment, tool } from "./tool.js";
import { type WifiRecipe, wifiRecipe } from "./wifi.js";

/** Where an adapter's files are. */
export interface CatalogAdapter {
  /** The engine whose folder they are in, and that folder: mostly its own. */
  readonly name: string;
  readonly folder: string;
  /** Libraries that are compiled into it, and their folders. */
  readonly uses: readonly { readonly library: RuntimeRecipe; readonly folder: string }[];
}

/** A recipe and the folder whose files it names. */
export interface CatalogRecipe {
  readonly recipe: Recipe;
  readonly folder: string;
  readonly adapter: CatalogAdapter;
}

/** A converter and the folder whose script it may name. */
export interface CatalogConverter {
  readonly converter: Converter;
  readonly folder: string;
}

/** A tool and the folder that its source may be in. */
export interface CatalogTool {
  readonly tool: Tool;
  readonly folder: string;
}

/** What images with Wi-Fi have, and the files of its folder `rootfs`: path there -> is it executable? */
export interface CatalogWifi {
  readonly recipe: WifiRecipe;
  readonly overlay: ReadonlyMap<string, boolean>;
}

/** Everything that is known about boards, engines and the distribution. */
export interface Catalog {
  readonly boards: ReadonlyMap<string, Board>;
  /** The file of each board. */
  readonly boardFiles: ReadonlyMap<string, string>;
  readonly engines: ReadonlyMap<string, CatalogRecipe>;
  /** Converters between formats of models. */
  readonly converters: ReadonlyMap<string, CatalogConverter>;
  /** Programs that run on the host. */
  readonly tools: ReadonlyMap<string, CatalogTool>;
  readonly distribution: Distribution;
  readonly init: InitRecipe;
  /** Files of recipes/init/rootfs, which are laid over the root: path there -> is it executable? */
  readonly overlay: ReadonlyMap<string, boolean>;
  /** Names of the time zone database that its package has: recipes/init/time-zones.txt. */
  readonly timeZones: readonly string[];
  readonly runtime: RuntimeRecipe;
  /** libedge_kernels, for images that ask for it. */
  readonly kernels: RuntimeRecipe;
  readonly wifi: CatalogWifi;
  readonly reference: ReferenceRecipe;
  /** The folder with `recipes/`, `board-configs/` and `templates/` of edgeimg itself. */
  readonly home: string;
}

/**
 * Reads the built-in catalog and the user's own: `board-configs/*.yaml` and `recipes/{engines,converters,tools}/NAME/` beside edgeimg.yaml
 * add to it, and replace entries of the same name. Throws ERR_EDGEIMG_CATALOG_INVALID with the place.
 */
export async function loadCatalog(home: string, project: string | undefined): Promise<Catalog> {
  const boards = new Map<string, Board>();
  const boardFiles = new Map<string, string>();
  const recipes = new Map<string, Pick<CatalogRecipe, "recipe" | "folder">>();
  const converters = new Map<string, CatalogConverter>();
  const tools = new Map<string, CatalogTool>();
  for (const base of project === undefined || project === home ? [home] : [home, project]) {
    for (const file of await yamlFiles(join(base, "board-configs"))) {
      const found = await readEntry(board, file);
      boards.set(found.name, found);
      boardFiles.set(found.name, file);
    }
    for (const folder of await folders(join(base, "recipes/engines"), "recipe.yaml")) {
      const found = await readEntry(recipe, join(folder, "recipe.yaml"));
      recipes.set(found.name, { recipe: found, folder });
    }
    for (const folder of await folders(join(base, "recipes/converters"), "converter.yaml")) {
      const found = await readEntry(converter, join(folder, "converter.yaml"));
      converters.set(found.name, { converter: found, folder });
    }
    for (const folder of await folders(join(base, "recipes/tools"), "tool.yaml")) {
      const found = await readEntry(tool, join(folder, "tool.yaml"));
      tools.set(found.name, { tool: found, folder });
    }
  }
  const kernels = await readEntry(runtimeRecipe, join(home, "recipes/kernels/recipe.yaml"));
  const own = { kernels: { library: kernels, folder: join(home, "recipes/kernels") } };
  return {
    boards,
    boardFiles,
    engines: new Map([...recipes].map(([name, one]) => [name, { ...one, adapter: adapterOf(one, recipes, own) }])),
    converters,
    tools,
    distribution: await defaultDistribution(join(home, "recipes/distro")),
    init: await loadInit(home),
    overlay: await executables(join(home, "recipes/init/rootfs")),
    timeZones: (await readFile(join(home, "recipes/init/time-zones.txt"), "utf8")).trim().split("\n"),
    runtime: await readEntry(runtimeRecipe, join(home, "recipes/runtime/recipe.yaml")),
    kernels,
    wifi: await loadWifi(home),
    reference: await readEntry(referenceRecipe, join(home, "recipes/reference/recipe.yaml")),
    home,
  };
}

/** Where an engine's adapter is. Throws ERR_EDGEIMG_CATALOG_INVALID when the engine that it is taken of is not there. */
function adapterOf(
  { recipe, folder }: Pick<CatalogRecipe, "recipe" | "folder">,
  recipes: ReadonlyMap<string, Pick<CatalogRecipe, "folder">>,
  own: Readonly<Record<Recipe["adapter"]["uses"][number], CatalogAdapter["uses"][number]>>,
): CatalogAdapter {
  const { of = recipe.name } = recipe.adapter;
  const uses = recipe.adapter.uses.map((library) => own[library]);
  if (of === recipe.name) return { name: of, folder, uses };
  const other = recipes.get(of);
  if (other !== undefined) return { name: of, folder: other.folder, uses };
  throw new EdgeimgError(
    "ERR_EDGEIMG_CATALOG_INVALID",
    `The engine ${recipe.name} takes the adapter of ${of}, which is not there.`,
    { hint: `Name an engine's folder of recipes/engines under adapter.of of ${join(folder, "recipe.yaml")}.` },
  );
}

/** The catalog with the hashes that a project gives to archives of recipes that have none (`supplied`). */
export function withSupplied(catalog: Catalog, given: Readonly<Record<string, string>>): Catalog {
  if (Object.keys(given).length === 0) return catalog;
  const engines = [...catalog.engines].map(([name, one]): [string, CatalogRecipe] => [
    name,
    { ...one, recipe: { ...one.recipe, sources: withHashes(one.recipe.sources, given) } },
  ]);
  const tools = [...catalog.tools].map(([name, one]): [string, CatalogTool] => {
    const { environment } = one.tool;
    return [name, { ...one, tool: { ...one.tool, environment: withHashesOf(environment, given) } }];
  });
  const converters = [...catalog.converters].map(([name, one]): [string, CatalogConverter] => {
    const { tool } = one.converter;
    return typeof tool === "string"
      ? [name, one]
      : [name, { ...one, converter: { ...one.converter, tool: withHashesOf(tool, given) } }];
  });
  const boards = [...catalog.boards].map(([name, one]): [string, Board] => [name, withBlobHashes(one, given)]);
  return {
    ...catalog,
    boards: new Map(boards),
    engines: new Map(engines),
    tools: new Map(tools),
    converters: new Map(converters),
  };
}

function withBlobHashes(board: Board, given: Readonly<Record<string, string>>): Board {
  const raw = board.disk.raw.map((blob) => {
    const { supplied } = blob;
    return supplied === undefined
      ? blob
      : { ...blob, supplied: { ...supplied, sha256: supplied.sha256 ?? given[supplied.purl] } };
  });
  return { ...board, disk: { ...board.disk, raw } };
}

function withHashesOf(environment: ToolEnvironment, given: Readonly<Record<string, string>>): ToolEnvironment {
  return environment.kind === "source"
    ? { ...environment, sources: withHashes(environment.sources, given) }
    : environment;
}

/** The files that recipes and boards want of the user, by the keys of `supplied`. */
export function suppliedKeys(catalog: Pick<Catalog, "boards" | "engines" | "tools" | "converters">): readonly string[] {
  const environments = [
    ...[...catalog.tools.values()].map(({ tool }) => tool.environment),
    ...[...catalog.converters.values()].flatMap(({ converter: { tool } }) => (typeof tool === "string" ? [] : [tool])),
  ];
  const lists = [
    ...[...catalog.engines.values()].map(({ recipe }) => recipe.sources),
    ...environments.flatMap((one) => (one.kind === "source" ? [one.sources] : [])),
  ];
  const blobs = [...catalog.boards.values()].flatMap(({ disk }) => disk.raw);
  return [
    ...lists
      .flatMap((sources) => Object.values(sources))
      .flatMap((source) => (source.supplied === undefined ? [] : [sourceKey(source)])),
    ...blobs.flatMap(({ supplied }) => (supplied === undefined ? [] : [supplied.purl])),
  ];
}

/** The recipe of what runs on every board. Throws ERR_EDGEIMG_CATALOG_INVALID. */
export async function loadInit(home: string): Promise<InitRecipe> {
  return await readEntry(initRecipe, join(home, "recipes/init/recipe.yaml"));
}

/** What images with Wi-Fi have. Throws ERR_EDGEIMG_CATALOG_INVALID. */
export async function loadWifi(home: string): Promise<CatalogWifi> {
  const folder = join(home, "recipes/wifi");
  return {
    recipe: await readEntry(wifiRecipe, join(folder, "recipe.yaml")),
    overlay: await executables(join(folder, "rootfs")),
  };
}

/** The distribution that says it is the one. Throws ERR_EDGEIMG_CATALOG_INVALID when none or several do. */
async function defaultDistribution(folder: string): Promise<Distribution> {
  const known = await Promise.all((await yamlFiles(folder)).map((file) => readEntry(distribution, file)));
  const [found, ...more] = known.filter((one) => one.default);
  if (found !== undefined && more.length === 0) return found;
  throw new EdgeimgError(
    "ERR_EDGEIMG_CATALOG_INVALID",
    `${found === undefined ? "None" : "More than one"} of the distributions in ${folder} is the default.`,
    { hint: "Give one of them, and no other, the line `default: true`." },
  );
}

/** Files below a folder, and whether each may be executed. */
async function executables(folder: string): Promise<Map<string, boolean>> {
  const found = new Map<string, boolean>();
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found.set(relative(folder, path), ((await stat(path)).mode & 0o100) !== 0);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export async function readEntry<T>(schema: z.ZodType<T>, file: string): Promise<T> {
  return parseYamlWith(schema, await readFile(file, "utf8"), { file, code: "ERR_EDGEIMG_CATALOG_INVALID" }).value;
}

async function yamlFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => join(folder, name));
}

async function folders(folder: string, file: string): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).sort();
  const found: string[] = [];
  for (const name of names) {
    const path = join(folder, name);
    if (
      await access(join(path, file)).then(
        () => true,
        () => false,
      )
    )
      found.push(path);
  }
  return found;
}
