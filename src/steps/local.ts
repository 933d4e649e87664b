import { constants, copyFileSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { copyFile, cp, lstat, mkdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import { globMatcher } from "../formats/glob.js";
import * as z from "../ground/zod.js";
import { dataFiles, readModel, regularSize } from "../model/external-data.js";
import { walk } from "../store/tree.js";
import { defineKind } from "./kind.js";

/** Takes a file or folder of the user's, or of the catalog, into the store. Runs each time: its content decides the digest. */
export const localKind = defineKind({
  name: "local",
  version: 1,
  volatile: true,
  params: z.strictObject({
    path: z.string(),
    /** An ONNX model, called so in messages: the files beside it that hold its weights are taken along. */
    model: z.string().optional(),
    /** Paths left out, relative to the folder. */
    exclude: z.array(z.string()).default([]),
  }),
  async run({ path, exclude, model }, { out }) {
    // A project may lie behind a link; links within it are taken as such.
    const real = await realpath(path).catch((cause) => {
      throw new EdgeimgError("ERR_EDGEIMG_PROJECT_FILE", `${path} does not exist.`, {
        cause,
        hint: "Correct its path in edgeimg.yaml, or create it.",
      });
    });
    if (!(await lstat(real)).isDirectory()) {
      // A model that is too large, or none, is not copied first.
      if (model !== undefined) await copyModelData(path, out, model);
      await copyFile(real, join(out, basename(path)));
      return;
    }
    copyFolder({ from: real, to: out, path: "", excluded: globMatcher(exclude) });
  },
});

/** Files that hold weights of a model lie in its folder: that of the path as it is given, not of what it links to. */
async function copyModelData(path: string, out: string, model: string): Promise<void> {
  const { file } = await readModel(await realpath(path), model);
  for (const one of dataFiles(file, model)) {
    await regularSize(dirname(path), one, model);
    if (one === basename(path)) continue;
    await mkdir(dirname(join(out, one)), { recursive: true });
    await copyFile(join(dirname(path), one), join(out, one), constants.COPYFILE_FICLONE);
  }
}

interface FolderCopy {
  readonly from: string;
  readonly to: string;
  /** Relative to both. */
  readonly path: string;
  readonly excluded: (path: string) => boolean;
}

/**
 * Copies a folder's files and links. Node's cp refuses a target within the source, even one that a filter leaves out: a store may lie
 * within the project, and its asynchronous one takes three times as long for files as small as a project's.
 */
function copyFolder({ from, to, path, excluded }: FolderCopy): void {
  for (const entry of readdirSync(join(from, path), { withFileTypes: true })) {
    const inner = path === "" ? entry.name : `${path}/${entry.name}`;
    if (excluded(inner) || join(from, inner) === to) continue;
    if (entry.isDirectory()) {
      mkdirSync(join(to, inner));
      copyFolder({ from, to, path: inner, excluded });
    } else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(join(from, inner)), join(to, inner));
    else if (entry.isFile()) copyFileSync(join(from, inner), join(to, inner), constants.COPYFILE_FICLONE);
    else
      throw new EdgeimgError("ERR_EDGEIMG_PROJECT_FILE", `${join(from, inner)} is no file, folder or link.`, {
        hint: "Take it out of the project's folder.",
      });
  }
}

/** Lays input trees, or parts of them, into one: `{from: input, path, to}` in order, later ones over earlier ones. */
export const composeKind = defineKind({
  name: "compose",
  version: 1,
  params: z.strictObject({
    parts: z.array(z.strictObject({ from: z.string(), path: z.string().default(""), to: z.string().default("") })),
    /** Literal files: path -> text. */
    files: z.record(z.string(), z.string()).default({}),
    /** Paths that are made executable. */
    executable: z.array(z.string()).default([]),
    /** Symbolic links: path -> target. */
    links: z.record(z.string(), z.string()).default({}),
    /** Empty folders. */
    folders: z.array(z.string()).default([]),
  }),
  async run(params, context) {
    const { chmod, symlink, writeFile } = await import("node:fs/promises");
    const place = async (path: string) => {
      await mkdir(dirname(join(context.out, path)), { recursive: true });
      return join(context.out, path);
    };
    for (const { from, path, to } of params.parts) {
      const source = join(inputFolder(context.inputs, from), path);
      const target = to === "" ? context.out : await place(to);
      if (lstatSync(source, { throwIfNoEntry: false }) === undefined) {
        throw new EdgeimgError("ERR_EDGEIMG_IMAGE_FILE", `${path} is not in ${from}.`, {
          hint: "The recipe or the project names a path that the package does not have: check its spelling and the version.",
        });
      }
      await cp(source, target, { recursive: true, verbatimSymlinks: true, force: true });
      await makeWritable(target);
    }
    for (const folder of params.folders) await mkdir(join(context.out, folder), { recursive: true });
    for (const [path, text] of Object.entries(params.files)) await writeFile(await place(path), text);
    for (const [path, target] of Object.entries(params.links)) await symlink(target, await place(path));
    for (const path of params.executable) await chmod(join(context.out, path), 0o755);
  },
});

/** Copies from the store are read-only; a later part may have to lie over them. */
async function makeWritable(path: string): Promise<void> {
  const { chmod } = await import("node:fs/promises");
  const stat = await lstat(path);
  if (stat.isFile()) await chmod(path, stat.mode | 0o200);
  if (!stat.isDirectory()) return;
  for (const inner of walk(path, "")) {
    const found = await lstat(join(path, inner));
    if (found.isFile()) await chmod(join(path, inner), found.mode | 0o200);
  }
}

export function inputFolder(inputs: Readonly<Record<string, string>>, name: string): string {
  const folder = inputs[name];
  if (folder === undefined) throw new Error(`the step has no input "${name}"`);
  return folder;
}
