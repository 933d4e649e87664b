import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError, type Place, withPlace } from "../../errors/edgeimg-error.js";
import { parseYaml } from "../../formats/yaml.js";
import type { ImageRequest } from "../../image/request.js";

/**
 * The same error with the line that names the module which the kernel lacks: in a board's file, else in recipes/init. A step knows
 * nothing of files that its plan was made from, so that a comment added to one changes no key.
 */
export async function withModulePlace(error: unknown, requests: readonly ImageRequest[]): Promise<unknown> {
  if (!(error instanceof EdgeimgError) || error.code !== "ERR_EDGEIMG_IMAGE_MODULE") return error;
  const { subject } = error;
  if (subject === undefined || error.place !== undefined) return error;
  for (const { board, catalog } of requests) {
    const place =
      (await placeIn(
        catalog.boardFiles.get(board.name),
        "kernel",
        { initramfs: board.kernel.initramfs, rootfs: board.kernel.rootfs },
        subject,
      )) ??
      (await placeIn(join(catalog.home, "recipes/init/recipe.yaml"), "filesystems", catalog.init.filesystems, subject));
    if (place === undefined) continue;
    return withPlace(error, place);
  }
  return error;
}

/** Where a file has a name in one of the lists of a mapping. */
async function placeIn(
  file: string | undefined,
  key: string,
  lists: Readonly<Record<string, readonly string[]>>,
  name: string,
): Promise<Place | undefined> {
  const found = Object.entries(lists).find(([, names]) => names.includes(name));
  if (file === undefined || found === undefined) return undefined;
  const [list, names] = found;
  return parseYaml(await readFile(file, "utf8"), file).place([key, list, names.indexOf(name)]);
}
