import type { Board } from "../../catalog/board.js";
import { builderLacks, buildersOf } from "../../catalog/builders.js";
import { loadCatalog } from "../../catalog/catalog.js";
import { packageHome } from "../../ground/home.js";
import type { BoardInfo, Context, EngineInfo } from "../types.js";
import { engineInfo } from "./engine-info.js";

/** Boards, built in and of the project in the current folder. */
export async function listBoards(context: Context): Promise<readonly BoardInfo[]> {
  const { boards } = await loadCatalog(packageHome.replace(/\/$/, ""), context.cwd);
  return [...boards.values()].map(boardInfo);
}

function boardInfo(board: Board): BoardInfo {
  const { name, title, arch, cpu, lacks, notes, proven, facts, console, boot, kernel, disk } = board;
  const missing = builderLacks(board, "debian");
  return {
    ...{ name, title, arch, cpu, lacks, notes, facts, console, disk },
    builders: buildersOf(board),
    supplied: disk.raw.flatMap(({ supplied }) => (supplied === undefined ? [] : [`${supplied.purl}: ${supplied.how}`])),
    boot: { kind: boot.kind, packages: boot.packages, dtbs: kernel.dtbs },
    ...(missing === undefined ? {} : { missing }),
    ...(proven === undefined ? {} : { proven }),
  };
}

/** Engines, built in and of the project in the current folder. */
export async function listEngines(context: Context): Promise<readonly EngineInfo[]> {
  const catalog = await loadCatalog(packageHome.replace(/\/$/, ""), context.cwd);
  return [...catalog.engines.values()].map(({ recipe }) => engineInfo(catalog, recipe));
}
