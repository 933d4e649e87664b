import { fileURLToPath } from "node:url";

/** The package's own folder, with recipes/, board-configs/, templates/ and examples/: above dist/ or src/. */
export const packageHome = fileURLToPath(new URL("../../", import.meta.url));

/** Where this process finds programs, as an environment for those that it starts: nothing else of its own reaches them. */
export function hostPath(): { readonly PATH?: string } {
  const { PATH } = process.env;
  return PATH === undefined ? {} : { PATH };
}
