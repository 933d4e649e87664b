import { lstat, mkdir, readlink, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join, normalize, relative } from "node:path";
import { compareText } from "../ground/canonical.js";
import { unsafeEntry } from "./archive-entries.js";

/**
 * Makes symbolic links. Absolute targets are taken to mean the folder itself, as in a root file system.
 * Throws ERR_EDGEIMG_ARCHIVE_UNSAFE at one that would leave it, be it by way of other links.
 */
export async function makeLinks(into: string, links: ReadonlyMap<string, string>, archive: string): Promise<void> {
  const home = await realpath(into);
  const sorted = [...links].sort(([a], [b]) => compareText(a, b));
  for (const [path, target] of sorted) {
    const inside = target.startsWith("/") ? normalize(target.slice(1)) : normalize(join(dirname(path), target));
    if (inside === ".." || inside.startsWith("../")) throw unsafeEntry(archive, `${path} -> ${target}`);
    const place = join(home, path);
    if (!isBelow(await realAncestor(dirname(place)), home)) throw unsafeEntry(archive, path);
    const found = await lstat(place).catch(() => undefined);
    // A folder that another package filled takes the place of a link to it, as dpkg has it.
    if (found?.isDirectory()) continue;
    if (found !== undefined) await rm(place);
    await mkdir(dirname(place), { recursive: true });
    await symlink(target.startsWith("/") ? relative(dirname(path), inside) || "." : target, place);
  }
  for (const [path, target] of sorted) if (await leaves(home, path)) throw unsafeEntry(archive, `${path} -> ${target}`);
}

/** As many links as Linux follows in one path (path_resolution(7)); a path with more leads nowhere. */
const mostLinks = 40;

/**
 * Whether following a path leads out of a folder at any step, be it by way of other links. Unlike realpath it also judges what leads to
 * nothing: a file may come to lie there later.
 */
async function leaves(home: string, path: string): Promise<boolean> {
  const parts = path.split("/").reverse();
  let place = home;
  let followed = 0;
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (place === home) return true;
      place = dirname(place);
      continue;
    }
    place = join(place, part);
    const target = await readlink(place).catch(() => undefined);
    if (target === undefined) continue;
    if (target.startsWith("/")) return true;
    if (++followed > mostLinks) return false;
    parts.push(...target.split("/").reverse());
    place = dirname(place);
  }
  return false;
}

/** Where the deepest folder of a path that exists really lies. */
async function realAncestor(path: string): Promise<string> {
  return await realpath(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" || dirname(path) === path) throw error;
    return await realAncestor(dirname(path));
  });
}

function isBelow(path: string, home: string): boolean {
  return path === home || path.startsWith(`${home}/`);
}
