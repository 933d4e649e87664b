import { fileURLToPath } from "node:url";
import { listRecipes, readReleases } from "../../src/api/buildroot/write.js";
import { imageRequest, openProject } from "../../src/api/session/open-project.js";
import { seriesNamed } from "../../src/builders/buildroot/releases.js";
import type { TreeRequest } from "../../src/builders/buildroot/request.js";
import { renderTree } from "../../src/builders/buildroot/tree.js";
import type { TreeFile } from "../../src/builders/buildroot/tree-file.js";
import { testContext } from "./image-request.js";

export const home = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

/** The bundled example as a request for a tree; app and models are named, not made, and registries are invented. */
export async function treeRequest(
  folder: string,
  options: { boards: readonly string[]; engines: readonly string[]; series?: string },
): Promise<TreeRequest> {
  const project = await openProject(testContext(folder), { board: options.boards[0], engine: options.engines[0] });
  const { catalog } = project;
  const releases = await readReleases(home);
  const { render } = imageRequest(project);
  const found = <T>(names: readonly string[], known: ReadonlyMap<string, T>): T[] =>
    names.flatMap((name) => known.get(name) ?? []);
  return {
    project: project.merged.project,
    boards: found(options.boards, catalog.boards),
    engines: found(options.engines, catalog.engines),
    catalog,
    releases,
    series: seriesNamed(releases, options.series),
    sites: {
      pypi: "https://python.example",
      npm: "https://npm.example",
      cargo: "https://crates.example",
      deb: "https://debian.example",
    },
    parts: {
      app: ["main.js", "main.js.map", "assets/index.html"].map((path) => ({ path, file: `/parts/app/${path}` })),
      models: new Map(
        options.engines.map((name) => [name, [{ path: "det/model.edge", file: `/parts/${name}/det/model.edge` }]]),
      ),
      operators: new Map(),
      headers: new Map([
        [
          "onnxruntime",
          [
            {
              file: "libonnxruntime-dev_1.0_arm64.deb",
              path: "pool/main/o/onnxruntime/libonnxruntime-dev_1.0_arm64.deb",
              sha256: "0".repeat(64),
            },
          ],
        ],
      ]),
    },
    epoch: 1_790_000_000,
    version: "1.2.3",
    render,
  };
}

/** The tree of a request, with the recipes as they are. */
export function treeOf(request: TreeRequest): TreeFile[] {
  return renderTree(request, listRecipes(home));
}
