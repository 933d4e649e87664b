import type { DebianContext } from "./roots.js";

/** Where a step's commands look for programs that a root of tools, its input `tools`, brings. */
export const toolPath: readonly string[] = ["in/tools/root/usr/bin", "in/tools/root/usr/sbin"];

/** The image tools by their roles. */
export type Programs = DebianContext["distribution"]["tools"]["image"]["programs"];

/** The image tools as a step's commands name them. */
export function imagePrograms({ distribution }: Pick<DebianContext, "distribution">): Programs {
  const { programs } = distribution.tools.image;
  const places = Object.entries(programs).map(([role, path]) => [role, `in/tools/root/${path}`]);
  return { ...programs, ...Object.fromEntries(places) };
}
