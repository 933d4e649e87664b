import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { packageHome } from "../../ground/home.js";
import { modelTypesFile } from "../../steps/model-types.js";

/** Where a project keeps what its editor checks it with, relative to its folder. */
export const editorPaths = {
  runtime: "types/edge.d.ts",
  models: `types/${modelTypesFile}`,
  schema: ".edgeimg/project.schema.json",
} as const;

/**
 * What an editor checks a project with, path to content: the declarations of `edge:*`, those of its models, the schema of edgeimg.yaml.
 * edgeimg's own examples read the first and the last where they are made.
 */
export async function editorFiles(folder: string, models: string): Promise<ReadonlyMap<string, string>> {
  const ofModels = [editorPaths.models, models] as const;
  if (dirname(folder) === join(packageHome, "examples")) return new Map([ofModels]);
  const own = async (path: string) => await readFile(join(packageHome, path), "utf8");
  return new Map([
    [editorPaths.schema, await own("schemas/project.json")],
    [editorPaths.runtime, await own("recipes/runtime/types/edge.d.ts")],
    ofModels,
  ]);
}

/** The paths among some files that a project lacks, or has with another content. */
export async function staleFiles(folder: string, files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const [path, text] of files) {
    const found = await readFile(join(folder, path), "utf8").catch(() => undefined);
    if (found !== text) stale.push(path);
  }
  return stale;
}

/** Writes those files that differ, each at once, and gives their paths. */
export async function writeEditorFiles(folder: string, files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const stale = await staleFiles(folder, files);
  for (const path of stale) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    // A language server may read it at any moment.
    const draft = `${target}.${process.pid}.new`;
    await writeFile(draft, files.get(path) ?? "");
    await rename(draft, target);
  }
  return stale;
}

/** What to say after a build whose project has other types than it was checked with; undefined when nobody edits it with types. */
export async function staleTypes(folder: string, models: string): Promise<string | undefined> {
  const isEdited = (await stat(join(folder, "tsconfig.json")).catch(() => undefined))?.isFile() ?? false;
  if (!isEdited) return undefined;
  const stale = await staleFiles(folder, await editorFiles(folder, models));
  if (stale.length === 0) return undefined;
  return `${stale.join(", ")}: not as this edgeimg and these models have it. \`edgeimg types\` writes what editors check with anew.`;
}
