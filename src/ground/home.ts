import { fileURLToPath } from "node:url";

/** The package's own folder, with recipes/, board-configs/, templates/ and examples/: above dist/ or src/. */
export const packageHome = fileURLToPath(new URL("../../", import.meta.url));
