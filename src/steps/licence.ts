import { lstat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../errors/edgeimg-error.js";
import * as z from "../ground/zod.js";
import { hashFile } from "../store/tree.js";
import { defineKind } from "./kind.js";
import { inputFolder } from "./local.js";

/** Compares licence texts of a source with the hashes that its recipe names; a result is only proof that they were the same. */
export const licenceKind = defineKind({
  name: "licence",
  version: 1,
  params: z.strictObject({
    /** What the texts belong to. */
    title: z.string(),
    spdx: z.string(),
    /** Path in the source -> sha256. */
    files: z.record(z.string(), z.string()),
  }),
  async run({ title, spdx, files }, { inputs, out }) {
    const folder = inputFolder(inputs, "source");
    const wrong: string[] = [];
    for (const [path, wanted] of Object.entries(files)) {
      const stat = await lstat(join(folder, path)).catch(() => undefined);
      if (stat?.isFile() !== true) {
        wrong.push(`${path} is not in the source`);
        continue;
      }
      const found = await hashFile(join(folder, path), stat.size);
      if (found !== wanted) wrong.push(`${path} has the sha256 ${found}, the recipe names ${wanted}`);
    }
    if (wrong.length > 0) {
      throw new EdgeimgError(
        "ERR_EDGEIMG_LICENSE_CHANGED",
        `The licence text of ${title} is not the one of its recipe.`,
        {
          details: wrong,
          hint: "Read the new text; when its terms are acceptable, put its hash into `license.files` of the recipe, and its SPDX expression into `license.spdx`.",
        },
      );
    }
    await writeFile(join(out, "licence.json"), `${JSON.stringify({ title, spdx, files }, null, 1)}\n`);
  },
});
