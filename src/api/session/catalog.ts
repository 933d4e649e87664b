import { loadCatalog } from "../../catalog/catalog.js";
import { packageHome } from "../../ground/home.js";
import type { BoardInfo, Context, EngineInfo } from "../types.js";

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
  const { engines } = await loadCatalog(packageHome.replace(/\/$/, ""), context.cwd);
  return [...engines.values()].map(({ recipe }) => ({
    name: recipe.name,
    title: recipe.title,
    version: recipe.version,
    license: recipe.license.spdx,
    licenseFiles: Object.keys(recipe.license.files),
    licensePackage: recipe.license.package,
    accepts: recipe.model.accepts,
    arch: recipe.supports.arch,
    homepage: recipe.homepage,
    notes: recipe.notes,
  }));
}
