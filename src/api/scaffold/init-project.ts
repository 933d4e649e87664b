import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import Handlebars from "handlebars";
import { type Example, exampleFile, listExamples } from "../../catalog/examples.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { didYouMean } from "../../errors/nearest.js";
import { parseYaml } from "../../formats/yaml.js";
import { packageHome } from "../../ground/home.js";
import { modelTypes } from "../../steps/model-types.js";
import { editorFiles, editorPaths, writeEditorFiles } from "../session/editor-files.js";
import type { Context, InitOptions, InitResult } from "../types.js";

/** What builds and package managers leave behind; git would not hold it either. */
const leftOut = new Set(["node_modules", "dist", "out", ".git", "edgeimg.lock", exampleFile]);

/**
 * Writes a project: an example app with what it shares with others, over it what `templates/scaffold` holds for all and for that one (`*.hbs` rendered, a leading `_`
 * standing for a dot, since npm drops dot files from packages), the runtime's types and the schema that editors check with.
 * @throws EdgeimgError ERR_EDGEIMG_INIT_NOT_EMPTY, ERR_EDGEIMG_OUTPUT_UNWRITABLE, ERR_EDGEIMG_USAGE for an example that there is not
 */
export async function initProject(
  { cwd }: Pick<Context, "cwd">,
  { directory, example: wanted }: InitOptions,
): Promise<InitResult> {
  const example = findExample(wanted);
  const target = resolve(cwd, directory);
  const present = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw unwritable(target, error);
  });
  if (present.length > 0) {
    const shown = present.slice(0, 3).join(", ");
    throw new EdgeimgError(
      "ERR_EDGEIMG_INIT_NOT_EMPTY",
      `${target} is not empty: it holds ${shown}${present.length > 3 ? ", ..." : ""}`,
      {
        hint: "Name a new or empty folder: edgeimg init my-project",
      },
    );
  }
  try {
    await mkdir(target, { recursive: true });
    const filter = (source: string) => !leftOut.has(basename(source));
    for (const [owner, paths] of Object.entries(example.shares))
      for (const path of paths)
        await cp(join(packageHome, "examples", owner, path), join(target, path), { recursive: true, filter });
    await cp(example.folder, target, { recursive: true, filter });
    // An example with models has their types beside it.
    const models = await readFile(join(target, editorPaths.models), "utf8").catch(() => modelTypes({}));
    await writeEditorFiles(target, await editorFiles(target, models));
    await rename(target, projectName(target));
    for (const layer of ["common", example.name])
      await overlay(join(packageHome, "templates/scaffold", layer), target, { name: projectName(target) });
  } catch (error) {
    throw unwritable(target, error);
  }
  return { directory: target, example: example.name, files: await listFiles(target) };
}

function findExample(wanted: string | undefined): Example {
  const examples = listExamples(packageHome);
  const found = examples.find(({ name, first, formerly }) =>
    wanted === undefined ? first : name === wanted || formerly.includes(wanted),
  );
  if (found !== undefined) return found;
  const names = examples.map(({ name }) => name);
  const near = didYouMean(wanted ?? "", names);
  throw new EdgeimgError("ERR_EDGEIMG_USAGE", `There is no example "${wanted}".${near}`, {
    hint: `Name one of those: --example ${names[0]}`,
    details: examples.map(({ name, summary }) => `${name}: ${summary}`),
  });
}

/** The example lies within the package; a project stands alone and has a name of its own. */
async function rename(target: string, name: string): Promise<void> {
  const edit = async (file: string, change: (text: string) => string) => {
    const path = join(target, file);
    await writeFile(path, change(await readFile(path, "utf8")));
  };
  // A name such as 123, true or null is a text in YAML only when it is quoted.
  const isText = parseYaml(name, "name").value === name;
  await edit("edgeimg.yaml", (text) =>
    text
      .replace(/\$schema=\S+/, `$schema=${editorPaths.schema}`)
      .replace(/^name: .*$/m, `name: ${isText ? name : JSON.stringify(name)}`),
  );
  await edit("tsconfig.json", (text) => text.replace(', "../../recipes/runtime/types/edge.d.ts"', ""));
}

async function overlay(from: string, to: string, values: { readonly name: string }): Promise<void> {
  const files = await listFiles(from);
  for (const file of files) {
    const named = join(
      dirname(file),
      basename(file)
        .replace(/^_/, ".")
        .replace(/\.hbs$/, ""),
    );
    const text = await readFile(join(from, file), "utf8");
    const rendered = file.endsWith(".hbs") ? Handlebars.compile(text, { noEscape: true, strict: true })(values) : text;
    await mkdir(dirname(join(to, named)), { recursive: true });
    await rm(join(to, named), { force: true });
    await writeFile(join(to, named), rendered);
  }
}

/** The folder's name as a name that edgeimg.yaml accepts. */
function projectName(target: string): string {
  const words = basename(target)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 64)
    .replace(/^-+/, "")
    .slice(0, 40)
    .replace(/-+$/, "");
  return words === "" ? "my-app" : words;
}

async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

function unwritable(target: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !("code" in cause)) return cause;
  if (!["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOSPC"].includes(String(cause.code))) return cause;
  return new EdgeimgError("ERR_EDGEIMG_OUTPUT_UNWRITABLE", `${target} cannot be written: ${cause.message}`, {
    cause,
    hint: "Name another folder, or give yourself rights to it.",
  });
}
