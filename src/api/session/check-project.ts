import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Catalog, suppliedKeys } from "../../catalog/catalog.js";
import type { MergedProject } from "../../config/merge.js";
import type { ErrorCode } from "../../errors/codes.js";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { didYouMean } from "../../errors/nearest.js";
import { dotted, type YamlPath } from "../../formats/yaml-path.js";
import { problemError } from "../../formats/yaml-schema.js";

/** What the schema of edgeimg.yaml cannot know: names that the catalog decides, and files that must be there. */
export interface ProjectCheck {
  readonly merged: MergedProject;
  readonly catalog: Pick<Catalog, "boards" | "timeZones" | "engines" | "tools" | "converters">;
  /** Absolute path of a file of the project. */
  readonly localPath: (path: string) => string;
}

interface Problem {
  readonly code: ErrorCode;
  readonly path: YamlPath;
  readonly message: string;
}

/**
 * Refuses a project whose names or files are not there, before anything is fetched or written; all problems are told at once, each
 * with its place.
 * @throws EdgeimgError ERR_EDGEIMG_UNKNOWN_NAME, ERR_EDGEIMG_PROJECT_FILE
 */
export async function checkProject({ merged, catalog, localPath }: ProjectCheck): Promise<void> {
  const { project, place } = merged;
  const problems: Problem[] = [];
  const { timezone } = project.system;
  if (!catalog.timeZones.includes(timezone)) {
    problems.push({
      code: "ERR_EDGEIMG_UNKNOWN_NAME",
      path: ["system", "timezone"],
      message: `\`system.timezone\`: there is no time zone "${timezone}".${didYouMean(timezone, catalog.timeZones)}`,
    });
  }
  const formats = knownFormats(catalog);
  for (const [name, { format }] of Object.entries(project.models))
    if (format !== undefined && !formats.includes(format)) {
      const path = ["models", name, "format"];
      problems.push({
        code: "ERR_EDGEIMG_UNKNOWN_NAME",
        path,
        message: `\`${dotted(path)}\`: nothing reads models of the format "${format}".${didYouMean(format, formats)}`,
      });
    }
  problems.push(...unknownSupplies(project.supplied, catalog));
  for (const { path, file, kind } of namedFiles(project)) {
    const message = await missing({ file, kind, localPath });
    if (message !== undefined)
      problems.push({ code: "ERR_EDGEIMG_PROJECT_FILE", path, message: `\`${dotted(path)}\`: ${message}` });
  }
  const [first] = problems;
  if (first === undefined) return;
  throw problemError(
    problems.map(({ path, message }) => ({ message, place: place(path) })),
    { code: first.code, hint: remedyOf(first, formats) },
  );
}

/** Hashes for archives that no recipe leaves to the project: a slip of the pen, or an archive that a newer recipe does not take. */
function unknownSupplies(
  supplied: MergedProject["project"]["supplied"],
  catalog: Parameters<typeof suppliedKeys>[0],
): readonly Problem[] {
  const known = suppliedKeys(catalog);
  return Object.keys(supplied).flatMap((key): Problem[] =>
    known.includes(key)
      ? []
      : [
          {
            code: "ERR_EDGEIMG_UNKNOWN_NAME",
            path: ["supplied", key],
            message: `\`supplied\`: no recipe takes an archive "${key}" from you.${didYouMean(key, known)}`,
          },
        ],
  );
}

/** Formats of models that an engine or a converter of the catalog reads, but for ONNX. */
function knownFormats({ engines, converters }: Pick<Catalog, "engines" | "converters">): readonly string[] {
  const read = [
    ...[...engines.values()].flatMap(({ recipe }) => recipe.model.accepts),
    ...[...converters.values()].map(({ converter }) => converter.from),
  ];
  return [...new Set(read)].filter((format) => format !== "onnx").sort();
}

function remedyOf({ path, code }: Problem, formats: readonly string[]): string {
  if (path[0] === "supplied")
    return "Correct the key, or take it out: docs/engines.md lists what the engines want to be supplied.";
  if (path.at(-1) === "format")
    return `Engines and converters read ${formats.join(", ")}; an ONNX file is given as \`onnx: FILE\`.`;
  return remedies[code] ?? "";
}

const remedies: Partial<Record<ErrorCode, string>> = {
  ERR_EDGEIMG_UNKNOWN_NAME: "Names are those of the time zone database: Europe/Berlin, America/New_York, UTC.",
  ERR_EDGEIMG_PROJECT_FILE: "Paths are relative to the folder of edgeimg.yaml: correct it there, or create the file.",
};

interface NamedFile {
  readonly path: YamlPath;
  readonly file: string;
  readonly kind: "file" | "file or folder";
}

/** Files of the project that its YAML names and a build reads. */
function namedFiles({ app, models }: MergedProject["project"]): NamedFile[] {
  return [
    { path: ["app", "entry"], file: app.entry, kind: "file" },
    ...app.assets.map((file, index): NamedFile => ({ path: ["app", "assets", index], file, kind: "file or folder" })),
    ...Object.entries(models).flatMap(([name, { quantize }]) =>
      Object.entries(quantize?.calibration ?? {}).flatMap(([key, file]): NamedFile[] => {
        const path = ["models", name, "quantize", "calibration", key];
        return typeof file === "string" ? [{ path, file, kind: "file or folder" }] : [];
      }),
    ),
    ...Object.entries(models).flatMap(([name, { quantize }]) =>
      [
        { key: ["record", "pictures"], file: quantize?.record?.pictures },
        { key: ["accuracy", "pictures"], file: quantize?.accuracy?.pictures },
        { key: ["accuracy", "labels"], file: quantize?.accuracy?.labels },
      ].flatMap(({ key, file }): NamedFile[] => {
        const path = ["models", name, "quantize", ...key];
        return typeof file === "string" ? [{ path, file, kind: "file or folder" }] : [];
      }),
    ),
    ...Object.entries(models).flatMap(([name, { onnx, file: other, files, inputs, outputs }]) =>
      [
        { path: ["models", name, "onnx"], file: onnx },
        { path: ["models", name, "file"], file: other },
        ...Object.entries(files).map(([key, file]) => ({ path: ["models", name, "files", key], file })),
        ...Object.entries(inputs).map(([key, { test }]) => ({
          path: ["models", name, "inputs", key, "test", "file"],
          file: test?.file,
        })),
        ...Object.entries(outputs).map(([key, { golden }]) => ({
          path: ["models", name, "outputs", key, "golden"],
          file: golden,
        })),
      ].flatMap(({ path, file }): NamedFile[] => (typeof file === "string" ? [{ path, file, kind: "file" }] : [])),
    ),
  ];
}

/** What is wrong with a file; undefined when it is there. */
async function missing(named: Pick<NamedFile, "file" | "kind"> & Pick<ProjectCheck, "localPath">) {
  const { file, kind, localPath } = named;
  const found = await stat(localPath(file)).catch((error: NodeJS.ErrnoException) => {
    // A name longer than a file system takes is that of no file.
    if (error.code === "ENOENT" || error.code === "ENOTDIR" || error.code === "ENAMETOOLONG") return undefined;
    throw new EdgeimgError("ERR_EDGEIMG_PROJECT_FILE", `${file} cannot be read: ${error.message}.`, {
      cause: error,
      hint:
        error.code === "ELOOP"
          ? "Its links lead in a circle: put the file itself there."
          : "Give yourself rights to it.",
    });
  });
  if (found === undefined) return `${file} does not exist.${didYouMean(file, await siblings(file, localPath))}`;
  if (found.isFile() || (kind === "file or folder" && found.isDirectory())) return undefined;
  return `${file} is no ${kind}.`;
}

/** Paths of what stands beside a path that does not exist, or beside the first of its folders that does not. */
async function siblings(file: string, localPath: (path: string) => string): Promise<string[]> {
  let wanted = file;
  let rest = "";
  for (;;) {
    const parent = dirname(wanted);
    const names = await readdir(localPath(parent)).catch(() => undefined);
    if (names !== undefined) return names.slice(0, 10_000).map((name) => join(parent, name, rest));
    if (parent === wanted || parent === ".") return [];
    rest = join(wanted.slice(parent.length + 1), rest);
    wanted = parent;
  }
}
