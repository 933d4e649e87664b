import { matrixTargets, type Target } from "../../config/matrix.js";
import { imageRequest, openProject } from "../session/open-project.js";
import type { BuildOptions, Context } from "../types.js";

/** The combinations of boards and engines that the project's `matrix` names; all of them exist. */
export async function listTargets(context: Context, options: BuildOptions): Promise<readonly Target[]> {
  const project = await openProject(context, options);
  const targets = matrixTargets(project.merged);
  for (const target of targets) imageRequest(project, target);
  return targets;
}
