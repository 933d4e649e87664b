import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { imageRequest, openProject } from "../../src/api/session/open-project.js";
import { recipePins } from "../../src/api/session/pin-recipes.js";
import type { Context } from "../../src/api/types.js";
import { planImage, planParts } from "../../src/builders/debian/plan-image.js";
import { builderLacks } from "../../src/catalog/builders.js";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { sourceKey } from "../../src/catalog/source.js";
import { sha256Text } from "../../src/ground/canonical.js";
import type { ImageRequest } from "../../src/image/request.js";
import { emptyLock, type Lock } from "../../src/lock/lock-file.js";
import { requirements } from "../../src/parts/package-sets.js";

export function testContext(cwd: string): Context {
  const { signal } = new AbortController();
  return { cwd, env: { XDG_CACHE_HOME: cwd }, now: () => 0, date: Date.now, emit: () => {}, signal };
}

/** A project that uses what there is: assets, a local model, a model from a package, files, packages, a key. */
export const project = `format: 1
name: everything
app:
  entry: src/main.ts
  assets: [pictures]
  env: { LEVEL: "3" }
models:
  own:
    onnx: models/own.onnx
    inputs: { x: { dims: [1, 3, 8, 8] } }
  fetched:
    onnx: { purl: pkg:npm/models@1.0.0, path: a.onnx }
    inputs: { x: { dims: [1, 3, 8..64/8, 8] } }
    files:
      words.txt: { purl: pkg:npm/models@1.0.0, path: words.txt }
system:
  ssh: { authorizedKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me"] }
packages: [nano]
`;

/** Writes a project into a folder, and asks for the image of a board. */
export async function requestFor(
  folder: string,
  options: { readonly board: string; readonly engine: string; readonly text?: string },
): Promise<ImageRequest> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "edgeimg.yaml"), options.text ?? project);
  return imageRequest(await openProject(testContext(folder), { board: options.board, engine: options.engine }));
}

/** The engines of which every archive can be fetched: the others' come from the user, and no ONNX file leads to what they read. */
export async function fetchedEngines(): Promise<string[]> {
  const { engines } = await loadCatalog(fileURLToPath(new URL("../../", import.meta.url)), undefined);
  return [...engines.values()].flatMap(({ recipe }) =>
    Object.values(recipe.sources).every(({ sha256 }) => sha256 !== undefined) ? [recipe.name] : [],
  );
}

/** A lock with one invented package for each set that a request needs. */
export function inventedLock(request: ImageRequest): Lock {
  const { distribution, sets } = requirements(request);
  const lock = emptyLock(distribution.name);
  const packages: Lock["packages"] = {};
  for (const set of sets) {
    const id = `pkg:deb/${distribution.purlNamespace}/${set.name.replace(/[^a-z0-9]+/g, "-")}@1.0?arch=${set.arch}`;
    packages[id] = { path: `pool/${set.name}.deb`, size: 1, sha256: sha256Text(id) };
    const keep = set.keep === undefined ? {} : { keep: [...set.keep] };
    lock.sets[set.name] = { arch: set.arch, request: [...set.packages].sort(), ...keep, packages: [id] };
  }
  const sources: Lock["sources"] = {};
  for (const { onnx, file, files } of Object.values(request.project.models)) {
    for (const location of [onnx, file, ...Object.values(files)]) {
      if (location !== undefined && typeof location !== "string")
        sources[sourceKey(location)] = { sha256: sha256Text(sourceKey(location)) };
    }
  }
  const made = {
    ...lock,
    distribution: { ...lock.distribution, date: "Sat, 14 Nov 2026 10:00:00 UTC" },
    packages,
    sources,
  };
  // Boards that another builder's images are for have parts only.
  const plan =
    builderLacks(request.board, "debian") === undefined ? planImage(request, made) : planParts(request, made);
  return { ...made, recipes: recipePins([plan], made) };
}
