import { access, copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { name as nameSchema } from "../../catalog/common.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { packageHome } from "../../ground/home.js";
import { openProject } from "../session/open-project.js";
import { templateRenderer } from "../session/render-template.js";
import type { Context, NewEngineKind, NewEngineOptions, NewEngineResult } from "../types.js";

/** What the templates of `templates/engine` are told of each kind, and which of them it has beside those of all. */
const kinds: Readonly<Record<NewEngineKind, { readonly files: readonly string[]; readonly isOwn: boolean }>> = {
  compile: { files: [], isOwn: true },
  cmake: { files: ["CMakeLists.txt"], isOwn: true },
  prebuilt: { files: [], isOwn: false },
  packages: { files: [], isOwn: false },
};

/**
 * Writes an engine that builds into the project: recipe, adapter and a small engine of its own, a converter from ONNX, and a model that it runs.
 * @throws EdgeimgError ERR_EDGEIMG_CONFIG_MISSING outside of a project, ERR_EDGEIMG_USAGE for a name that cannot be one,
 * ERR_EDGEIMG_NEW_EXISTS, ERR_EDGEIMG_OUTPUT_UNWRITABLE
 */
export async function newEngine(context: Context, options: NewEngineOptions): Promise<NewEngineResult> {
  const { name, kind } = options;
  if (!nameSchema.safeParse(name).success)
    throw new EdgeimgError("ERR_EDGEIMG_USAGE", `"${name}" cannot be an engine's name.`, {
      hint: "Lower-case letters, digits and inner dashes, at most 41: edgeimg new engine my-engine",
    });
  const { folder, catalog, isExample } = await openProject(context, { configFile: options.configFile });
  if (isExample)
    throw new EdgeimgError(
      "ERR_EDGEIMG_CONFIG_MISSING",
      "There is no edgeimg.yaml here: an engine belongs to a project.",
      {
        hint: "Run it in the project's folder, name its file with --config, or start one: edgeimg init my-project",
      },
    );
  const model = `models/${name}.onnx`;
  const taken = [
    ...(catalog.engines.has(name) ? [`an engine ${name}`] : []),
    ...(catalog.converters.has(name) ? [`a converter ${name}`] : []),
    ...(await present(folder, [`recipes/engines/${name}`, `recipes/converters/${name}`, model])),
  ];
  if (taken.length > 0)
    throw new EdgeimgError("ERR_EDGEIMG_NEW_EXISTS", `There is ${taken[0]} already.`, {
      hint: "Choose another name. `edgeimg engines` lists those that are taken.",
    });
  const files = rendered(name, kind);
  try {
    for (const [path, text] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text, { flag: "wx" });
    }
    await mkdir(join(folder, "models"), { recursive: true });
    await copyFile(join(packageHome, "templates/engine/model.onnx"), join(folder, model));
  } catch (cause) {
    throw new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `${folder} cannot be written.`, {
      cause,
      hint: "Give yourself rights to the project's folder.",
    });
  }
  return { name, kind, directory: folder, files: [...files.keys(), model], model };
}

async function present(folder: string, paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const is = await access(join(folder, path)).then(
      () => true,
      () => false,
    );
    if (is) found.push(path);
  }
  return found;
}

/** Path in the project -> text. */
function rendered(name: string, kind: NewEngineKind): ReadonlyMap<string, string> {
  const { files, isOwn } = kinds[kind];
  const values = {
    ...{ name, kind, own: isOwn },
    ...Object.fromEntries(Object.keys(kinds).map((one) => [one, one === kind])),
  };
  const render = templateRenderer(packageHome);
  const own = ["recipe.yaml", "adapter.c", "engine.c", "engine.h", ...files];
  return new Map([
    ...own.map((file): [string, string] => [`recipes/engines/${name}/${file}`, render(`engine/${file}.hbs`, values)]),
    ...["converter.yaml", "convert.py"].map((file): [string, string] => [
      `recipes/converters/${name}/${file}`,
      render(`engine/${file}.hbs`, values),
    ]),
  ]);
}
