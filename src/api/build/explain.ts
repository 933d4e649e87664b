import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EdgeimgError } from "../../errors/edgeimg-error.js";
import { nearest } from "../../errors/nearest.js";
import { manifestSchema } from "../../report/manifest.js";
import { imageRequest, openProject, outFolder } from "../session/open-project.js";
import type { BuildOptions, Context, PathExplanation } from "../types.js";

/** Why a file is in the image: from the manifest of the last build. */
export async function explainPath(context: Context, path: string, options: BuildOptions): Promise<PathExplanation> {
  const project = await openProject(context, options);
  const request = imageRequest(project);
  const file = join(outFolder(project, request), "manifest.json");
  const text = await readFile(file, "utf8").catch((cause) => {
    throw new EdgeimgError("ERR_EDGEIMG_IMAGE_FILE", "There is no manifest of this board and engine yet.", {
      cause,
      hint: `Run \`edgeimg build --board ${request.board.name} --engine ${request.engine.recipe.name}\` first.`,
    });
  });
  const { files, packages, components } = manifestSchema.parse(JSON.parse(text));
  const wanted = path.replace(/^\/+/, "");
  const found =
    files.find((one) => one.path === wanted && one.part === "root") ?? files.find((one) => one.path === wanted);
  if (found === undefined) {
    const close = nearest(
      wanted,
      files.map((one) => one.path),
    );
    throw new EdgeimgError("ERR_EDGEIMG_IMAGE_FILE", `/${wanted} is not in the image.`, {
      hint: close === undefined ? "manifest.json in the output folder lists every file." : `Did you mean /${close}?`,
    });
  }
  const chain = [`/${found.path}`];
  for (let at = found; at.neededBy !== undefined && chain.length < 32; ) {
    chain.unshift(`/${at.neededBy}`);
    const next = files.find((one) => one.path === at.neededBy && one.part === at.part);
    if (next === undefined) break;
    at = next;
  }
  const top = files.find((one) => `/${one.path}` === chain[0] && one.part === found.part);
  const need = [...packages, ...components].find(({ name }) => name === (top?.package ?? "edgeimg"))?.need;
  chain.unshift(need ?? "the project");
  return {
    path: `/${found.path}`,
    package: found.package ?? "edgeimg",
    version: found.version ?? "",
    license: found.license,
    bytes: found.size,
    chain,
  };
}
