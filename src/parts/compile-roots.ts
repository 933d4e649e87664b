import type { packageSets } from "./package-sets.js";
import { type DebianContext, neededRoot, optionalRoot } from "./roots.js";

type Sets = Pick<ReturnType<typeof packageSets>, "sysroot" | "engineSysroot" | "libraries" | "headers">;

/** Roots with what programs are compiled against; the engine's sysroot is the common one unless it needs more. */
export function compileRoots(
  context: DebianContext,
  sets: Sets,
  about: { readonly title: string; readonly why: string; readonly engineWhy: string },
) {
  const sysroot = neededRoot(context, sets.sysroot, { title: about.title, why: about.why });
  const engineSysroot = optionalRoot(context, sets.engineSysroot, {
    title: "Unpack the engine's sysroot",
    why: about.engineWhy,
  });
  const libraries = optionalRoot(context, sets.libraries, {
    title: "Unpack the app host's libraries",
    why: "the app host is linked with them, and nothing else is",
  });
  const headers = optionalRoot(context, sets.headers, {
    title: "Unpack the engine's headers",
    why: "the adapter is compiled against them",
  });
  return { sysroot, engineSysroot: engineSysroot ?? sysroot, libraries, headers };
}
