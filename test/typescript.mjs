// Loaded into each process of the tests, before it (.taprc):
//   node --import ./test/typescript.mjs FILE.ts
import { createRequire, register } from "node:module";
import { fileURLToPath } from "node:url";

// TypeScript of `src/` and `test/` runs as it is: types are left out by esbuild, once for each content.
register("./typescript-hooks.mjs", import.meta.url);

// tap follows the modules of every Node that a test starts, for coverage, which is not measured: a command would take twice as long as a user's.
const ofTap = createRequire(fileURLToPath(import.meta.resolve("tap")));
createRequire(ofTap.resolve("@tapjs/processinfo"))("process-on-spawn").removeAllListeners();
