import { cp, lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { applyPatch, parsePatch } from "diff";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

/** Bytes; a patch is read by people, and parsed in memory. */
const largest = 4 * 2 ** 20;

/**
 * Applies unified diffs to a copy of a source tree, in their order and without fuzz: lines of context must agree. Each patch is the one
 * file of an input that bears its path as name. Throws ERR_EDGEIMG_SOURCE_PATCH.
 */
export const patchKind = defineKind({
  name: "patch",
  version: 1,
  params: z.strictObject({ patches: z.array(z.string()).min(1) }),
  async run({ patches }, { inputs, out }) {
    await cp(inputFolder(inputs, "source"), out, { recursive: true, verbatimSymlinks: true, force: true });
    for (const name of patches) {
      const folder = inputFolder(inputs, name);
      const [file] = await readdir(folder);
      const path = join(folder, file ?? "");
      if ((await lstat(path)).size > largest) throw unfit(name, "it is larger than 4 MiB");
      await applyTo(out, name, await readFile(path, "utf8"));
    }
  },
});

async function applyTo(folder: string, name: string, text: string): Promise<void> {
  const parsed = attempt(name, () => parsePatch(text));
  const files = parsed.filter(({ hunks }) => hunks.length > 0);
  if (files.length === 0) throw unfit(name, "it holds no change");
  for (const change of files) {
    const from = within(name, change.oldFileName);
    const to = within(name, change.newFileName);
    const path = to ?? from;
    if (path === undefined) throw unfit(name, "it names no file");
    const place = join(folder, path);
    await refuseLinks(folder, path, name);
    // `diff -N` names a file that is not there like one that is.
    const isNew = from === undefined || change.hunks.every(({ oldLines }) => oldLines === 0);
    const isGone = to === undefined || change.hunks.every(({ newLines }) => newLines === 0);
    const before = await readFile(join(folder, from ?? path), "utf8").catch(() => (isNew ? "" : undefined));
    if (before === undefined) throw unfit(name, `the source has no ${from}`);
    const after = attempt(name, () => applyPatch(before, change, { fuzzFactor: 0 }));
    if (after === false) throw unfit(name, `${path} is not what it was made for`);
    if (isGone && after === "") {
      await rm(place);
      continue;
    }
    await mkdir(dirname(place), { recursive: true });
    const mode = (await lstat(place).catch(() => undefined))?.mode ?? 0o644;
    // A copy from the store may not be written: a new file takes its place.
    await rm(place, { force: true });
    await writeFile(place, after, { mode: mode & 0o111 ? 0o755 : 0o644 });
  }
}

/** "a/lib/x.c" -> "lib/x.c"; undefined for /dev/null. */
function within(patch: string, file: string | undefined): string | undefined {
  const name = (file ?? "").split("\t")[0]?.trim() ?? "";
  if (name === "/dev/null" || name === "") return undefined;
  const path = name.slice(name.indexOf("/") + 1);
  const isInside = name.includes("/") && path !== "" && !path.startsWith("/") && !path.split("/").includes("..");
  if (!isInside) throw unfit(patch, `its path ${name} does not lie in a/ or b/`);
  return path;
}

/** A link in the source must not lead a patch out of the tree. */
async function refuseLinks(folder: string, path: string, name: string): Promise<void> {
  const parts = path.split("/");
  for (let count = 1; count <= parts.length; count++) {
    const found = await lstat(join(folder, ...parts.slice(0, count))).catch(() => undefined);
    if (found?.isSymbolicLink()) throw unfit(name, `${path} is reached through a symbolic link`);
  }
}

function attempt<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw unfit(name, `it cannot be read (${cause instanceof Error ? cause.message : cause})`);
  }
}

function unfit(name: string, reason: string): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_SOURCE_PATCH", `${name} does not fit the source: ${reason}.`, {
    hint: "Make the patch anew against the version that the recipe pins (`diff -ru a b`), and list it under that source.",
  });
}
