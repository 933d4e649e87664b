import { loadCatalog } from "../catalog/catalog.js";
import { packageHome } from "./home.js";

export interface BoardInfo {
  readonly name: string;
  readonly title: string;
  readonly arch: string;
  readonly cpu: string;
  readonly notes: readonly string[];
}

export interface EngineInfo {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  readonly arch: readonly string[];
  readonly notes: readonly string[];
}

/** The boards of the package and of the project in `cwd`, by name. Throws ERR_EDGEIMG_CATALOG_INVALID. */
export async function listBoards({ cwd }: { readonly cwd: string }): Promise<readonly BoardInfo[]> {
  const { boards } = await loadCatalog(packageHome, cwd);
  return [...boards.values()]
    .map(({ name, title, arch, cpu, notes }) => ({ name, title, arch, cpu, notes }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The engines of the package and of the project in `cwd`, by name. Throws ERR_EDGEIMG_CATALOG_INVALID. */
export async function listEngines({ cwd }: { readonly cwd: string }): Promise<readonly EngineInfo[]> {
  const { engines } = await loadCatalog(packageHome, cwd);
  return [...engines.values()]
    .map(({ recipe: { name, title, version, license, supports, notes } }) => ({
      name,
      title,
      version,
      license: license.spdx,
      arch: supports.arch,
      notes,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
