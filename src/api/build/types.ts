import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { planImage, planParts } from "../../builders/debian/plan-image.js";
import { builderLacks } from "../../catalog/builders.js";
import { firstTarget } from "../../config/matrix.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { execute } from "../../execute/execute.js";
import { loadTypeScript } from "../../ground/load-typescript.js";
import { modelTypes, modelTypesFile } from "../../steps/model-types.js";
import { treePath } from "../../store/store.js";
import { useStore } from "../../store/use.js";
import { editorFiles, editorPaths, writeEditorFiles } from "../session/editor-files.js";
import { findNamed } from "../session/find-named.js";
import { type OpenProject, openProject } from "../session/open-project.js";
import { firstTargetOf, prepareTargets } from "../session/prepare.js";
import type { BuildOptions, Context, TypesResult } from "../types.js";
import { stepsFor } from "./build-step.js";

/**
 * Writes what editors check the project with, as this edgeimg and the project's models have it: the same declarations that a build checks
 * the app with. Without models nothing is fetched.
 * @throws EdgeimgError ERR_EDGEIMG_CONFIG_MISSING without a project, ERR_EDGEIMG_OUTPUT_UNWRITABLE, and what a build throws that reads models
 */
export async function writeTypes(context: Context, options: BuildOptions): Promise<TypesResult> {
  const project = await openProject(context, options);
  const { folder } = project;
  if (project.isExample) {
    throw new EdgeimgError("ERR_EDGEIMG_CONFIG_MISSING", "There is no edgeimg.yaml here.", {
      hint: "Name the project's file with --config, or start a project with `edgeimg init`.",
    });
  }
  const names = Object.keys(project.merged.project.models);
  const models = names.length === 0 ? modelTypes({}) : await declaredModels(context, options, project);
  const files = await editorFiles(folder, models);
  const written = await writeEditorFiles(folder, files).catch((cause) => {
    throw new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `The types in ${folder} cannot be written.`, {
      cause,
      hint: "Give yourself rights to the project's folder.",
    });
  });
  return { folder, files: [...files.keys()], written, models: names, unread: await unread(folder, files) };
}

/** The declarations of the project's models, by the steps of a build. */
async function declaredModels(context: Context, options: BuildOptions, project: OpenProject): Promise<string> {
  const { merged, catalog } = project;
  const board = findNamed("board", firstTarget(merged).board, catalog.boards, undefined);
  const isImage = builderLacks(board, "debian") === undefined;
  const [prepared] = await prepareTargets(context, options, firstTargetOf, isImage ? "image" : "parts");
  if (prepared === undefined) throw new Error("no target was chosen");
  const { request, lock, services } = prepared;
  const whole = isImage ? planImage(request, lock) : planParts(request, lock);
  const target = whole.targets["model-types"] ?? "";
  const plan = stepsFor(whole, target);
  context.emit({ type: "plan", steps: plan.steps.length });
  const results = await useStore(services.store, context.signal, () => execute(plan, [target], services));
  return await readFile(join(treePath(services.store, results.get(target)?.digest ?? ""), modelTypesFile), "utf8");
}

/** Files of the project that do not name what was written, so that editors do not read it. */
async function unread(folder: string, files: ReadonlyMap<string, string>): Promise<TypesResult["unread"]> {
  const found: TypesResult["unread"][number][] = [];
  const yaml = await readFile(join(folder, "edgeimg.yaml"), "utf8").catch(() => "");
  if (files.has(editorPaths.schema) && yaml !== "" && !yaml.includes(`$schema=${editorPaths.schema}`))
    found.push({ file: "edgeimg.yaml", line: `# yaml-language-server: $schema=${editorPaths.schema}` });
  const typescript = loadTypeScript();
  const path = join(folder, "tsconfig.json");
  const { config } = typescript.readConfigFile(path, typescript.sys.readFile);
  if (config !== undefined) {
    const { fileNames } = typescript.parseJsonConfigFileContent(config, typescript.sys, folder);
    if (!fileNames.includes(join(folder, editorPaths.models)))
      found.push({ file: "tsconfig.json", line: '"include": ["src", "types"]' });
  }
  return found;
}
