import { copyFile, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import type { FetchFile } from "./types.js";

/**
 * Looks for a file by its hash, whatever its name, among those that the user put into a folder. A copy takes its place at `part`.
 * Returns whether one was found. `hash` tells a file's sha256.
 */
export async function takeSupplied(job: {
  readonly folder: string;
  readonly file: Pick<FetchFile, "sha256" | "size">;
  readonly part: string;
  readonly hash: (path: string) => Promise<string>;
}): Promise<boolean> {
  const { folder, file, part, hash } = job;
  const names = await readdir(folder).catch(() => []);
  for (const name of names.sort()) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() !== true || (file.size !== undefined && found.size !== file.size)) continue;
    if ((await hash(path)) !== file.sha256) continue;
    await copyFile(path, `${part}.copy`);
    await rename(`${part}.copy`, part);
    return true;
  }
  return false;
}

/** ERR_EDGEIMG_SOURCE_SUPPLY */
export function notSupplied(file: FetchFile, folder: string | undefined): EdgeimgError {
  return new EdgeimgError("ERR_EDGEIMG_SOURCE_SUPPLY", `${file.name} (${file.purl}) has to come from you.`, {
    details: [
      ...(file.supplied === undefined ? [] : [file.supplied]),
      `sha256 ${file.sha256}${file.size === undefined ? "" : `, ${file.size} bytes`}`,
    ],
    hint: `Put it into ${folder ?? "the folder `sources` beside edgeimg.yaml"}, under any name, and run again.`,
  });
}
