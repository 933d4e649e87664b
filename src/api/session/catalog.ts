import { loadCatalog } from "../../catalog/catalog.js";
import { packageHome } from "../../ground/home.js";
import type { BoardInfo, Context, EngineInfo } from "../types.js";
import { engineInfo } from "./engine-info.js";

/** Boards, built in and of the project in the current folder. */
export async function listBoards(context: Context): Promise<readonly BoardInfo[]> {
  const { boards } = await loadCatalog(packageHome.replace(/\/$/, ""), context.cwd);
  return [...boards.values()].map(({ name, title, arch, cpu, lacks, notes, debian }) => ({
    ...{ name, title, arch, cpu, lacks, notes },
    ...(debian === undefined ? {} : { missing: `${debian.missing} ${debian.remedy}` }),
  }));
}

/** Engines, built in and of the project in the current folder. */
export async function listEngines(context: Context): Promise<readonly EngineInfo[]> {
  const catalog = await loadCatalog(packageHome.replace(/\/$/, ""), context.cwd);
  return [...catalog.engines.values()].map(({ recipe }) => engineInfo(catalog, recipe));
}
