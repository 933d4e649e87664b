import type { Manifest } from "./manifest.js";

const adapter = "usr/lib/edgeimg/libedge_nn.so";

/**
 * Bytes of the root that are there because of the engine, uncompressed: its adapter, all that follows from it in the chain of need, and files of
 * packages that its recipe names.
 */
export function engineSize({ engine, files, packages, components }: Manifest): number {
  const root = new Map(files.filter(({ part }) => part === "root").map((file) => [file.path, file]));
  const needs = new Map([...packages, ...components].map(({ name, need }) => [name, need]));
  const isEngines = (path: string): boolean => {
    let file = root.get(path);
    for (let steps = 0; file?.neededBy !== undefined && steps < 64; steps++) {
      if (file.path === adapter) return true;
      file = root.get(file.neededBy);
    }
    if (file === undefined) return false;
    return file.path === adapter || (needs.get(file.package ?? "") ?? "") === engineNeed(engine.name);
  };
  return [...root.values()].reduce((sum, { path, size }) => sum + (isEngines(path) ? size : 0), 0);
}

/** What a manifest says that an engine's source and its packages are needed by. */
export function engineNeed(name: string): string {
  return `the engine of this image (${name})`;
}
